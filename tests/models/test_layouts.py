"""What training and other libraries put around weights: taken off, or told in one sentence."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPModel

from geoglot.errors import ConvertError
from geoglot.models.convert.checkpoint_files import read_checkpoint
from geoglot.models.convert.layouts import clip_config, from_openclip, is_graft, strip_wrappers
from geoglot.models.convert.other_kinds import describe_other_kind
from geoglot.models.convert.pickled import Foreign, Kept, check_archive, weights_of
from geoglot.models.convert.unpickle import _load, _sentence

OPENCLIP = ("visual.class_embedding", "visual.proj", "token_embedding.weight", "transformer.resblocks.0.ln_1.weight")
CLIP = ("vision_model.embeddings.class_embedding", "text_model.final_layer_norm.weight", "visual_projection.weight")
MANY = 2**40


def named(names: tuple[str, ...], prefix: str = "") -> dict[str, Tensor]:
    return {f"{prefix}{name}": torch.zeros(1) for name in names}


@pytest.mark.parametrize("names", [OPENCLIP, CLIP])
@pytest.mark.parametrize(
    "prefix",
    ["", "_orig_mod.", "module.", "model.", "clip.", "base_model.model.", "module._orig_mod.model.", "ema.net."],
)
def test_a_prefix_is_taken_off(names: tuple[str, ...], prefix: str) -> None:
    assert set(strip_wrappers(named(names, prefix))) == set(names)


def test_a_tower_that_was_compiled_by_itself_is_read() -> None:
    tensors = {name.replace("visual.", "visual._orig_mod.", 1): one for name, one in named(OPENCLIP).items()}
    assert set(strip_wrappers(tensors)) == set(OPENCLIP)


def test_two_models_in_one_file_are_told() -> None:
    with pytest.raises(ConvertError, match=r"several CLIPs, under 'student\.', 'teacher\.'"):
        strip_wrappers(named(CLIP, "student.") | named(CLIP, "teacher."))
    with pytest.raises(ConvertError, match="the same name"):
        strip_wrappers(named(CLIP) | named(CLIP, "module."))


def test_a_tower_without_a_text_tower_is_no_prefix() -> None:
    graft = strip_wrappers(named(CLIP[:1], "module.satellite_image_backbone."))
    assert set(graft) == {f"satellite_image_backbone.{CLIP[0]}"}
    assert is_graft(graft) and is_graft(named(CLIP[:1])) and not is_graft(named(CLIP))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["visual.trunk.pos_embed", "logit_bias"], "SigLIP"),
        (["vision_model.head.probe", "logit_bias"], "SigLIP"),
        (["visual.trunk.stages.0.blocks.0.gamma"], "timm"),
        (["visual.blocks.0.attn.q_proj.weight"], "EVA"),
        (["visual.layer1.0.conv1.weight", "visual.attnpool.positional_embedding"], "ResNet"),
        (["text_decoder.resblocks.0.ln_1.weight", "visual.proj"], "CoCa"),
        (["mask_decoder.iou_token.weight"], "SAM"),
        (["backbone.cls_token", "backbone.blocks.0.ls1.gamma"], "DINO"),
        (["embeddings.cls_token", "encoder.layer.0.norm1.weight"], "DINO"),
        (["base_model.model.q_proj.lora_A.default.weight"], "merge"),
        (["layer1.0.conv1.weight", "fc.weight"], "classifier"),
        (["model.network.places.weight", "optimiser.0.exp_avg"], "RUN/model"),
    ],
)
def test_other_models_are_told_by_their_kind(names: list[str], said: str) -> None:
    told = describe_other_kind(names)
    assert told is not None and said in told


def test_a_vit_clip_is_no_other_model(body: CLIPModel) -> None:
    assert describe_other_kind(OPENCLIP) is None and describe_other_kind(body.state_dict()) is None


def test_text_towers_of_customtextclip_and_a_bias_of_the_loss_are_read() -> None:
    custom = {name if name.startswith("visual.") else f"text.{name}": one for name, one in named(OPENCLIP[2:]).items()}
    renamed = from_openclip(custom | {"logit_bias": torch.zeros(())})
    assert set(renamed) == {
        "text_model.embeddings.token_embedding.weight",
        "text_model.encoder.layers.0.layer_norm1.weight",
    }


@pytest.mark.parametrize("number", ["300000", "9" * 5000, "-1", "07", "x", "٣"])
def test_a_number_in_a_name_is_not_believed(body: CLIPModel, number: str) -> None:
    tensors = dict(body.state_dict()) | {f"text_model.encoder.layers.{number}.mlp.fc1.weight": torch.zeros(1)}
    with pytest.raises(ConvertError, match="a layer of text_model is called") as error:
        clip_config(tensors, "gelu")
    assert len(str(error.value)) < 300


def test_weights_are_found_in_nests_and_those_of_the_model_go_first() -> None:
    inner, mean = {"a": torch.ones(2)}, {"a": torch.zeros(2)}
    for content in (
        inner,
        {"epoch": 3, "state_dict": inner, "optimizer": {"state": {0: {"exp_avg": torch.zeros(9)}}}},
        {"ema": mean, "model": {"model_state_dict": inner}},
        {"args": None, "my_net": inner},
    ):
        assert torch.equal(weights_of(content, 100)["a"], inner["a"])
    assert torch.equal(weights_of({"ema": mean, "epoch": 1}, 100)["a"], mean["a"])


@pytest.mark.parametrize("content", [{}, [], 3, {"epoch": 3}, {"state": {0: {"x": torch.ones(1)}}, "param_groups": []}])
def test_what_holds_no_weights_is_told(content: Any) -> None:
    with pytest.raises(Foreign, match=r"without weights; save the model's state_dict\(\)"):
        weights_of(content, 100)


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (torch.zeros(1).expand(MANY), "claims 1,099,511,627,776 numbers for x and holds 1"),
        (torch.zeros(MANY // 2**24, 2**24, device="meta"), "not plain numbers"),
        (torch.sparse_coo_tensor(size=(MANY, 2**20), check_invariants=False), "not plain numbers"),
    ],
)
def test_tensors_that_are_more_than_their_file_are_refused(tensor: Tensor, said: str) -> None:
    with pytest.raises(Foreign, match=said):
        weights_of({"x": tensor}, 10_000)


def test_many_names_of_one_storage_are_refused_and_tied_weights_are_not() -> None:
    one = torch.ones(1000)
    assert len(weights_of({"a": one, "b": one}, 4000)) == 2
    with pytest.raises(Foreign, match="claims 12,000 bytes of weights and has 4,000"):
        weights_of({"a": one, "b": one, "c": one}, 4000)


def test_a_whole_module_is_read_as_its_state_dict() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    module.register_buffer("passing", torch.zeros(1), persistent=False)
    kept = kept_of(module)
    assert {name: one.shape for name, one in weights_of({"model": kept}, 10_000).items()} == {
        name: one.shape for name, one in module.state_dict().items()
    }
    loop = Kept()
    loop.__setstate__({"_modules": {"a": loop, "b": loop}})
    with pytest.raises(Foreign, match="endless names"):
        weights_of(loop, 10_000)


def kept_of(module: nn.Module) -> Kept:
    """As the child's unpickler would leave it."""
    kept = Kept()
    state = vars(module) | {"_modules": {name: kept_of(one) for name, one in module.named_children()}}
    kept.__setstate__(state)
    return kept


