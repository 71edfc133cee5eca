"""The command to try next on a raster that was looked at."""

import shlex
from pathlib import Path

from geoglot.aliases import PathLike
from geoglot.models.stored import BUNDLED, card_of, find_model
from geoglot.options import ReadOptions
from geoglot.tasks.raster_info import SAME_RESOLUTION, RasterInfo

#: Coarsest pixel in metres, and what is mapped there: covers that pixels of that size show
_CLASSES = (
    (2.0, "trees, grass, building, road, water"),
    (15.0, "forest, field, town, water"),
    (60.0, "forest, water, city"),
)


def next_command(
    info: RasterInfo,
    read: ReadOptions = ReadOptions(),
    model: PathLike = BUNDLED,
    area: PathLike | None = None,
) -> str:
    """A line for the shell: bands to choose from where they were guessed, else a map; "" for what cannot be mapped."""
    card, pixel = card_of(find_model(model)), info.fit.read_at_m or 0.0
    if min(info.fit.shape) < card.patch_size or all(band.low is None for band in info.bands):
        return ""
    if info.guessed and len(info.bands) > card.bands:
        return shlex.join(["geoglot", "bands", info.source])
    if (info.resolution_m or 0.0) > card.resolution[1] * SAME_RESOLUTION:
        return "geoglot models list"
    classes = next((words for coarsest, words in _CLASSES if pixel <= coarsest), _CLASSES[-1][1])
    given = {
        "--classes": None if card.classes else classes,
        "-o": f"{Path(info.source).stem}.map.tif",
        "--bands": ",".join(map(str, read.bands)) if read.bands else None,
        "--sensor": read.sensor,
        "--nodata": read.nodata,
        "--gsd": read.resolution,
        "--aoi": area,
        "--model": None if str(model) == BUNDLED else model,
    }
    words = [str(word) for flag, value in given.items() if value is not None for word in (flag, value)]
    return shlex.join(["geoglot", "segment", info.source, *words])
