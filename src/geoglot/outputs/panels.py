"""Pictures pasted into one, in rows, each with lines of text below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageDraw

from geoglot.errors import InputError, OutputError
from geoglot.outputs.atomic import check_folder, write_bytes
from geoglot.outputs.lettering import load_font, make_writable

_GAP, _LINE, _NARROWEST = 10, 20, 150  # pixels; the narrowest panel has room for a word
_NO_DATA = np.full(3, 214, np.uint8)
#: Level of zlib for pictures of scenes: a quarter of the time of Pillow's 6, for files 2 % larger
PNG_LEVEL = 4


@dataclass(frozen=True, repr=False)
class Panel:
    """A picture and the text below it."""

    pixels: Float[np.ndarray, "3 rows cols"]
    """RGB, 0..1."""
    valid: Bool[np.ndarray, "rows cols"]
    """Pixels that are not valid are drawn light grey."""
    lines: tuple[str, ...]

    @classmethod
    def blank(cls, side: int, lines: tuple[str, ...]) -> Panel:
        """A grey square for a picture that cannot be drawn; the last line says why."""
        return cls(np.zeros((3, side, side), np.float32), np.zeros((side, side), bool), lines)


def montage(rows: Sequence[Sequence[Image.Image]], gap: int = 0) -> Image.Image:
    """Paste pictures in rows on white paper, with a gap above the first row and around each column."""
    heights = [max(picture.height for picture in row) for row in rows]
    width = max(sum(picture.width + gap for picture in row) for row in rows) + gap
    sheet = Image.new("RGB", (width, sum(heights) + gap), "white")
    top = gap
    for row, height in zip(rows, heights, strict=True):
        left = gap
        for picture in row:
            sheet.paste(picture, (left, top))
            left += picture.width + gap
        top += height
    return sheet


def to_bytes(pixels: Float[np.ndarray, "3 rows cols"]) -> UInt8[np.ndarray, "rows cols 3"]:
    """RGB pixels 0..1 as PIL takes them."""
    return (pixels.transpose(1, 2, 0) * 255).round().astype(np.uint8)


def picture_of(pixels: Float[np.ndarray, "3 rows cols"], valid: Bool[np.ndarray, "rows cols"]) -> Image.Image:
    """RGB pixels 0..1 as a picture, light grey where they are not valid."""
    return Image.fromarray(np.where(valid[..., None], to_bytes(pixels), _NO_DATA))


def check_picture(output: Path) -> None:
    """Before any work, refuse a picture that cannot be written, or whose name does not end with .png."""
    if output.suffix.lower() != ".png":
        raise InputError(f"the name of the picture must end with .png, got {output.name!r}")
    check_folder(output)


def encode_panels(rows: Sequence[Sequence[Panel]]) -> bytes:
    """Rows of panels as the bytes of a PNG."""
    buffer = BytesIO()
    montage([[_draw(panel) for panel in row] for row in rows], _GAP).save(buffer, "PNG", compress_level=PNG_LEVEL)
    return buffer.getvalue()


def write_panels(rows: Sequence[Sequence[Panel]], output: Path) -> None:
    """Write rows of panels as a PNG; OutputError if the file exists with other content."""
    check_picture(output)
    picture = encode_panels(rows)
    if not output.exists():
        write_bytes(output, picture)
    elif output.read_bytes() != picture:
        raise OutputError(f"{output} is there already and holds another picture; give another name: -o")


def _draw(panel: Panel) -> Image.Image:
    picture = picture_of(panel.pixels, panel.valid)
    width = max(picture.width, _NARROWEST)
    lines = [part for line in panel.lines for part in _wrap(make_writable(line), width)]
    drawn = Image.new("RGB", (width, picture.height + len(lines) * _LINE + 6), "white")
    drawn.paste(picture)
    draw = ImageDraw.Draw(drawn)
    for index, line in enumerate(lines):
        draw.text((0, picture.height + 3 + index * _LINE), line, fill="black", font=load_font())
    return drawn


def _wrap(line: str, width: int) -> list[str]:
    """Break a line into lines of at most `width` pixels; a longer word, such as a file name, is broken too."""
    lines = [""]
    for word in chain.from_iterable(_break(word, width) for word in line.split()):
        longer = f"{lines[-1]} {word}".strip()
        if load_font().getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _break(word: str, width: int) -> list[str]:
    parts = [""]
    for letter in word:
        if load_font().getlength(parts[-1] + letter) > width and parts[-1]:
            parts.append("")
        parts[-1] += letter
    return parts
