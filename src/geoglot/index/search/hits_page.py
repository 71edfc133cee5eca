"""How hits show themselves in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geoglot.outputs.legend import Legend
from geoglot.outputs.notebook.page import Drawing, Page, Picture, Table
from geoglot.outputs.palette import hex_of

if TYPE_CHECKING:
    from geoglot.index.search.hits import Hits

HITS = Legend(("hits",))
"""Of all files and pages that show hits."""


def page_of_hits(hits: Hits) -> Page:
    """The hits in words, the best first."""
    rows = [(str(hit.rank), hit.scores, hit.source, f"{hit.time:%Y-%m-%d}" if hit.time else "") for hit in hits.hits]
    table = [Table(("rank", "scores", "source", "date"), rows)] if rows else []
    return Page(hits.summary, table, hits.notes)


def draw_hits(hits: Hits) -> Drawing:
    """A picture of each hit that can be read; the outlines of all that have a place."""
    import geopandas as gpd  # a search that is not shown does without the second it takes to import

    from geoglot.index.search.contact_sheet import describe, thumbnails

    pictures = [
        Picture("  ".join(describe(hit)), *read)
        for hit, read in zip(hits.hits, thumbnails(hits.hits), strict=True)
        if read is not None
    ]
    placed = hits.table.dropna(subset="geometry")
    facts = {
        "colour": [hex_of(*HITS.colours)] * len(placed),
        "rank": placed["rank"],
        "score": [f"{score:.3f}" for score in placed["score"]],
        "source": placed["source"],
        "date": ["" if time != time else f"{time:%Y-%m-%d}" for time in placed["time"]],
    }
    return Drawing(pictures, shapes=gpd.GeoDataFrame(facts, geometry=placed.geometry, crs=placed.crs))
