from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from geoglot.models.zoo import load_word_model
from geoglot.nouns import SYNONYMS
from geoglot.scene import extents
from geoglot.scene.extents import extent_of, extents_near, known_extents
from stubs import PooledColours
from tinyclip import store_clip

TABLES = tomllib.loads(Path(extents.__file__).with_name("extents.toml").read_text("utf-8"))


def test_the_table_is_sorted_without_doubles_and_its_numbers_are_widths() -> None:
    assert set(TABLES) == {"areas", "lines", "masses", "things"}
    names = [name for kind in TABLES for name in TABLES[kind]]
    assert len(names) == len(set(names)) == len(known_extents()) > 900
    for kind, table in TABLES.items():
        assert list(table) == sorted(table), kind
        assert all(0.01 <= metres <= 10_000 for metres in table.values())
    assert min(TABLES["areas"].values()) > max(TABLES["masses"].values()) - 1


def test_every_name_is_found_as_itself_and_no_synonym_means_another_size() -> None:
    for name in known_extents():
        assert extent_of(name) == known_extents()[name]
    for word, name in SYNONYMS.items():
        assert extent_of(name) is not None, name
        assert word == "woods" or extent_of(word) == extent_of(name), word


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("cars", "car"),
        ("Parked Red Cars", "car"),
        ("parked-cars", "car"),
        ("cars in a parking lot", "car"),
        ("vehicles (parked)", "vehicle"),
        ("car park", "parking lot"),
        ("swimming_pool", "swimming pool"),
        ("a row of houses", "house"),
        ("fields of wheat", "field"),
        ("cars and trucks", "truck"),
        ("pools/ponds", "pond"),
        ("body of water", "water"),
        ("aircraft", "airplane"),
        ("women", "woman"),
        ("people", "people"),
        ("T-junctions", "t junction"),
        ("very wide road", "road"),
    ],
)
def test_a_phrase_has_the_extent_of_its_head_noun(phrase: str, name: str) -> None:
    extent = extent_of(phrase)
    assert extent is not None and extent.name == name


@pytest.mark.parametrize("phrase", ["flibbertigibbet", "", " ", "of", "of the", "and", "()", "42"])
def test_nothing_is_said_of_other_words(phrase: str) -> None:
    assert extent_of(phrase) is None


def test_words_beside_the_table_have_the_extents_of_near_names() -> None:
    mini = load_word_model("mini")
    near = extents_near(mini, ["frigate", "flibbertigibbet", "frigate"])
    assert "warship" in [extent.name for extent in near["frigate"]] and near["flibbertigibbet"] == ()


class Counting(PooledColours):
    """A model whose known names are orthogonal, and whose other words are mixtures of them."""

    asked = 0

    def encode_text(self, texts: list[str]) -> Tensor:
        Counting.asked += len(texts)
        names = list(known_extents())
        rows = [torch.eye(len(names))[names.index(text) if text in names else 0] for text in texts]
        return F.normalize(torch.stack(rows), dim=1)


def test_a_word_is_embedded_once() -> None:
    model = Counting()
    for _ in range(3):
        assert extents_near(model, ["some word"])["some word"] == ()  # one near name is not enough
    assert Counting.asked == len(known_extents()) + 1


def test_a_clip_is_asked_like_any_other_model(tmp_path: Path) -> None:
    store_clip(tmp_path / "clip")
    near = extents_near(load_word_model(tmp_path / "clip"), ["frigate", "quux"])
    assert set(near) == {"frigate", "quux"}
