"""What SegCLIP is trained by: the classes' sentences, the losses of its queries and those of the guided ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.dataset import Mapped
from geoglot.models.segclip.builder import embed_classes
from geoglot.models.segclip.config import Guidance
from geoglot.models.segclip.guidance import guide
from geoglot.models.segclip.segclip import Prediction, SegClip
from geoglot.models.segclip.targets import make_targets
from geoglot.models.zoo import load_word_model
from geoglot.recipe import read_recipe
from geoglot.training.mask_losses import guided_losses, mask_losses
from geoglot.training.mask_objective import losses_of
from geoglot.training.matching import MaskLoss
from geoglot.training.train_segment import SegmentRecipe, build
from labelled import NAMES
from tinyclip import store_clip
from tinyrecipe import recipe
from tinysegclip import CLASSES, blocks, tiny_config, tiny_segclip

TOLD = ("guided_class", "guided_mask", "guided_dice")


def test_the_table_holds_the_sentence_of_each_class_and_last_the_blank_one(tmp_path: Path) -> None:
    name = str(store_clip(tmp_path / "tiny"))
    config = tiny_config()
    config = replace(config, prompts=replace(config.prompts, template="an old map of {}", blank="nothing"))
    vectors, facts = embed_classes(name, config)
    reader = load_word_model(name, device="cpu")
    expected = reader.encode_text([*(f"an old map of {one}" for one in CLASSES), "nothing"])
    torch.testing.assert_close(vectors, expected)
    assert torch.pdist(vectors).min() > 1e-3  # so that an order could be told from another
    assert facts == {"model": name, "sha256": reader.card.sha256}


def test_a_recipe_s_network_reads_the_sentences_of_its_template(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    told = 'queries = 12\nprompts = { template = "{} from above" }'
    path.write_text(path.read_text().replace("queries = 12", told, 1))
    asked = read_recipe(path, SegmentRecipe)
    samples = dataset_of("folder").read(tmp_path / "set", "train")
    assert isinstance(samples, Mapped)
    table = build(asked, tmp_path, samples).network.table
    reader = load_word_model("mini", device="cpu")
    expected = reader.encode_text([f"{name} from above" for name in NAMES])
    torch.testing.assert_close(table.vectors[:-1], F.normalize(expected, dim=1))


def losses(model: SegClip, labels: Tensor) -> dict[str, Tensor]:
    torch.manual_seed(5)
    return dict(losses_of(model, torch.randn(2, 3, 96, 96, generator=seeded()), labels, MaskLoss()))


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(6)


def test_a_step_adds_the_losses_of_queries_and_of_guided_ones() -> None:
    """Each part as the functions of the losses give it for its own queries, at the same random points."""
    model, labels = tiny_segclip(guidance=Guidance(weight=0.5)).train(), blocks(2)
    found = losses(model, labels)
    config, targets = model.config, make_targets(labels, len(CLASSES))
    guided = guide(targets, config.guidance, config.queries, config.layers)
    slots = guided.classes.shape[1]
    torch.manual_seed(5)
    heads = model.predictions(torch.randn(2, 3, 96, 96, generator=seeded()), guided)
    plain = mask_losses(
        [Prediction(one.classes[:, slots:], one.masks[:, slots:]) for one in heads], targets, MaskLoss()
    )
    told = guided_losses(
        [Prediction(one.classes[:, :slots], one.masks[:, :slots]) for one in heads], targets, MaskLoss()
    )
    assert set(found) == {*plain, *TOLD} == {*plain, *told}
    for name, value in plain.items():
        torch.testing.assert_close(found[name], value)
    for name, value in told.items():
        torch.testing.assert_close(found[name], 0.5 * value)
        assert found[name] > 0


def test_guidance_teaches_and_can_be_left_out() -> None:
    """The guided losses alone reach the mapper of the texts; without guidance there are none."""
    model = tiny_segclip().train()
    told = losses(model, blocks(2))
    assert model.table is not None
    grads = torch.autograd.grad(sum(told[name] for name in TOLD), list(model.table.mapper.parameters()))
    assert all(one.abs().max() > 0 for one in grads)
    assert not set(TOLD) & set(losses(tiny_segclip(guidance=Guidance(on=False)).train(), blocks(2)))


@pytest.mark.parametrize("weight", [0.25, 2.0])
def test_the_weight_of_guidance_is_a_factor(weight: float) -> None:
    one = losses(tiny_segclip().train(), blocks(2))
    other = losses(tiny_segclip(guidance=Guidance(weight=weight)).train(), blocks(2))
    for name in TOLD:
        torch.testing.assert_close(other[name], weight * one[name])
