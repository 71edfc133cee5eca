"""How an answer shows itself in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd

from geoglot.crs import LONLAT
from geoglot.figures import format_area
from geoglot.outputs.legend import Legend
from geoglot.outputs.notebook.page import Drawing, Page, Picture
from geoglot.outputs.overlay import SIDE, outline_panels
from geoglot.outputs.palette import hex_of
from geoglot.tasks.ask.evidence import REGION, outline_evidence

if TYPE_CHECKING:
    from geoglot.tasks.ask.answer import Answer

_FACTS = ("name", "score", "area_m2")


def page_of_answer(answer: Answer) -> Page:
    """The answer with its confidence; the program is folded."""
    sure = "" if answer.confidence is None else f"confidence {answer.confidence:.2f}: {answer.reason}"
    notes = [note for note in answer.notes if note.casefold() != answer.text.casefold()]  # a refusal says it already
    folded = {"program": answer.program} if answer.program else {}
    return Page(f"{answer.question} {answer.text}", (), tuple(filter(None, (sure, *notes))), {}, folded)


def draw_answer(answer: Answer) -> Drawing:
    """The scene, of two dates the later, and on it the evidence."""
    if answer.scene is None:
        return Drawing()
    tile = answer.scene.look_again(SIDE)
    evidence = outline_evidence(answer.evidence, tile.grid)
    legend = Legend(evidence.names)
    scene, drawn = outline_panels(tile.pixels[:3], evidence.outlines, legend, hollow=(REGION,))
    frame = gpd.GeoDataFrame.from_features(answer.evidence["features"], columns=["geometry", *_FACTS])
    picture = Picture(answer.source, scene, tile.grid)
    if frame.empty:
        return Drawing([picture])
    facts = {
        "colour": [hex_of(legend.colour_of(label)) for label in evidence.labels],
        "name": frame["name"],
        "score": ["" if score != score else f"{score:.2f}" for score in frame["score"].astype(float)],
        "area": list(map(format_area, frame["area_m2"].astype(float))),
    }
    shapes = gpd.GeoDataFrame(facts, geometry=frame.geometry, crs=LONLAT if tile.grid.crs else None)
    entries = [(legend.colour_of(name), line) for name, line in zip(evidence.names, evidence.lines, strict=False)]
    return Drawing([picture], Picture("evidence", drawn, tile.grid), entries, shapes)
