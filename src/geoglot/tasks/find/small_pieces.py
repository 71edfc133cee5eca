"""Objects that are far smaller than usual ones of their name: a count of these says little."""

from collections.abc import Iterator, Sequence

import geopandas as gpd

from geoglot.figures import format_number
from geoglot.nouns import with_article
from geoglot.scene.class_words import ClassWords
from geoglot.scene.extents import extent_of

_ACROSS = 1 / 3  # of the width of a usual one, above which a piece may be one of them
_MANY = 0.1  # share of the objects of a name, above which their number says little


def small_notes(objects: gpd.GeoDataFrame, classes: Sequence[ClassWords]) -> Iterator[str]:
    """A sentence for each name, many of whose objects are too small to be what it says.

    Names of lines and of areas, such as road and forest, have none, since these have no usual size as a whole; nor have
    objects without a CRS.
    """
    if objects.crs is None:
        return
    for entry in classes:
        known = [extent for word in entry.words if (extent := extent_of(word))]
        sizes = [extent for extent in known if extent.kind in ("masses", "things")]
        if not sizes or len(sizes) < len(known):
            continue
        usual = min(sizes, key=lambda extent: extent.metres)
        areas = objects.area_m2[objects["name"] == entry.name]
        least = float(f"{(_ACROSS * usual.metres) ** 2:.2g}")  # as the sentence has it
        if (few := int((areas < least).sum())) > _MANY * len(areas):
            yield (
                f"{few:,} of the {len(areas):,} found of {entry.name!r} are below {format_number(least)} m², and "
                f"{with_article(usual.name)} is about {format_number(usual.metres)} m wide, so their number says "
                f"little; find with --min-area {format_number(least)} leaves them out"
            )
