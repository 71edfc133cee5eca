"""Objects that are far smaller than usual ones of their name are counted, and told."""

import geopandas as gpd
import pytest
import shapely

from geoglot.scene.class_words import ClassWords
from geoglot.tasks.find.small_pieces import small_notes


def table(name: str, sides: list[float], crs: str | None = "EPSG:32631") -> gpd.GeoDataFrame:
    """Squares of so many metres a side."""
    squares = [shapely.box(100 * index, 0, 100 * index + side, side) for index, side in enumerate(sides)]
    areas = [side**2 for side in sides]
    return gpd.GeoDataFrame({"name": name, "area_m2": areas}, geometry=squares, crs=crs)


@pytest.mark.parametrize(("name", "small", "usual"), [("house", 2.0, 12.0), ("car", 0.4, 3.0), ("red roof", 1.0, 15.0)])
def test_pieces_that_are_too_small_for_their_name_are_told(name: str, small: float, usual: float) -> None:
    [note] = small_notes(table(name, [small, small, usual, usual]), [ClassWords(name, (name,))])
    assert note.startswith(f"2 of the 4 found of {name!r} are below ") and "--min-area " in note
    least = float(note.split("--min-area ")[1].split()[0])
    assert small**2 < least < usual**2


def test_few_of_many_say_nothing_of_the_count() -> None:
    assert not [*small_notes(table("house", [2.0] + [12.0] * 20), [ClassWords("house", ("house",))])]


def test_the_smallest_of_several_words_decides() -> None:
    classes = [ClassWords("built", ("building", "car"))]
    assert not [*small_notes(table("built", [2.0, 2.0]), classes)]


@pytest.mark.parametrize("name", ["road", "forest", "water", "flibbertigibbet"])
def test_what_has_no_usual_size_as_a_whole_has_no_note(name: str) -> None:
    assert not [*small_notes(table(name, [0.5, 0.5]), [ClassWords(name, (name,))])]


def test_without_a_crs_there_are_no_square_metres() -> None:
    assert not [*small_notes(table("house", [2.0, 2.0], None), [ClassWords("house", ("house",))])]


def test_objects_of_other_names_do_not_count() -> None:
    assert not [*small_notes(table("shed", [1.0, 1.0]), [ClassWords("house", ("house",))])]
