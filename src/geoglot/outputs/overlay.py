"""A picture for the eye: the scene, the map over it, a legend."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import rasterio
import rasterio.features
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from shapely import Polygon

from geoglot.outputs.files import appears
from geoglot.outputs.legend import Legend

#: Of the scene in a picture, the longer side at most, in pixels
SIDE = 1024
_STRENGTH = 0.5
_LINE = 26


def write_overlay(
    thumbnail: Float[np.ndarray, "3 rows cols"],
    class_map: Path,
    legend: Legend,
    lines: Sequence[str],
    output: Path,
) -> None:
    """Scene (RGB 0..1) left, scene under the map right, `lines` below; a line gets the colour of the class it names."""
    scene = (thumbnail.transpose(1, 2, 0) * 255).round().astype(np.uint8)
    with rasterio.open(class_map.absolute(), driver="GTiff") as dataset:
        classes = dataset.read(1, out_shape=scene.shape[:2])
    painted = Image.fromarray(_paint(scene, classes, legend))
    _write_beside(Image.fromarray(scene), painted, legend, lines, output)


def write_outlines(
    thumbnail: Float[np.ndarray, "3 rows cols"],
    outlines: Sequence[tuple[str, Polygon]],
    legend: Legend,
    lines: Sequence[str],
    output: Path,
    hollow: Collection[str] = (),
) -> None:
    """Scene (RGB 0..1) left, scene with outlines right (name, polygon in pixels of the thumbnail), `lines` below.

    The names in `hollow` are outlined and not filled.
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
    _write_beside(Image.fromarray(scene), drawn, legend, lines, output)


def _write_beside(left: Image.Image, right: Image.Image, legend: Legend, lines: Sequence[str], output: Path) -> None:
    """Two pictures of one size side by side, `lines` below."""
    both = Image.new("RGB", (left.width + right.width, left.height))
    both.paste(left)
    both.paste(right, (left.width, 0))
    with appears(output) as temporary:
        _with_legend(both, legend, lines).save(temporary, "PNG")


def _paint(scene: np.ndarray, classes: np.ndarray, legend: Legend) -> np.ndarray:
    colours = np.zeros((legend.nodata + 1, 3), np.float32)
    strength = np.zeros((legend.nodata + 1, 1), np.float32)
    colours[1 : len(legend.names) + 1] = legend.colours
    strength[1 : len(legend.names) + 1] = _STRENGTH
    share = strength[classes]
    mixed: np.ndarray = (scene * (1 - share) + colours[classes] * share).round().astype(np.uint8)
    return mixed


def _with_legend(picture: Image.Image, legend: Legend, lines: Sequence[str]) -> Image.Image:
    columns = max(1, picture.width // 300)
    rows = -(-len(lines) // columns)
    sheet = Image.new("RGB", (picture.width, picture.height + rows * _LINE + 8), "white")
    sheet.paste(picture)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    by_name = dict(zip(legend.names, legend.colours, strict=True))
    for index, line in enumerate(lines):
        left = 8 + index % columns * (picture.width // columns)
        top = picture.height + 8 + index // columns * _LINE
        colour = by_name.get(line.split("  ")[0], (255, 255, 255))
        draw.rectangle((left, top, left + 18, top + 16), fill=colour, outline="black")
        draw.text((left + 26, top - 1), line, fill="black", font=font)
    return sheet
