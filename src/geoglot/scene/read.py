"""What every task does with a scene: open it at a resolution that the model understands, record and explain how it is
read, and draw it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from geoglot.aliases import PathLike
from geoglot.errors import ReadError
from geoglot.figures import format_number
from geoglot.options import ReadOptions
from geoglot.outputs.made import Made
from geoglot.outputs.overlay import SIDE
from geoglot.scene.windows import WindowPlan
from geoglot.sources.raster import Raster, open_raster
from geoglot.sources.tile import Tile
from geoglot.version import __version__

_SAME_RESOLUTION = 0.05  # relative difference up to which two resolutions count as the same


def open_scene(
    source: PathLike | Raster, read: ReadOptions, understood: tuple[float, float]
) -> AbstractContextManager[Raster]:
    """Open the scene at the resolution of `read`, else at one that the model understands.

    An open Raster keeps its resolution, and stays open.
    """
    if isinstance(source, Raster):
        return nullcontext(source)
    return open_raster(
        source,
        bands=read.bands,
        sensor=read.sensor,
        nodata=read.nodata,
        resolution=read.resolution or understood,
    )


def reading_facts(raster: Raster, plan: WindowPlan) -> dict[str, Any]:
    """Everything that decides a model's input: program, file, radiometry, grid and windows."""
    crs = raster.grid.crs.to_wkt() if raster.grid.crs else None
    return {
        "geoglot": __version__,
        "torch": torch.__version__,
        "source": raster.fingerprint(),
        "bands": list(raster.bands),
        "radiometry": raster.radiometry.to_json(),
        "grid": {"shape": plan.shape, "transform": list(raster.grid.transform[:6]), "crs": crs},
        "windows": {key: value for key, value in asdict(plan).items() if key != "shape" and value is not None},
    }


def reading_notes(raster: Raster, model: str, understood: tuple[float, float]) -> tuple[str, ...]:
    """Sentences for the user on how the scene was read."""
    notes = list(raster.warnings)
    scene, grid = raster.native, raster.grid
    if grid.crs and grid.crs != scene.crs:
        name = grid.crs.name if grid.crs.name != "unknown" else "a local equal-area grid"
        notes.append(f"the map is in {name}, since the scene's own grid is not in metres on the ground")
    native, read = scene.resolution_m, grid.resolution_m
    if native and read and abs(native / read - 1) > _SAME_RESOLUTION:
        read_at = f"the scene is at {format_number(native)} m and was read at {format_number(read)} m"
        notes.append(f"{read_at}; {understands(model, understood)}")
    return tuple(notes)


def understands(model: str, resolution: tuple[float, float]) -> str:
    """The ground resolutions that a model was made for, finest and coarsest in metres, in words."""
    finest, coarsest = resolution
    return f"{model} understands {format_number(finest)} to {format_number(coarsest)} m"


def write_picture(
    raster: Raster, made: Made, path: Path | None, draw: Callable[[Tile, Path], tuple[str, ...]]
) -> tuple[str, ...]:
    """Let `draw` write the picture of a run, over a thumbnail of the scene; returns notes.

    A scene that is too damaged for a thumbnail may have a result, which then has no picture.
    """
    if path is None:
        return ()
    try:
        thumbnail = raster.thumbnail(SIDE)
    except ReadError as error:
        made.remove(path)  # the picture of an earlier run would show another result
        return (f"no picture was made: {error}",)
    with made.writing(path) as draft:
        return draw(thumbnail, draft)
