"""What every task does with a scene: open it at a resolution that the model understands, record and explain how it is
read, and draw it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from shapely.geometry.base import BaseGeometry

from geoglot.aliases import PathLike
from geoglot.errors import InputError, ReadError
from geoglot.figures import format_number
from geoglot.geo import Grid
from geoglot.lonlat import to_map, to_pixels
from geoglot.models.card import Card
from geoglot.options import ReadOptions
from geoglot.outputs.made import Made
from geoglot.outputs.margin import Margin
from geoglot.outputs.overlay import SIDE
from geoglot.scene.windows import WindowPlan
from geoglot.sources.raster import Raster, open_raster
from geoglot.sources.scene_day import day_of
from geoglot.sources.tile import Tile
from geoglot.version import __version__

_SAME_RESOLUTION = 0.05  # relative difference up to which two resolutions count as the same
_FAR = 2.0  # times beyond the range of a model, from where on what it says means nothing
_LITTLE = 1 / 3  # of the sides of the pictures that a model learned from, below which what lies around decides the map


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


def open_to_look(uri: str, read: ReadOptions, understood: tuple[float, float]) -> tuple[Raster, tuple[str, ...]]:
    """Open a raster as `open_scene` does or, if it cannot be read so, in its own pixels, and say why."""
    look = partial(open_raster, uri, bands=read.bands, sensor=read.sensor, nodata=read.nodata)
    try:
        return look(resolution=read.resolution or understood), ()
    except InputError as error:  # its pixels are kilometres wide, or all of it is smaller than one pixel
        if read.resolution is not None:
            raise
        return look(), (str(error),)


def check_bands(raster: Raster, bands: int, model: str) -> None:
    """Refuse a raster that is not read with the number of bands that a model sees."""
    if len(raster.indexes) != bands:
        raise InputError(
            f"{model} sees {bands} bands, but {raster.uri} is read with {len(raster.indexes)}; choose "
            f"{bands} bands of the file, red, green and blue first: --bands"
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


def reading_notes(raster: Raster, card: Card, read: ReadOptions) -> tuple[str, ...]:
    """Sentences for the user on how the scene was read."""
    notes = list(raster.warnings)
    scene, grid = raster.native, raster.grid
    native, resampled = scene.resolution_m, grid.resolution_m
    if grid.crs and grid.crs != scene.crs:
        name = grid.crs.name if grid.crs.name != "unknown" else "a local equal-area grid"
        is_metric = resampled is not None and scene.metric(resampled).crs == scene.crs
        why = "which is not its own CRS" if is_metric else "since its own grid is not in metres on the ground"
        notes.append(f"{raster.uri} is read in {name}, {why}")
    if native and resampled and abs(native / resampled - 1) > _SAME_RESOLUTION:
        read_at = f"the scene is at {format_number(native)} m and was read at {format_number(resampled)} m"
        finer = ", which adds no detail" if resampled < native else ""
        notes.append(f"{read_at}{finer}; {understands(card.name, card.resolution)}")
    if why := out_of_reach(raster, card, read):
        notes.append(why)
    elif pixel_size(raster, read) is None:
        notes.append(
            f"how large the pixels of {raster.uri} are is unknown, so it is not checked whether they can show what is "
            f"asked for; {understands(card.name, card.resolution)}; say it with --gsd, or assign a CRS"
        )
    notes += blank_notes(raster, card)
    if not why and (small := too_small_to_map(raster, card)):
        notes.append(small)
    return tuple(notes)


def too_small_to_map(raster: Raster, card: Card) -> str:
    """Why what a model says of so few pixels is not to be used, "" if there are enough."""
    rows, cols = raster.grid.shape
    if min(rows, cols) >= card.tile_size * _LITTLE:
        return ""
    return (
        f"{raster.uri} is read as {cols} x {rows} px, and {card.name} learned from {card.tile_size} px a side: the "
        "rest of its view is the scene mirrored, so a map of it is not to be used"
    )


def blank_notes(raster: Raster, card: Card) -> tuple[str, ...]:
    """A note on a scene of one colour, of which a model says something all the same."""
    if not raster.is_blank:
        return ()
    blank = f"all pixels of {raster.uri} have the same colour, so that there is nothing to see"
    return (f"{blank}: what {card.name} says of it is not to be used",)


def pixel_size(raster: Raster, read: ReadOptions) -> float | None:
    """Ground metres of the finest detail that a model is shown; None without a CRS, unless `read` says it.

    A scene that is read finer than its pixels gains no detail, and one that is read coarser loses some.
    """
    native, resampled = raster.native.resolution_m, raster.grid.resolution_m
    return read.resolution if native is None or resampled is None else max(native, resampled)


def out_of_reach(raster: Raster, card: Card, read: ReadOptions) -> str:
    """Why a model cannot make sense of the pixels of a scene, "" if it can (decision 25)."""
    finest, coarsest = card.resolution
    rows, cols = raster.grid.shape
    if min(rows, cols) < card.patch_size:
        return (
            f"{raster.uri} is read as {cols} x {rows} px, less than a patch of {card.name}, which is "
            f"{card.patch_size} px a side: what it says of the scene is not to be used"
        )
    pixel = pixel_size(raster, read)
    if pixel is None:
        return ""
    shown = raster.grid.resolution_m or pixel
    if shown < finest / _FAR and not pixel < finest / _FAR:  # a model sees every thing larger than it has learned
        read_at = (
            f"the scene was read at {format_number(shown)} m a pixel, and {understands(card.name, card.resolution)}"
        )
        return f"{read_at}: what it says of the scene is not to be used; leave --gsd out"
    if finest / _FAR <= pixel <= coarsest * _FAR:
        return ""
    knows = understands(card.name, card.resolution)
    instead = f"; reduce it to {format_number(finest)} m a pixel, or assign a CRS" if pixel < finest else ""
    native = raster.native.resolution_m
    at = "was read at" if native is not None and pixel > native * (1 + _SAME_RESOLUTION) else "is at"
    why = f"the scene {at} {format_number(pixel)} m a pixel, and {knows}: what it says of the scene is not to be used"
    return f"{why}{instead}"


def understands(model: str, resolution: tuple[float, float]) -> str:
    """The ground resolutions that a model was made for, finest and coarsest in metres, in words."""
    finest, coarsest = resolution
    return f"{model} understands {format_number(finest)} to {format_number(coarsest)} m"


def margin_of(tiles: Sequence[Tile], area: BaseGeometry | None = None, grid: Grid | None = None) -> Margin:
    """What stands below the picture of scenes, of which the last shows the result; `area` is in pixels of `grid`."""
    own = tiles[-1].grid
    outline = None if area is None or grid is None else to_pixels(to_map([area], grid), own)[0]
    return Margin(own, [(tile.uri, day_of(tile.uri, tile.time)) for tile in tiles], outline)


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
