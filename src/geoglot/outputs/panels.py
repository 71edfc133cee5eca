"""One picture of several: pictures of one scene in rows, each with its lines of text below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image, ImageDraw

from geoglot.errors import InputError, OutputError
from geoglot.outputs.atomic import check_folder, write_bytes
from geoglot.outputs.lettering import font, written

_GAP, _LINE, _LEAST = 10, 20, 150  # pixels; _LEAST is room for a word below the smallest picture
_NO_DATA = (214, 214, 214)


@dataclass(frozen=True, repr=False)
class Panel:
    """A picture and what is written below it."""

    pixels: Float[np.ndarray, "3 rows cols"]
    """RGB, 0..1."""
    valid: Bool[np.ndarray, "rows cols"]
    """Pixels that are no data are drawn light grey."""
    lines: tuple[str, ...]


def check_picture(output: Path) -> None:
    """Refuse, before any work, a picture that cannot be written; InputError for a name that is no PNG's."""
    if output.suffix.lower() != ".png":
        raise InputError(f"the picture is a PNG: end its name with .png, not {output.name!r}")
    check_folder(output)


def write_panels(rows: Sequence[Sequence[Panel]], output: Path) -> None:
    """Write a PNG of rows of panels; a file that is there stays, and OutputError unless it is this very picture."""
    check_picture(output)
    sheet = _stacked([_row(row) for row in rows])
    buffer = BytesIO()
    sheet.save(buffer, "PNG")
    if not output.exists():
        write_bytes(output, buffer.getvalue())
    elif output.read_bytes() != buffer.getvalue():
        raise OutputError(f"{output} is there already, and not this picture; give another name: -o")


def _row(panels: Sequence[Panel]) -> Image.Image:
    tiles = [_drawn(panel) for panel in panels]
    height = max(tile.height for tile in tiles)
    row = Image.new("RGB", (sum(tile.width + _GAP for tile in tiles) + _GAP, height), "white")
    left = _GAP
    for tile in tiles:
        row.paste(tile, (left, 0))
        left += tile.width + _GAP
    return row


def _stacked(rows: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows) + _GAP), "white")
    top = _GAP
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


def _drawn(panel: Panel) -> Image.Image:
    """The picture, and its lines in as many rows as its width asks for."""
    shown = np.where(panel.valid[..., None], (panel.pixels.transpose(1, 2, 0) * 255).round(), _NO_DATA)
    picture = Image.fromarray(shown.astype(np.uint8))
    width = max(picture.width, _LEAST)
    lines = [part for line in panel.lines for part in _wrapped(written(line), width)]
    tile = Image.new("RGB", (width, picture.height + len(lines) * _LINE + 6), "white")
    tile.paste(picture)
    draw = ImageDraw.Draw(tile)
    for index, line in enumerate(lines):
        draw.text((0, picture.height + 3 + index * _LINE), line, fill="black", font=font())
    return tile


def _wrapped(line: str, width: int) -> list[str]:
    """Words in lines that are no wider than the picture, as far as a single word is not."""
    lines = [""]
    for word in line.split():
        longer = f"{lines[-1]} {word}".strip()
        if font().getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
