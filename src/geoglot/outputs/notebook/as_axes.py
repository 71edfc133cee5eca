"""A result as a figure of matplotlib, laid out as the picture that a run writes: scenes, map, legend."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from geoglot.errors import InputError, MissingExtraError
from geoglot.legible import message_of
from geoglot.outputs.notebook.page import Drawing, Picture
from geoglot.outputs.palette import hex_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ACROSS, _INCHES, _ENTRIES = 4, 4.5, 40


def draw_axes(drawing: Drawing, title: str) -> list[Axes]:
    """The axes of each picture or, without pictures, those of the shapes. InputError if there is nothing to draw."""
    pyplot = _import_pyplot()
    pictures, shapes = drawing.pictures, drawing.shapes
    if not pictures and (shapes is None or shapes.empty):
        raise InputError("there is nothing to draw")
    count = max(1, len(pictures))
    across = min(_ACROSS, count)
    down = -(-count // across)
    figure, grid = pyplot.subplots(
        down, across, figsize=(_INCHES * across, _INCHES * down), squeeze=False, layout="constrained"
    )
    every: list[Axes] = grid.ravel().tolist()
    for unused in every[count:]:
        unused.remove()
    for axes, picture in zip(every, pictures, strict=False):
        _show(axes, picture)
    if not pictures and shapes is not None:
        shapes.plot(ax=every[0], facecolor="none", edgecolor=shapes["colour"])
    figure.suptitle(message_of(title), parse_math=False, wrap=True, fontsize="medium")
    _add_legend(figure, drawing, across)
    return every[:count]


def _import_pyplot() -> Any:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise MissingExtraError("matplotlib", "notebook") from error
    return pyplot


def _show(axes: Axes, picture: Picture) -> None:
    """Draw a picture where it lies; one that is turned, or has no CRS, has axes of pixels."""
    grid = picture.grid
    axes.set_title(message_of(picture.title), parse_math=False, wrap=True, fontsize="small")
    if grid is None or grid.crs is None or not grid.is_north_up:
        axes.imshow(picture.image)
        return
    left, bottom, right, top = grid.bounds
    axes.imshow(picture.image, extent=(left, right, bottom, top))
    axes.ticklabel_format(useOffset=False, style="plain")
    axes.tick_params(labelsize="x-small")
    axes.tick_params(axis="x", rotation=30)
    if grid.crs.is_geographic:
        axes.set_aspect(1 / max(0.01, math.cos(math.radians((bottom + top) / 2))))


def _add_legend(figure: Any, drawing: Drawing, across: int) -> None:
    from matplotlib.patches import Patch

    shown = drawing.entries[:_ENTRIES]
    if not shown:
        return
    handles = [Patch(facecolor=hex_of(colour), edgecolor="black") for colour, _ in shown]
    more = f" and {len(drawing.entries) - len(shown):,} more" if len(drawing.entries) > len(shown) else ""
    labels = [message_of(text) for _, text in shown]
    labels[-1] += more
    # A label that begins with _ would be left out, so texts are set afterwards, and not read as formulas.
    legend = figure.legend(handles, ["-"] * len(labels), loc="outside lower center", ncols=min(across * 2, len(labels)))
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_parse_math(False)
        text.set_text(label)
