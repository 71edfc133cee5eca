"""How polygons look in QGIS: a style file that it reads with a vector file of the same name.

The format is QML (https://docs.qgis.org/latest/en/docs/user_manual/style_library/style_manager.html). A style inside a
GeoPackage would be a second table, of which other programs warn whenever they open the file.
"""

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from geoglot.outputs.palette import Colour


def fill_style(expression: str, entries: Sequence[tuple[str, Colour]]) -> str:
    """A QGIS style (QML) that fills each polygon by the value of an expression, with a legend of these values."""
    categories, symbols = [], []
    for number, (value, colour) in enumerate(entries):
        name = quoteattr(value)
        categories.append(f'<category render="true" symbol="{number}" value={name} label={name}/>')
        red, green, blue = colour
        properties = {"color": f"{red},{green},{blue},150", "outline_color": f"{red},{green},{blue},255",
                      "outline_width": "0.4", "style": "solid"}  # fmt: skip
        drawn = "".join(f'<prop k="{key}" v="{text}"/>' for key, text in properties.items())
        layer = f'<layer class="SimpleFill" enabled="1" locked="0" pass="0">{drawn}</layer>'
        symbols.append(f'<symbol type="fill" name="{number}" alpha="1" clip_to_extent="1">{layer}</symbol>')
    return (
        '<!DOCTYPE qgis PUBLIC "http://mrcc.com/qgis.dtd" "SYSTEM"><qgis version="3.16" styleCategories="Symbology">'
        f'<renderer-v2 type="categorizedSymbol" attr={quoteattr(expression)} symbollevels="0" enableorderby="0">'
        f"<categories>{''.join(categories)}</categories><symbols>{''.join(symbols)}</symbols></renderer-v2></qgis>"
    )
