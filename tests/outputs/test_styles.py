from __future__ import annotations

from xml.etree import ElementTree

from geoglot.outputs.legend import Legend
from geoglot.outputs.palette import hex_of
from geoglot.outputs.styles import make_style

LEGEND = Legend(("water", "trees", '<b> & "c"'))
EXPRESSION = '"from" || \' to \' || "to"'


def test_polygons_have_the_colours_of_the_legend_and_only_what_is_there_is_named() -> None:
    style = ElementTree.fromstring(make_style(LEGEND, [3, 1], EXPRESSION))
    renderer = style.find("renderer-v2")
    assert renderer is not None and renderer.get("attr") == EXPRESSION
    categories = {each.get("symbol"): each.get("value") for each in renderer.iter("category")}
    colours = {
        symbol.get("name"): [prop.get("v") for prop in symbol.iter("prop") if prop.get("k") == "color"]
        for symbol in renderer.iter("symbol")
    }
    assert categories == {"0": '<b> & "c"', "1": "water"}
    shown = [",".join(map(str, (*LEGEND.colours[number - 1], 150))) for number in (3, 1)]
    assert colours == {"0": [shown[0]], "1": [shown[1]]}


def test_pixels_have_the_same_colours_and_other_is_see_through() -> None:
    style = ElementTree.fromstring(make_style(LEGEND, [1, 3]))
    entries = [dict(each.items()) for each in style.iter("paletteEntry")]
    assert [(each["value"], each["label"], each["alpha"]) for each in entries] == [
        ("0", "other", "0"), ("1", "water", "255"), ("3", '<b> & "c"', "255")
    ]  # fmt: skip
    assert [each["color"] for each in entries[1:]] == [hex_of(LEGEND.colours[0]), hex_of(LEGEND.colours[2])]


def test_a_map_of_very_many_classes_names_a_thousand() -> None:
    names = tuple(f"kind {number}" for number in range(3000))
    style = ElementTree.fromstring(make_style(Legend(names), range(1, 3001)))
    assert len(list(style.iter("category"))) == 1000
