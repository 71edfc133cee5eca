"""How results look in QGIS: a style in its own format, QML.

QGIS reads it from the table layer_styles of a GeoPackage, or from a file beside a raster or vector that has its name
and ends with .qml. A map and its polygons may share a name, and then that file, so a style says how both are drawn
(https://docs.qgis.org/latest/en/docs/user_manual/style_library/style_manager.html).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from xml.sax.saxutils import quoteattr

from geoglot.outputs.legend import Legend
from geoglot.outputs.palette import OTHER_COLOUR, Colour, hex_of

_MOST = 1000  # entries of a legend that QGIS still shows at once
BY_NAME = '"name"'
"""The expression in QGIS that gives the name of a polygon's class."""


@dataclass(frozen=True)
class Entry:
    """A class in a legend."""

    number: int
    """Its pixels in a map."""
    name: str
    """What the expression of a style gives for its polygons."""
    colour: Colour


def make_style(legend: Legend, numbers: Iterable[int], expression: str = BY_NAME, hollow: Collection[str] = ()) -> str:
    """The style of a map and its polygons, with the classes of these ids, of which 0 is see-through.

    The legend names the first thousand. `expression` gives the name of a polygon's class; classes in `hollow` are
    outlines only.
    """
    named = list(islice((number for number in numbers if number), _MOST))
    entries = [Entry(number, legend.names[number - 1], legend.colours[number - 1]) for number in named]
    drawn = _of_pixels([Entry(0, legend.rest, OTHER_COLOUR), *entries]) + _of_polygons(entries, expression, hollow)
    return (
        '<!DOCTYPE qgis PUBLIC "http://mrcc.com/qgis.dtd" "SYSTEM"><qgis version="3.16" styleCategories="Symbology">'
        f"{drawn}</qgis>"
    )


def write_style(path: Path, style: str) -> None:
    """Write a style, unless it is empty, where QGIS looks for that of a raster or vector file."""
    if style:
        path.with_suffix(".qml").write_text(style, "utf-8")


def _of_pixels(entries: Sequence[Entry]) -> str:
    colours = "".join(
        f'<paletteEntry value="{entry.number}" color="{hex_of(entry.colour)}" label={quoteattr(entry.name)} '
        f'alpha="{255 if entry.number else 0}"/>'
        for entry in entries
    )
    return (
        '<pipe><rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1"><rasterTransparency/>'
        f"<colorPalette>{colours}</colorPalette></rasterrenderer></pipe>"
    )


def _of_polygons(entries: Sequence[Entry], expression: str, hollow: Collection[str]) -> str:
    categories, symbols = [], []
    for index, entry in enumerate(entries):
        name = quoteattr(entry.name)
        categories.append(f'<category render="true" symbol="{index}" value={name} label={name}/>')
        red, green, blue = entry.colour
        properties = {"color": f"{red},{green},{blue},150", "outline_color": f"{red},{green},{blue},255",
                      "outline_width": "0.4", "style": "no" if entry.name in hollow else "solid"}  # fmt: skip
        drawn = "".join(f'<prop k="{key}" v="{text}"/>' for key, text in properties.items())
        layer = f'<layer class="SimpleFill" enabled="1" locked="0" pass="0">{drawn}</layer>'
        symbols.append(f'<symbol type="fill" name="{index}" alpha="1" clip_to_extent="1">{layer}</symbol>')
    return (
        f'<renderer-v2 type="categorizedSymbol" attr={quoteattr(expression)} symbollevels="0" enableorderby="0">'
        f"<categories>{''.join(categories)}</categories><symbols>{''.join(symbols)}</symbols></renderer-v2>"
    )
