from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from geoglot.cli.main import cli
from geoglot.errors import ModelError
from geoglot.models.known import KNOWN
from geoglot.models.stored import find_model, lasting_place
from geoglot.models.zoo import FAMILIES, cached_models, choose_device, list_models, load_word_model, model_size

Save = Callable[..., Path]


def test_a_stored_model_is_loaded_by_name_and_by_folder(stored: Path) -> None:
    pixels = torch.rand(1, 3, 64, 64)
    by_name, by_folder = load_word_model("tiny"), load_word_model(str(stored))
    assert torch.equal(by_name.encode_image(pixels), by_folder.encode_image(pixels))
    assert not by_name.training
    assert model_size("tiny") == (stored / "weights.safetensors").stat().st_size


def test_a_lasting_place_finds_the_model_from_anywhere(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(stored, tmp_path / "work" / "mine")
    shutil.copytree(stored, tmp_path / "work" / "tiny")  # the name wins
    monkeypatch.chdir(tmp_path / "work")
    assert lasting_place("mine") == str(tmp_path / "work" / "mine")
    assert [lasting_place(name) for name in ("tiny", "mini")] == ["tiny", "mini"]


def test_an_unknown_family_is_named(stored: Path) -> None:
    card = json.loads((stored / "card.json").read_text())
    (stored / "card.json").write_text(json.dumps(card | {"family": "oracle"}))
    with pytest.raises(ModelError, match="'oracle'; known are mini, clip, graft"):
        load_word_model("tiny")


def test_a_known_model_that_is_not_here_says_how_to_get_it() -> None:
    with pytest.raises(ModelError, match="geoglot models pull remoteclip-vit-b-32"):
        load_word_model("remoteclip-vit-b-32")


@pytest.mark.parametrize("name", ["no-such-model", "no/such/folder", ""])
def test_an_unknown_name_says_where_the_names_are(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="geoglot models list"):
        find_model(name)


def test_a_device_that_is_not_here_is_refused() -> None:
    with pytest.raises(ModelError, match="try auto or cpu"):
        choose_device("abacus")
    assert choose_device("cpu") == torch.device("cpu")


def test_no_device_is_the_one_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOGLOT_DEVICE", "cpu:0")
    assert choose_device(None) == torch.device("cpu:0")
    assert choose_device("cpu") == torch.device("cpu")


def test_loading_leaves_the_threads_of_the_process_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    monkeypatch.setenv("GEOGLOT_THREADS", str(before + 1))
    load_word_model()
    assert torch.get_num_threads() == before


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


def test_a_card_that_cannot_be_read_stops_no_list(stored: Path) -> None:
    shutil.copytree(stored, stored.with_name("odd"))
    (stored.with_name("odd") / "card.json").write_text("[]")
    states = {entry.name: entry.state for entry in list_models()}
    assert (states["odd"], states["tiny"]) == ("broken", "cached")
    shown = CliRunner().invoke(cli, ["models", "list"])
    assert shown.exit_code == 0 and "odd  " in shown.stdout and "card.json" in shown.stdout


def test_families_import_nothing_before_they_are_used() -> None:
    assert set(FAMILIES) == {"mini", "clip", "graft", "taught", "light", "segclip", "upernet"}
    source = Path(sys.modules["geoglot.models.zoo"].__file__ or "").read_text()
    assert not any(line.startswith(("import transformers", "from transformers")) for line in source.splitlines())


def test_the_list_says_how_large_a_model_is_and_what_it_is_for(stored: Path) -> None:
    entries = {entry.name: entry for entry in list_models()}
    assert all(entry.bytes > 0 and entry.good_for for entry in entries.values())
    assert entries["mini"].bytes == model_size("mini")
    assert entries["clip-vit-l-14"].bytes == 1_710_400_000 and "photos" in entries["clip-vit-l-14"].good_for
    assert (entries["graft-naip-pixel"].bytes, entries["graft-naip-pixel"].good_for) == (
        entries["clip-vit-b-16"].bytes,
        "maps by words at 1 m",
    )
