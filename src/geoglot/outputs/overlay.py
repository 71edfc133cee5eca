"""A picture for the eye: the scene, the map over it, a legend."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import rasterio
import rasterio.features
from jaxtyping import Float
from PIL import Image, ImageDraw
from shapely import Polygon

from geoglot.outputs.atomic import appears
from geoglot.outputs.legend import Legend
from geoglot.outputs.lettering import font, label_notes, labels, written

#: Of the scene in a picture, the longer side at most, in pixels
SIDE = 1024
_STRENGTH = 0.5
_LINE = 26
_INDENT = 34  # pixels of a column before and after a line
_ROOM = 230  # pixels that a name may take in any picture, which becomes wider for it
_FIGURES = 60  # pixels that a share or a count takes
#: Classes that a picture names; of more the largest
MOST_LINES = 200


def write_overlay(
    thumbnail: Float[np.ndarray, "3 rows cols"],
    class_map: Path,
    legend: Legend,
    lines: Sequence[str],
    output: Path,
) -> tuple[str, ...]:
    """Scene (RGB 0..1) left, scene under the map right, `lines` below; a line gets the colour of the class it names.

    Returns what a person must know to read the picture, a sentence each.
    """
    scene = (thumbnail.transpose(1, 2, 0) * 255).round().astype(np.uint8)
    with rasterio.open(class_map.absolute(), driver="GTiff") as dataset:
        classes = dataset.read(1, out_shape=scene.shape[:2])
    painted = Image.fromarray(_paint(scene, classes, legend))
    return _write_beside(Image.fromarray(scene), painted, legend, lines, output)


def write_outlines(
    thumbnail: Float[np.ndarray, "3 rows cols"],
    outlines: Sequence[tuple[str, Polygon]],
    legend: Legend,
    lines: Sequence[str],
    output: Path,
    hollow: Collection[str] = (),
) -> tuple[str, ...]:
    """Scene (RGB 0..1) left, scene with outlines right (name, polygon in pixels of the thumbnail), `lines` below.

    The names in `hollow` are outlined and not filled. Returns what a person must know to read the picture.
    """
    scene = (thumbnail.transpose(1, 2, 0) * 255).round().astype(np.uint8)
    classes = np.zeros(scene.shape[:2], legend.dtype)
    filled = [(polygon, 1 + legend.names.index(name)) for name, polygon in outlines if name not in hollow]
    if filled:
        rasterio.features.rasterize(filled, out=classes)
    drawn = Image.fromarray(_paint(scene, classes, legend))
    painter, colours = ImageDraw.Draw(drawn), dict(zip(legend.names, legend.colours, strict=True))
    for name, polygon in outlines:
        for ring in (polygon.exterior, *polygon.interiors):
            painter.line(list(ring.coords), fill=colours[name], width=2)
    return _write_beside(Image.fromarray(scene), drawn, legend, lines, output)


def _write_beside(
    left: Image.Image, right: Image.Image, legend: Legend, lines: Sequence[str], output: Path
) -> tuple[str, ...]:
    """Two pictures of one size side by side, `lines` below."""
    both = Image.new("RGB", (left.width + right.width, left.height))
    both.paste(left)
    both.paste(right, (left.width, 0))
    with appears(output) as temporary:
        sheet, notes = _with_legend(both, legend, lines)
        sheet.save(temporary, "PNG")
    return notes


def _paint(scene: np.ndarray, classes: np.ndarray, legend: Legend) -> np.ndarray:
    colours = np.zeros((legend.nodata + 1, 3), np.float32)
    strength = np.zeros((legend.nodata + 1, 1), np.float32)
    colours[1 : len(legend.names) + 1] = legend.colours
    strength[1 : len(legend.names) + 1] = _STRENGTH
    share = strength[classes]
    mixed: np.ndarray = (scene * (1 - share) + colours[classes] * share).round().astype(np.uint8)
    return mixed


def _with_legend(picture: Image.Image, legend: Legend, lines: Sequence[str]) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture with `lines` below, and what a person must know to read them."""
    shown, columns = lines[:MOST_LINES], max(1, picture.width // 300)
    room = max(_ROOM if columns == 1 else 0, picture.width // columns - _INDENT - _FIGURES)
    names = dict(zip(legend.names, labels(legend.names, room), strict=True))
    colours = dict(zip(legend.names, legend.colours, strict=True))
    named = [(_name_in(line, names), line) for line in shown]
    texts = [written(line) if name is None else names[name] + written(line[len(name) :]) for name, line in named]
    lengths = (round(font().getlength(text)) for (name, _), text in zip(named, texts, strict=True) if name is not None)
    widest = _INDENT + max(lengths, default=0) if columns == 1 else 0
    rows = -(-len(shown) // columns)
    sheet = Image.new("RGB", (max(picture.width, widest), picture.height + rows * _LINE + 8), "white")
    sheet.paste(picture)
    draw = ImageDraw.Draw(sheet)
    for index, ((name, _), text) in enumerate(zip(named, texts, strict=True)):
        left = 8 + index % columns * (picture.width // columns)
        top = picture.height + 8 + index // columns * _LINE
        colour = colours[name] if name is not None else (255, 255, 255)
        draw.rectangle((left, top, left + 18, top + 16), fill=colour, outline="black")
        draw.text((left + 26, top - 1), text, fill="black", font=font())
    told = [name for name, _ in named if name is not None]
    notes = label_notes(told, [names[name] for name in told])
    left_out = (f"the picture names {len(shown)} of {len(lines)} classes",) if len(lines) > len(shown) else ()
    return sheet, (*notes, *left_out)


def _name_in(line: str, names: Mapping[str, str]) -> str | None:
    """The class that a line begins with; None for another sentence."""
    if line in names:
        return line
    ends = (at for at in range(len(line)) if line.startswith("  ", at) and line[:at] in names)
    return max((line[:at] for at in ends), key=len, default=None)
