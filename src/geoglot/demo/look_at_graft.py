"""Show a GRAFT: the map of its words, heat maps of single words, and a grid of what searches find.

The small GRAFT that ships with geoglot was trained on photos and tiles of a made-up country, without any text
(recipes/world/small_graft.py). It is shown on another country of the same kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from geoglot.aliases import PathLike, Progress
from geoglot.demo import COUNTRY, GRAFT
from geoglot.index.build.build import add
from geoglot.index.search.contact_sheet import draw_panels
from geoglot.index.search.index import Index
from geoglot.models.zoo import load_word_model
from geoglot.options import FindOptions, IndexOptions, SearchOptions, SegmentOptions
from geoglot.outputs.panels import write_panels
from geoglot.scene.encoded_scene import encode_scene
from geoglot.tasks.find.heat_files import HeatResult
from geoglot.tasks.find.map_heat import map_heat
from geoglot.tasks.segment.map_files import SegmentResult
from geoglot.tasks.segment.segment import segment

WORDS = ("lake", "beach", "forest", "orchard", "field", "meadow", "road", "parking lot", "house", "pool")
WARM = ("lake", "forest", "house")
TEMPLATES = ("a photo of a {}",)
SIDE_M, IN_A_ROW = 64, 6


@dataclass(frozen=True)
class Shown:
    """What the demo wrote."""

    map: SegmentResult
    heat: HeatResult
    grid: Path
    """A picture with a row of hits for each word."""


def look_at_graft(
    output: Path,
    scene: PathLike = COUNTRY,
    model: PathLike = GRAFT,
    *,
    words: Sequence[str] = WORDS,
    warm: Sequence[str] = WARM,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Shown:
    """Write map.tif, heat.tif and grid.png, with their pictures, into a folder that exists."""
    graft = load_word_model(model)
    with encode_scene(scene, graft, progress=progress) as encoded:
        mapped = segment(
            encoded, list(words), output / "map.tif", options=SegmentOptions(templates=TEMPLATES),
            overwrite=overwrite, progress=progress,
        )  # fmt: skip
        others = tuple(word for word in words if word not in warm)
        asked = FindOptions(background=others, templates=TEMPLATES)
        heat = map_heat(encoded, list(warm), output / "heat.tif", options=asked, overwrite=overwrite)
    archive = output / "archive"
    add(archive, [scene], model=graft, options=IndexOptions(scale=f"{SIDE_M}m"))
    index = Index(archive, model=model)
    found = (index.search(TEMPLATES[0].format(word), options=SearchOptions(top=IN_A_ROW)) for word in warm)
    rows = [draw_panels(hits.hits) for hits in found]
    write_panels(rows, output / "grid.png")
    return Shown(mapped, heat, output / "grid.png")
