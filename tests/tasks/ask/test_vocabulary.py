from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine
from polygons import BLUE, RED, StubScene, budget, grid_of

from geoglot.errors import AnswerError, InputError, LimitError
from geoglot.geo import Grid, Window
from geoglot.nouns import counted, plural, singular
from geoglot.tasks.ask.ground import shared_notes
from geoglot.tasks.ask.limits import Budget, Limits
from geoglot.tasks.ask.scene_things import Objects, shapes_of
from geoglot.tasks.ask.vocabulary import WORDS, Vocabulary

BOXES = {
    "building": [(10, 10, 30, 40), (10, 60, 20, 70), (300, 500, 340, 540)],
    "river": [(100, 0, 120, 600)],
    "roof": [(200, 200, 220, 220)],
}


class Words(Vocabulary):
    """The words as methods, as a program has them."""

    def __getattr__(self, name: str) -> Any:
        return self.calls()[name]


def words(scene: StubScene | None = None, after: StubScene | None = None) -> Words:
    return Words(scene or StubScene(BOXES, colours={"roof": BLUE}), after, budget())


def ids(objects: Objects) -> list[int]:
    return [thing.id for thing in objects.things]


def test_areas_are_within_half_a_percent_and_distances_within_a_pixel() -> None:
    own = words()
    assert own.area_m2(own.find("building")) == pytest.approx(600 + 100 + 1600, rel=0.005)
    assert own.area_m2(own.find("river"), own.part("left half")) == pytest.approx(20 * 300, rel=0.005)
    assert own.share(own.find("river")) == pytest.approx(20 * 600 / (400 * 600), rel=1e-6)
    assert own.share(own.find("river"), own.part("upper half")) == pytest.approx(20 / 200, rel=1e-6)
    assert own.distance_m(own.find("building"), own.find("river")) == pytest.approx(70, abs=1)
    assert own.distance_m(own.find("river"), own.find("river")) == 0
    assert own.length_m(own.find("building")) == pytest.approx(40, abs=1)


def test_things_are_chosen_by_size_shape_place_and_colour() -> None:
    own = words()
    found = own.find("building")
    assert ids(own.larger(found, 300)) == [1, 3]
    assert ids(own.smaller(found, 300)) == [2]
    assert ids(own.largest(found)) == [3]
    assert ids(own.smallest(found)) == [2]
    assert ids(own.shaped(found, "square")) == [2, 3]
    assert ids(own.shaped(found, "rectangular")) == [1, 2, 3]
    assert ids(own.find("building", own.part("upper left quarter"))) == [1, 2]
    assert ids(own.within(found, own.part("south-east quarter"))) == [3]
    assert ids(own.coloured(found, "red")) == [1, 2, 3]
    assert own.colour_of(own.find("roof")) == "blue"


def test_ground_is_in_every_part_in_which_some_of_it_lies_and_things_where_their_centre_is() -> None:
    own = words(StubScene({"water": [(100, 0, 400, 600), (0, 0, 10, 10)], "lake": [(100, 0, 400, 600)]}))
    north, south = own.part("north half"), own.part("south half")
    assert (ids(own.find("water", north)), ids(own.find("water", south))) == ([1, 2], [1])
    assert (ids(own.find("lake", north)), ids(own.find("lake", south))) == ([], [1])
    assert own.area_m2(own.find("water", north)) == pytest.approx(100 * 600 + 100, rel=0.005)
    assert own.share(own.find("water", south)) == pytest.approx(200 / 400)
    assert own.where(own.find("water", south)) == "south"
    assert own.area_m2(own.largest(own.find("water", north))) == pytest.approx(300 * 600, rel=0.005)
    assert ids(own.within(own.find("water"), own.part("lower third"))) == [1]


def test_ground_that_only_touches_a_part_is_not_in_it() -> None:
    own = words(StubScene({"forest": [(0, 0, 200, 600)]}))
    assert not own.exists(own.find("forest", own.part("south half")))


def test_circles_are_told_from_boxes() -> None:
    scene = StubScene({"tank": []})
    centre = scene.polygon(100, 100, 100.1, 100.1).centroid
    scene.truth["tank"] = (centre.buffer(20), scene.polygon(10, 10, 30, 40))
    own = words(scene)
    assert ids(own.shaped(own.find("tank"), "circular")) == [1]


