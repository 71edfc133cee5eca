from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest

import geoglot.outputs.palette as palette
from geoglot.outputs.palette import OTHER_COLOUR, choose_colours, concept_of, known_colours
from geoglot.outputs.vision import distances

COMMON = ["water", "trees", "grass", "crops", "bare soil", "building", "road"]


def _least(names: list[str]) -> float:
    """The least distance between the colours of names, and from that of "other", for any vision."""
    colours = [*choose_colours(names), OTHER_COLOUR]
    apart = distances(colours, colours) + 1e3 * np.eye(len(colours))
    return float(apart.min())


def test_colours_of_concepts_look_different_to_everybody() -> None:
    assert _least(list(known_colours())) > 7.5
    assert _least(COMMON) > 14
    assert distances(choose_colours(["swimming pool"]), choose_colours(["solar panel"])).min() > 50


@pytest.mark.parametrize(
    ("names", "concept"),
    [
        (["water", "Rivers", "SeaLake", "area of water", "sea or lake", "body of water"], "water"),
        (["tree", "dark green trees", "Forest", "woodland", "tree cover"], "trees"),
        (["pool", "swimming pools", "blue swimming pool in a garden"], "swimming pool"),
        (["solar panel", "PV panels", "photovoltaic"], "solar panel"),
        (["house", "a row of houses", "roof@mine", "roof tiles", "Buildings"], "building"),
        (["low_vegetation", "meadow", "grassy area"], "grass"),
        (["AnnualCrop", "farm land", "agricultural", "rice fields"], "crops"),
        (["tree-lined road", "Impervious surfaces", "highway or road"], "road"),
        (["parked red cars", "small-vehicle", "lorry"], "vehicle"),
    ],
)
def test_words_of_one_concept_have_its_colour_in_every_run(names: list[str], concept: str) -> None:
    for name in names:
        assert concept_of(name) == concept
        assert choose_colours(["quux", "windmill", name])[2] == known_colours()[concept]
        assert choose_colours([name]) == (known_colours()[concept],)


def test_a_word_of_no_concept_keeps_its_colour_while_that_is_free() -> None:
    alone = choose_colours(["windmill"])
    assert alone == choose_colours(["Windmill"])
    few = [["windmill", *others] for others in itertools.combinations(COMMON, 2)]
    kept = [choose_colours(names)[0] == alone[0] for names in few]
    assert sum(kept) >= len(kept) / 2
    assert all(_least(names) > 9 for names in few)


def test_classes_of_one_concept_have_shades_that_look_different() -> None:
    colours = choose_colours(["house", "roof", "building"])
    assert colours[0] == known_colours()["building"]
    assert _least(["house", "roof", "building"]) > 9


def test_a_dozen_unknown_words_look_different() -> None:
    assert _least([f"kind {number}" for number in range(12)]) > 9


def test_no_word_stands_for_two_concepts() -> None:
    table = tomllib.loads(Path(palette.__file__).with_suffix(".toml").read_text("utf-8"))
    words = [word.strip() for name, entry in table.items() for word in [name, *entry["words"].split(",")]]
    assert len(words) == len(set(words))
    assert {concept_of(word) for word in words} == set(table)