def test_whole_modules_come_through_the_child(tmp_path: Path, body: CLIPModel) -> None:
    torch.save(body, tmp_path / "whole.pt")
    found = read_checkpoint(tmp_path / "whole.pt")
    wanted = body.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], one) for name, one in wanted.items())


def test_archives_of_programs_and_those_that_unpack_to_more_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", b"")
        archive.writestr("model/constants.pkl", b"")
    with pytest.raises(Foreign, match=r"TorchScript .*torch\.jit\.load\('model\.pt', 'cpu'\)\.state_dict"):
        check_archive(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/data.pkl", b"0" * 1_000_000)
    with pytest.raises(Foreign, match="unpacks to more than its size"):
        check_archive(path)


@pytest.mark.parametrize(
    "content", [b"\x80\x02]q\x00.", pickle.dumps({"a": print}), b"PK\x03\x04junk", b"", b"\x80\x02("]
)
def test_the_childs_sentence_gives_no_advice_to_trust(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "odd.pt").write_bytes(content)
    with pytest.raises(Exception) as error:
        weights_of(_load(tmp_path / "odd.pt"), len(content))
    told = _sentence(error.value)
    assert told and "weights_only" not in told.lower() and "\n" not in told and len(told) <= 300


def shard(folder: Path, tensors: dict[str, Tensor], **files: Any) -> Path:
    """Two parts and their index."""
    folder.mkdir()
    parts = {f"model-0000{number}-of-00002.safetensors": [name] for number, name in enumerate(tensors, 1)}
    for file, names in parts.items():
        save_file({name: tensors[name] for name in names}, folder / file)
    table = {name: file for file, names in parts.items() for name in names}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": table} | files))
    return folder


def test_parts_are_read_by_their_folder_by_one_of_them_and_by_their_index(tmp_path: Path) -> None:
    folder = shard(tmp_path / "hf", {"a": torch.ones(1), "b": torch.zeros(1)})
    for source in (folder, folder / "model-00002-of-00002.safetensors", folder / "model.safetensors.index.json"):
        assert set(read_checkpoint(source)) == {"a", "b"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"a": "model-00001-of-00002.safetensors", "b": "model-00009-of-00009.safetensors"}, "copy all 2 parts"),
        ({"a": "../secret.safetensors"}, "no index of parts"),
        (
            {"a": "model-00001-of-00002.safetensors", "z": "model-00002-of-00002.safetensors"},
            "z of .* none of its parts",
        ),
        ([], "no index of parts"),
        ({}, "no index of parts"),
    ],
)
def test_an_index_that_lies_is_told(tmp_path: Path, table: Any, said: str) -> None:
    folder = shard(tmp_path / "hf", {"a": torch.ones(1), "b": torch.zeros(1)}, weight_map=table)
    with pytest.raises(ConvertError, match=said):
        read_checkpoint(folder)


def test_a_part_alone_says_what_is_missing(tmp_path: Path) -> None:
    folder = shard(tmp_path / "hf", {"a": torch.ones(1), "b": torch.zeros(1)})
    (folder / "model.safetensors.index.json").unlink()
    with pytest.raises(ConvertError, match=r"one of 2 parts, and their index model\.safetensors\.index\.json"):
        read_checkpoint(folder / "model-00001-of-00002.safetensors")
    with pytest.raises(ConvertError, match="one of 2 parts"):
        read_checkpoint(folder)