def test_relations_between_things() -> None:
    own = words()
    found, river = own.find("building"), own.find("river")
    assert ids(own.near(found, river, 75)) == [1]
    assert ids(own.near(found, river, 85)) == [1, 2]
    assert ids(own.beyond(found, river, 85)) == [3]
    assert ids(own.beside(found, own.find("building"))) == [1, 2]  # each other's neighbours, not their own
    assert ids(own.nearest(found, river)) == [1]
    assert ids(own.towards(found, "above", river)) == [1, 2]
    assert ids(own.towards(found, "below", river)) == [3]
    assert ids(own.towards(found, "right", own.find("roof"))) == [3]
    assert ids(own.inside(own.find("roof"), own.find("roof"))) == [1]
    assert ids(own.find("roof", own.around(river, 85))) == [1]
    assert ids(own.find("roof", own.around(river, 75))) == []
    assert ids(own.find("roof", own.between(river, own.find("building")))) == [1]


def test_the_ground_around_crowded_things_is_made_within_the_time_limit() -> None:
    """500 outlines of 500 m that all overlap: joined first, they took the time limit and a gigabyte."""
    crowd = [
        (12 * (index // 40), 14 * (index % 40), 12 * (index // 40) + 6, 14 * (index % 40) + 9) for index in range(500)
    ]
    scene = StubScene({"ship": crowd})
    own = Words(scene, None, Budget(Limits()))
    for metres in (3, 500):
        ground = own.around(own.find("ship"), metres).outline
        few = shapely.buffer(shapely.union_all(shapes_of(own.find("ship").things)[:9]), metres)
        inside = shapely.intersection(few, own.whole().outline)
        assert shapely.difference(inside, ground).area < 1e-3 * inside.area  # arcs have corners, elsewhere each time
    assert own.whole().outline.difference(ground).area < 1e-6
    own.count(own.find("ship"))  # its clock still runs


def test_nothing_is_near_to_nothing() -> None:
    own = words()
    none = own.find("volcano")
    for empty in (own.near(none, own.find("river"), 10), own.nearest(none, own.find("river")), own.largest(none),
                  own.towards(own.find("river"), "left", none), own.beside(own.find("river"), none)):  # fmt: skip
        assert ids(empty) == []
    assert own.area_m2(none) == own.share(none) == 0
    for measure in (own.where, own.colour_of, own.length_m):
        with pytest.raises(AnswerError, match="nothing to measure"):
            measure(none)


@pytest.mark.parametrize(
    ("box", "crs", "place"),
    [
        ((0, 0, 20, 20), 32631, "north-west"), ((0, 0, 20, 20), None, "upper left"),
        ((190, 290, 210, 310), None, "centre"),
        ((380, 290, 400, 310), 32631, "south"), ((190, 580, 210, 600), None, "right"),
    ],
)  # fmt: skip
def test_positions_in_words(box: tuple[int, int, int, int], crs: int | None, place: str) -> None:
    own = words(StubScene({"ship": [box]}, grid_of(crs=crs)))
    assert own.where(own.find("ship")) == place


def test_a_bottom_up_grid_has_its_upper_left_where_people_see_it() -> None:
    top = grid_of()
    grid = Grid(top.crs, Affine(1, 0, 500_000, 0, 1, 5_700_000), top.shape)  # row 0 is the southernmost
    own = words(StubScene({"ship": [(0, 0, 20, 20)]}, grid))
    assert ids(own.find("ship", own.part("upper left quarter"))) == [1]
    assert own.area_m2(own.find("ship")) == pytest.approx(400, rel=0.005)


def test_without_a_crs_counts_and_shares_work_and_metres_are_refused_unless_the_pixel_is_known() -> None:
    scene = StubScene(BOXES, grid_of(crs=None))
    own = words(scene)
    found = own.find("building")
    assert own.count(found) == 3
    assert own.share(own.find("river")) == pytest.approx(0.05)
    assert ids(own.beside(found, own.find("building"))) == [1, 2]
    for call in (lambda: own.area_m2(found), lambda: own.larger(found, 10), lambda: own.near(found, found, 10)):
        with pytest.raises(InputError, match="--gsd"):
            call()
    scene.pixel_m = 0.5
    scaled = words(scene)
    assert scaled.area_m2(scaled.find("building")) == pytest.approx(2300 / 4)
    assert scaled.distance_m(scaled.find("building"), scaled.find("river")) == pytest.approx(35)


def test_two_dates() -> None:
    before = StubScene({"house": [(0, 0, 10, 10), (50, 50, 60, 60)], "forest": [(0, 0, 100, 100)]})
    after = StubScene({"house": [(1, 1, 10, 10), (80, 80, 90, 90), (90, 10, 95, 15)], "forest": [(0, 0, 50, 100)]})
    own = words(before, after)
    assert ids(own.appeared("house")) == [2, 3]
    assert ids(own.disappeared("house")) == [2]
    assert own.count(own.find("house", own.before())) == 2
    assert own.count(own.find("house")) == 3
    assert own.change("forest") == pytest.approx(-5000, rel=0.005)
    assert own.count(own.appeared("house", own.part("lower half"))) == 0
    with pytest.raises(AnswerError, match="--after"):
        words(before).before()


def test_what_only_one_date_shows_is_neither_new_nor_counted() -> None:
    houses = [(10, 10, 20, 20), (200, 300, 210, 310), (250, 350, 260, 360)]
    whole, crop = StubScene({"house": houses}), StubScene({"house": houses[1:2]})
    crop.grid = whole.grid.window(Window(190, 290, 100, 100))
    grown, shrunk = words(crop, whole), words(whole, crop)
    assert ids(grown.appeared("house")) == [3] and ids(shrunk.disappeared("house")) == [3]
    assert grown.count(grown.find("house")) == 2 and len(grown.sightings["house", "after"].objects) == 2
    assert grown.change("house") == pytest.approx(100, rel=0.01)
    assert ids(grown.find("house", grown.part("upper half"))) == [2], "parts are those of the ground that is shared"
    assert shared_notes([whole]) == shared_notes([whole, whole]) == ()
    assert "4% of the first and 100% of the second" in shared_notes([whole, crop])[0]


def test_the_whole_scene() -> None:
    own = words()
    assert own.theme() == "harbor"
    assert own.looks_like("harbor") is True
    assert own.looks_like("airport") is False
    assert own.classify(["harbor", "airport"]) == "harbor"
    assert own.which_is_larger({"a": 1.0, "b": 2.0}) == "b"
    assert own.which_is_larger({"a": 2.0, "b": 2.0}) == "equal"
    assert own.region_area_m2(own.whole()) == pytest.approx(400 * 600, rel=0.005)


def test_every_call_leaves_a_record() -> None:
    own = words()
    own.count(own.near(own.find("building", own.part("left half")), own.find("river"), 100))
    assert [one.name for one in own.records] == ["part", "find", "find", "near", "count"]
    part, found, _, _, counted_ = own.records
    assert part.region is not None
    assert found.arguments == ("building", "the left half")
    assert [thing.score for thing in found.objects] == [0.9, 0.9]
    assert counted_.result == "2"


def test_every_word_says_what_it_does() -> None:
    assert len(WORDS) >= 30
    for name, call in WORDS.items():
        assert call.__doc__, name


def test_parts_tile_the_scene() -> None:
    own = words()
    for names in (
        ["upper left quarter", "upper right quarter", "lower left quarter", "lower right quarter"],
        ["north half", "south half"], ["left third", "centre third", "right third"],
    ):  # fmt: skip
        total = sum(own.region_area_m2(own.part(name)) for name in names)
        assert total == pytest.approx(own.region_area_m2(own.whole()), rel=1e-6)
    with pytest.raises(InputError, match="not a part"):
        own.part("far side")


@pytest.mark.parametrize(
    ("many", "one"),
    [("ships", "ship"), ("bridges", "bridge"), ("buses", "bus"), ("cities", "city"), ("churches", "church"),
     ("grass", "grass"), ("boxes", "box"), ("houses", "house"), ("t junctions", "t junction"), ("glass", "glass")],
)  # fmt: skip
def test_plurals(many: str, one: str) -> None:
    head, _, last = many.rpartition(" ")
    assert f"{head} {singular(last)}".strip() == one
    if one not in ("grass", "glass"):
        assert plural(one) == many


def test_numbers_of_things_in_words() -> None:
    assert [counted(number, "bridge") for number in (0, 1, 2, 1200)] == [
        "no bridge",
        "1 bridge",
        "2 bridges",
        "1,200 bridges",
    ]


def test_colours_are_of_the_pixels_under_things() -> None:
    scene = StubScene({"roof": [(10, 10, 60, 60)], "car": [(100, 100, 110, 110)]}, colours={"roof": RED, "car": BLUE})
    own = words(scene)
    assert own.colour_of(own.find("car")) == "blue"
    assert own.colour_of(own.together(own.find("roof"), own.find("car"))) == "red"
    assert math.isclose(float(np.mean(RED)), 0.34, abs_tol=0.01)


def test_names_and_things_that_a_program_asks_for_are_bounded() -> None:
    kept = Budget(Limits(names=2, things=5))
    kept.name("ship")
    kept.name("ship")
    kept.name("car")
    with pytest.raises(LimitError, match="2 different names"):
        kept.name("bus")
    kept.keep(5)
    with pytest.raises(LimitError, match="5 things"):
        kept.keep(1)
