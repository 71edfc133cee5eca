"""Words that a model cannot tell apart are refused; what it reads badly is told, at every door."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from geoglot.cli.main import cli
from geoglot.errors import ClassesError, ModelError
from geoglot.models.zoo import load_word_model
from geoglot.scene.class_words import ClassWords, parse_classes
from geoglot.scene.wording import word_notes
from stubs import PooledColours
from worlds import write_scene

GERMAN = "Bäume, Gras, Häuser, Straße"
LONG = "a dense quarter of small houses with gardens " * 20


@pytest.fixture(scope="module")
def mini() -> object:
    return load_word_model("mini")


def notes(model: object, classes: object, **more: object) -> tuple[str, ...]:
    return word_notes(model, parse_classes(classes), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("classes", "background", "said"),
    [
        (["Trees", "trees", "road"], (), "'Trees' and 'trees' are the same to mini"),
        (["café", "cafe"], (), "are the same to mini"),
        ({"green": ["trees"], "wood": ["forest", "TREES"]}, (), "'trees' and 'TREES' of 'green' and 'wood'"),
        ({"green": ["trees"], "wood": ["trees"]}, (), "'trees' and 'trees' of 'green' and 'wood'"),
        (["trees", "road"], ("Road",), "'road' cannot be found and be the background"),
        (["dense forest", "forest dense"], (), "are the same to mini"),
        (["房屋", "road"], (), "mini knows no part of '房屋'; it reads English"),
        (["🏠", "🏭", "road"], (), "mini knows no part of '🏠', '🏭'"),
        ([f"{LONG}here", f"{LONG}there"], (), "are the same to mini"),
    ],
)
@pytest.mark.parametrize("few", [500, 0])
def test_what_a_model_cannot_tell_apart_is_refused(
    mini: object, classes: object, background: tuple[str, ...], said: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few words are all compared, of many only those that are near in some directions."""
    monkeypatch.setattr("geoglot.scene.wording._FEW", few)
    with pytest.raises(ClassesError, match=r"^[^\n]*$") as error:
        notes(mini, classes, background=background)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ("1, 2.5, road", ["'1', '2.5': a number says nothing"]),
        ("???, __, road", ["'???', '__': signs say nothing of what a class shows"]),
        (GERMAN, ["mini reads English only", "'Bäume'", "'Gras'", "'Häuser'", "'Straße'"]),
        ("árboles, hierba, casas, carretera", ["reads English only", "'hierba'"]),
        ("森林, road, trees, grass", ["reads English only", "does not know '森林' as a word"]),
        ("مبنى, road, trees", ["reads English only", "'مبنى'"]),
        ("wald", ["reads English only", "'wald'"]),
        ({"green": ["trees", "Trees"], "road": ["road"]}, ["'trees' and 'Trees' are one word to mini in 'green'"]),
        ([LONG[:500].strip(), "trees"], ["is long: mini makes one vector of all its"]),
        ([LONG.strip(), "trees"], ["is too long for mini: it reads 128 of 1"]),
    ],
)
def test_what_a_model_reads_badly_is_told(mini: object, classes: object, said: list[str]) -> None:
    (note,) = notes(mini, classes)
    assert all(part in note for part in said), note


@pytest.mark.parametrize(
    "classes",
    [
        "trees, grass, houses, road",
        "forest, woodland, woods, trees, tree",
        "silo, farmland, cropland, bareland",
        "crossroad",
        "storage tanks",
        "swimming pools, tennis courts",
        "photovoltaic panels",
        "0.5 m, 3rd class, A/B",
    ],
)
def test_english_words_and_synonyms_are_not_remarkable(mini: object, classes: str) -> None:
    assert notes(mini, classes) == ()


def test_a_model_whose_languages_nobody_knows_is_not_said_to_read_english() -> None:
    class Folded(PooledColours):
        def encode_text(self, texts: list[str]) -> Tensor:
            return super().encode_text([text.lower() for text in texts])

    model = Folded()
    assert notes(model, ["water", "forest", "Sand"]) == ()
    with pytest.raises(ClassesError, match="'water' and 'Water' are the same to pooled colours"):
        notes(model, ["water", "Water"])
    given = torch.eye(3)
    assert word_notes(model, [ClassWords("a", ("a", "b")), ClassWords("c", ("c",))], given) == ()


def test_every_door_tells_it_in_text_and_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_scene(tmp_path / "scene.tif", torch.rand(3, 64, 64, generator=torch.manual_seed(0)).numpy())
    doors = {
        "segment": ["segment", "scene.tif", "--classes", GERMAN, "-o", "map.tif"],
        "classify": ["classify", "scene.tif", "--classes", GERMAN, "--whole"],
        "find": ["find", "scene.tif", "Straße"],
        "ask": ["ask", "scene.tif", "Is there a wald?"],
    }
    for door, arguments in doors.items():
        text = CliRunner().invoke(cli, [*arguments, "-q"])
        assert "mini reads English only" in text.stdout, (door, text.output)
        document = json.loads(CliRunner().invoke(cli, [*arguments, "-q", "--json"]).stdout)
        assert any("mini reads English only" in note for note in document["notes"]), door
    manifest = json.loads((tmp_path / "map.manifest.json").read_text("utf-8"))
    assert any("mini reads English only" in note for note in manifest["notes"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["segment", "scene.tif", "--classes", "Trees, trees, road", "-o", "map.tif"],
        ["segment", "scene.tif", "--classes", "trees, road", "--background", "Trees", "-o", "map.tif"],
        ["classify", "scene.tif", "--classes", "Trees, trees", "--whole"],
        ["find", "scene.tif", "trees", "Trees"],
        ["find", "scene.tif", "trees", "--background", "TREES, road"],
    ],
)
def test_doubles_are_wrong_usage_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_scene(tmp_path / "scene.tif", torch.rand(3, 64, 64, generator=torch.manual_seed(0)).numpy())
    result = CliRunner().invoke(cli, [*arguments, "-q"])
    assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["scene.tif"]


def test_a_tokenizer_that_panics_at_one_word_is_one_sentence(mini: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A panic of the library below is no Exception; it has no name to import."""
    panic = type("PanicException", (BaseException,), {})

    def known(tokenizer: object, text: str) -> list[bool]:
        raise panic("index out of bounds")

    monkeypatch.setattr("geoglot.scene.wording._known_tokens", known)
    with pytest.raises(ModelError, match="tokenizer cannot be used"):
        notes(mini, ["trees", "road"])


@pytest.mark.parametrize("typed", ["not water", "no houses", "non-residential area", "without trees"])
def test_a_negation_is_told(typed: str) -> None:
    notes = word_notes(load_word_model("mini"), [ClassWords(typed, (typed,))])
    assert any("does not read no, not and without" in note and typed in note for note in notes)
