"""A picture for people: the scene, the scene under its map or outlines, and a legend."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import rasterio
import rasterio.features
from jaxtyping import Float, Shaped, UInt8
from PIL import Image, ImageDraw
from rasterio.errors import RasterioError
from shapely import Polygon

from geoglot.errors import SourceError
from geoglot.legible import reason_of
from geoglot.outputs.atomic import appears
from geoglot.outputs.legend import Legend
from geoglot.outputs.lettering import explain_numbers, fit_labels, load_font, make_writable
from geoglot.outputs.margin import Margin
from geoglot.outputs.panels import PNG_LEVEL, montage, to_bytes

#: Longer side of the scene in a picture, in pixels
SIDE = 1024
#: Largest number of classes in the legend of a picture
MOST_LINES = 200
_STRENGTH, _STRONG = 0.5, 0.85
_PALE = 0.6  # of the darkness of a scene
# Pixels of the legend:
_LINE = 26  # height of a line
_INDENT = 34  # of a column, before and after its line
_ROOM = 230  # for a name in any picture; a narrow picture is widened
_FIGURES = 60  # for a share or a count


def write_overlay(
    thumbnail: Float[np.ndarray, "3 rows cols"],
    class_map: Path,
    legend: Legend,
    lines: Sequence[str],
    output: Path,
    margin: Margin | None = None,
    before: Float[np.ndarray, "3 rows cols"] | None = None,
) -> tuple[str, ...]:
    """Write the pictures of `map_panels` as one, below them the margin and `lines`, each in the colour of its class.

    Returns notes, such as the names that the picture cannot write.
    """
    return _write(map_panels(thumbnail, class_map, legend, before), legend, lines, output, margin)


def write_outlines(
    thumbnail: Float[np.ndarray, "3 rows cols"],
    outlines: Sequence[tuple[str, Polygon]],
    legend: Legend,
    lines: Sequence[str],
    output: Path,
    margin: Margin | None = None,
    hollow: Collection[str] = (),
) -> tuple[str, ...]:
    """Like `write_overlay`, for the pictures of `outline_panels`."""
    return _write(outline_panels(thumbnail, outlines, legend, hollow), legend, lines, output, margin)


def map_panels(
    thumbnail: Float[np.ndarray, "3 rows cols"],
    class_map: Path,
    legend: Legend,
    before: Float[np.ndarray, "3 rows cols"] | None = None,
) -> list[Image.Image]:
    """The scene (RGB 0..1), and the scene under the map; SourceError if the map is gone.

    With a scene `before`, which comes first, the map lies on a pale one: few of its pixels have a class.
    """
    scene = to_bytes(thumbnail)
    try:
        with rasterio.open(class_map.absolute(), driver="GTiff") as dataset:
            classes = dataset.read(1, out_shape=scene.shape[:2])
    except RasterioError as error:
        raise SourceError(f"{class_map} cannot be read: {reason_of(error)}") from error
    if before is None:
        return [Image.fromarray(scene), _paint(scene, classes, legend)]
    pale = np.repeat(255 - (255 - scene.mean(2, keepdims=True)) * _PALE, 3, axis=2).round().astype(np.uint8)
    return [*map(Image.fromarray, (to_bytes(before), scene)), _paint(pale, classes, legend, _STRONG)]


def outline_panels(
    thumbnail: Float[np.ndarray, "3 rows cols"],
    outlines: Sequence[tuple[str, Polygon]],
    legend: Legend,
    hollow: Collection[str] = (),
) -> list[Image.Image]:
    """The scene (RGB 0..1), and the scene under named outlines in its pixels; those in `hollow` are not filled."""
    scene = to_bytes(thumbnail)
    classes = np.zeros(scene.shape[:2], legend.dtype)
    ids = {name: number for number, name in enumerate(legend.names, 1)}
    filled = [(polygon, ids[name]) for name, polygon in outlines if name not in hollow]
    if filled:
        rasterio.features.rasterize(filled, out=classes)
    drawn = _paint(scene, classes, legend)
    painter = ImageDraw.Draw(drawn)
    for name, polygon in outlines:
        for ring in (polygon.exterior, *polygon.interiors):
            painter.line(list(ring.coords), fill=legend.colour_of(name), width=2)
    return [Image.fromarray(scene), drawn]


def _paint(
    scene: UInt8[np.ndarray, "rows cols 3"],
    classes: Shaped[np.ndarray, "rows cols"],
    legend: Legend,
    opacity: float = _STRENGTH,
) -> Image.Image:
    colours = np.zeros((legend.nodata + 1, 3), np.float32)
    strength = np.zeros((legend.nodata + 1, 1), np.float32)
    colours[1 : len(legend.names) + 1] = legend.colours
    strength[1 : len(legend.names) + 1] = opacity
    share = strength[classes]
    return Image.fromarray((scene * (1 - share) + colours[classes] * share).round().astype(np.uint8))


def _write(
    panels: Sequence[Image.Image], legend: Legend, lines: Sequence[str], output: Path, margin: Margin | None
) -> tuple[str, ...]:
    """Write pictures from left to right, with a margin and a legend below."""
    if margin:
        margin.outline_area(panels[-1])
    pictures = montage([panels])
    sheet, notes = _add_legend(margin.below(pictures) if margin else pictures, legend, lines)
    with appears(output) as temporary:
        sheet.save(temporary, "PNG", compress_level=PNG_LEVEL)
    return notes


def _add_legend(picture: Image.Image, legend: Legend, lines: Sequence[str]) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture with `lines` below it, and notes on how to read them. A line that names no class is a sentence."""
    shown, columns = lines[:MOST_LINES], max(1, picture.width // 300)
    step = picture.width // columns
    room = max(_ROOM if columns == 1 else 0, step - _INDENT - _FIGURES)
    labels = dict(zip(legend.names, fit_labels(legend.names, room), strict=True))
    owners = [_class_of(line, labels) for line in shown]
    texts = [labels.get(name, "") + make_writable(line[len(name) :]) for name, line in zip(owners, shown, strict=True)]
    sentences = [text for name, text in zip(owners, texts, strict=True) if not name]  # each has a row of its own
    entries = [(legend.colour_of(name), text) for name, text in zip(owners, texts, strict=True) if name]
    ends = [8 + load_font().getlength(text) for text in sentences]
    ends += [_INDENT + load_font().getlength(text) for _, text in entries if columns == 1]
    height = picture.height + (len(sentences) + -(-len(entries) // columns)) * _LINE + 8
    sheet = Image.new("RGB", (max(picture.width, *map(round, ends), 0), height), "white")
    sheet.paste(picture)
    draw = ImageDraw.Draw(sheet)
    for index, text in enumerate(sentences):
        draw.text((8, picture.height + 7 + index * _LINE), text, fill="black", font=load_font())
    below = picture.height + 8 + len(sentences) * _LINE
    for index, (colour, text) in enumerate(entries):
        left, top = 8 + index % columns * step, below + index // columns * _LINE
        draw.rectangle((left, top, left + 18, top + 16), fill=colour, outline="black")
        draw.text((left + 26, top - 1), text, fill="black", font=load_font())
    names = list(filter(None, owners))
    notes = explain_numbers(names, [labels[name] for name in names])
    left_out = (f"the picture names {len(shown)} of {len(lines)} classes",) if len(lines) > len(shown) else ()
    return sheet, (*notes, *left_out)


def _class_of(line: str, names: Collection[str]) -> str:
    """The longest class name with which a line begins, before two spaces; empty if the line names no class."""
    ends = [at for at in range(len(line)) if line.startswith("  ", at)]
    return next((line[:at] for at in (len(line), *reversed(ends)) if line[:at] in names), "")
