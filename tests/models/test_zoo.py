from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import CLIPModel

from geoglot.errors import ModelError, OutputError
from geoglot.models.convert import Conversion, convert
from geoglot.models.known import CLIP_B16, KNOWN
from geoglot.models.pull import pull
from geoglot.models.store import read_card, save_model, sha256_of
from geoglot.models.zoo import (
    FAMILIES,
    cached_models,
    choose_device,
    find_model,
    list_models,
    load_model,
    model_size,
)

Save = Callable[..., Path]


@pytest.fixture
def stored(hf_folder: Save, body: CLIPModel, cache: Path) -> Path:
    """A model converted into the cache under the name `tiny`."""
    convert(hf_folder(body), cache / "tiny", Conversion("tiny", licence="CC0"))
    return cache / "tiny"


def test_a_stored_model_is_loaded_by_name_and_by_folder(stored: Path) -> None:
    pixels = torch.rand(1, 3, 64, 64)
    by_name, by_folder = load_model("tiny"), load_model(str(stored))
    assert torch.equal(by_name.encode_image(pixels), by_folder.encode_image(pixels))
    assert not by_name.training
    assert model_size("tiny") == (stored / "weights.safetensors").stat().st_size


def test_saving_and_loading_changes_nothing(stored: Path, tmp_path: Path) -> None:
    model = load_model("tiny")
    card = save_model(model, tmp_path / "again")
    assert card == read_card(stored) == read_card(tmp_path / "again")
    assert sorted(path.name for path in (tmp_path / "again").iterdir()) == [
        "card.json",
        "tokenizer.json",
        "weights.safetensors",
    ]
    again = load_model(tmp_path / "again")
    assert torch.equal(again.encode_text(["a weir"]), model.encode_text(["a weir"]))


def test_a_failed_save_leaves_nothing(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("geoglot.models.store.save_file", full)
    target = tmp_path / "shelf" / "again"
    with pytest.raises(OutputError, match="No space left"):
        save_model(load_model("tiny"), target)
    assert list(target.parent.iterdir()) == []


def test_a_changed_file_of_weights_is_refused(stored: Path) -> None:
    weights = stored / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelError, match="does not match the sha256"):
        load_model("tiny")


@pytest.mark.parametrize("content", ["{}", "not json", '{"mean": 3}'])
def test_a_broken_card_is_refused_in_one_sentence(stored: Path, content: str) -> None:
    (stored / "card.json").write_text(content)
    with pytest.raises(ModelError, match=r"is not a model card .* convert or pull"):
        load_model("tiny")


def test_an_unknown_family_is_named(stored: Path) -> None:
    card = json.loads((stored / "card.json").read_text())
    (stored / "card.json").write_text(json.dumps(card | {"family": "oracle"}))
    with pytest.raises(ModelError, match="'oracle'; known are mini, clip, graft"):
        load_model("tiny")


def test_a_missing_tokenizer_is_named(stored: Path) -> None:
    (stored / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"holds no tokenizer\.json"):
        load_model("tiny")


def test_a_known_model_that_is_not_here_says_how_to_get_it() -> None:
    with pytest.raises(ModelError, match="geoglot models pull remoteclip-vit-b-32"):
        load_model("remoteclip-vit-b-32")


@pytest.mark.parametrize("name", ["no-such-model", "no/such/folder", ""])
def test_an_unknown_name_says_where_the_names_are(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="geoglot models list"):
        find_model(name)


def test_an_empty_folder_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no card\.json"):
        load_model(tmp_path)


def test_a_device_that_is_not_here_is_refused() -> None:
    with pytest.raises(ModelError, match="try auto or cpu"):
        choose_device("abacus")
    assert choose_device("cpu") == torch.device("cpu")


def test_the_cache_lists_whole_models_only(stored: Path, cache: Path) -> None:
    (cache / ".half-written").mkdir()
    (cache / "empty").mkdir()
    assert cached_models() == {"tiny": stored}


def test_every_known_model_is_complete() -> None:
    for name, known in KNOWN.items():
        assert known.resolution[0] <= known.resolution[1], name
        assert bool(known.repo) == bool(known.file), name
        assert known.page.startswith("https://"), name
        assert known.text in {"", *KNOWN}, name


def test_the_list_has_each_name_once(stored: Path) -> None:
    entries = {entry.name: entry.state for entry in list_models()}
    assert len(entries) == len(list_models())
    assert (entries["mini"], entries["tiny"], entries["clip-vit-l-14"]) == ("bundled", "cached", "known")


def test_families_import_nothing_before_they_are_used() -> None:
    assert set(FAMILIES) == {"mini", "clip", "graft"}
    source = Path(sys.modules["geoglot.models.zoo"].__file__ or "").read_text()
    assert not any(line.startswith(("import transformers", "from transformers")) for line in source.splitlines())


class Hub:
    """A hub of one folder; it may state wrong hashes."""

    def __init__(self, folder: Path, *, damaged: bool = False) -> None:
        self.folder, self.damaged = folder, damaged
        self.asked: list[tuple[str, str]] = []

    def __call__(self, repo: str, file: str) -> tuple[Path, str | None]:
        self.asked.append((repo, file))
        path = self.folder / Path(file).name
        return path, "0" * 64 if self.damaged else sha256_of(path)


def test_pulling_downloads_converts_and_caches(hf_folder: Save, body: CLIPModel, cache: Path) -> None:
    folder = hf_folder(body)
    torch.save(body.state_dict(), folder / "pytorch_model.bin")
    hub = Hub(folder)
    card = pull("clip-vit-b-16", hub)
    assert hub.asked == [(CLIP_B16, file) for file in ("pytorch_model.bin", "config.json", "tokenizer.json")]
    assert (card.licence, card.resolution) == ("MIT", (0.1, 30.0))
    assert load_model("clip-vit-b-16").card == card == replace(card, sha256=card.sha256)
    assert pull("clip-vit-b-16", Hub(Path("nowhere"))) == card


def test_a_damaged_download_is_refused(hf_folder: Save, body: CLIPModel, cache: Path) -> None:
    folder = hf_folder(body)
    (folder / "pytorch_model.bin").write_bytes(b"half")
    with pytest.raises(ModelError, match="arrived damaged"):
        pull("clip-vit-b-16", Hub(folder, damaged=True))
    assert cached_models() == {}


def test_what_cannot_be_pulled_says_where_it_is() -> None:
    with pytest.raises(ModelError, match=r"graft\.cs\.cornell\.edu, then: geoglot models convert"):
        pull("graft-naip-pixel", Hub(Path()))
    with pytest.raises(ModelError, match="geoglot models list"):
        pull("no-such-model", Hub(Path()))
