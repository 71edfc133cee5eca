"""Words and the covers of the ground that they mean."""

import numpy as np
import pytest

from geoglot.scene.class_words import ClassWords, parse_classes
from geoglot.scene.covers import COVERS, meaning_of

NAMES = [cover.name for cover in COVERS]


@pytest.mark.parametrize(
    ("cover", "words"),
    [
        ("water", "water, lake, river, stream, reservoir, flooded area, ocean"),
        ("vegetation", "vegetation, tree, forest, woodland, meadow, lawn, grass"),
        ("bare soil", "bare soil, soil, bare land, dirt, sand dune"),
        ("snow", "snow, ice, glacier"),
        ("burnt ground", "burnt area, burn scar"),
        ("built-up area", "building, house, road, highway, urban"),
    ],
)
def test_words_mean_the_cover_that_they_are_near(cover: str, words: str) -> None:
    own = meaning_of(parse_classes(words), compete=False).own
    assert (own[:, NAMES.index(cover)] > 0.8).all()
    assert (np.count_nonzero(own, axis=1) == 1).all()


def test_words_of_no_cover_have_no_weight() -> None:
    words = parse_classes("ship, car, airport, tennis court, solar panel, stadium, elephant, violin, cloud, shadow")
    assert meaning_of(words, compete=False).own.max() < 0.2


def test_a_word_that_is_less_near_weighs_less() -> None:
    own = meaning_of(parse_classes("lake, swimming pool, ship"), compete=False).own[:, NAMES.index("water")]
    assert own[0] == 1 > own[1] > 0.3 > own[2]


def test_a_field_is_not_said_to_be_green() -> None:
    meaning = meaning_of(parse_classes("farmland"), compete=False)
    assert meaning.own[0, NAMES.index("vegetation")] == meaning.against[0, NAMES.index("vegetation")] == 0
    assert meaning.against[0, NAMES.index("water")] == 1


def test_a_cover_speaks_against_others_unless_a_class_of_the_same_map_means_it() -> None:
    water = NAMES.index("water")
    words = parse_classes("road, lake")
    assert meaning_of(words, compete=False).against[:, water].tolist() == [1, 0]
    assert meaning_of(words, compete=True).against[:, water].tolist() == [0, 0]
    assert meaning_of(words[:1], compete=True).against[:, water].tolist() == [1]


def test_every_excluded_cover_is_a_cover() -> None:
    assert {name for cover in COVERS for name in cover.excludes} <= set(NAMES)


def test_a_class_without_words_means_no_cover() -> None:
    words = parse_classes("road, lake")
    own = meaning_of((*words, ClassWords("", ())), compete=True).own
    assert (own[:2] == meaning_of(words, compete=True).own).all()
    assert (own[2] == 0).all()
