"""How an archive shows itself in a notebook: what it covers, and where its sources lie."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import shapely

from geoglot.index.store.chip_table import BOX
from geoglot.index.store.coverage import cover, live_sources
from geoglot.lonlat import split_at_antimeridian
from geoglot.outputs.notebook.page import Drawing, Page, Table
from geoglot.outputs.palette import Colour, hex_of

if TYPE_CHECKING:
    from geoglot.index.search.index import Index

_MOST = 2000  # parts of sources
_COLOUR: Colour = (30, 90, 200)


def page_of_index(index: Index) -> Page:
    """What `geoglot index info` prints."""
    rows = list(cover(index.archive).lines())
    return Page(index.archive.place, [Table(("", ""), rows)], index.notes)


def draw_index(index: Index) -> Drawing:
    """Where the chips of each part of a source lie; of very many parts the first."""
    import geopandas as gpd  # a search that is not shown does without the second it takes to import

    from geoglot.crs import LONLAT

    placed = [row for row in islice(live_sources(index.archive), _MOST) if row["bbox"]]
    edges = [[row["bbox"][edge] for edge in BOX] for row in placed]
    boxes = [shapely.box(west, south, east + 360 if east < west else east, north) for west, south, east, north in edges]
    facts = {
        "colour": [hex_of(_COLOUR)] * len(placed),
        "source": [row["source"] for row in placed],
        "chips": [f"{row['chips']:,}" for row in placed],
        "date": [f"{row['time']:%Y-%m-%d}" if row["time"] else "" for row in placed],
    }
    return Drawing(shapes=gpd.GeoDataFrame(facts, geometry=split_at_antimeridian(boxes), crs=LONLAT))
