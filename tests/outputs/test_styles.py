from xml.etree import ElementTree

from geoglot.outputs.styles import fill_style


def test_each_value_has_its_colour_and_stands_in_the_legend() -> None:
    style = ElementTree.fromstring(
        fill_style('"from" || \' to \' || "to"', [("a", (1, 2, 3)), ('<b> & "c"', (4, 5, 6))])
    )
    renderer = style.find("renderer-v2")
    assert renderer is not None and renderer.get("attr") == '"from" || \' to \' || "to"'
    categories = {each.get("symbol"): each.get("value") for each in renderer.iter("category")}
    colours = {
        symbol.get("name"): [prop.get("v") for prop in symbol.iter("prop") if prop.get("k") == "color"]
        for symbol in renderer.iter("symbol")
    }
    assert categories == {"0": "a", "1": '<b> & "c"'}
    assert colours == {"0": ["1,2,3,150"], "1": ["4,5,6,150"]}
