"""A contact sheet: tiles, the points where their photos were taken, and those photos beside them by number."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

_TILE, _PHOTO, _GAP, _LINE = 252, 82, 4, 20
_DOWN, _ACROSS = 3, 3  # photos beside a tile
SHOWN = _DOWN * _ACROSS
_COLUMNS = 2
_INK, _MARK, _PAPER = (30, 30, 30), (255, 225, 0), (255, 255, 255)


@dataclass(frozen=True)
class Card:
    """One tile of the sheet."""

    title: str
    pixels: np.ndarray
    """(band, side, side), uint8; the first three bands are shown."""
    points: Sequence[tuple[float, float]]
    """(row, col) of every photo, pixels of the tile."""
    photos: Sequence[bytes]
    """Encoded pictures of the first of them."""


def contact_sheet(cards: Sequence[Card]) -> bytes:
    """A JPEG of all cards, two a row."""
    width, height = _TILE + _ACROSS * (_PHOTO + _GAP) + 3 * _GAP, _TILE + _LINE + 2 * _GAP
    rows = -(-len(cards) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * width, max(1, rows) * height), _PAPER)
    for number, card in enumerate(cards):
        sheet.paste(_draw(card, width, height), (number % _COLUMNS * width, number // _COLUMNS * height))
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=85)
    return file.getvalue()


def _draw(card: Card, width: int, height: int) -> Image.Image:
    picture = Image.new("RGB", (width, height), _PAPER)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    draw.text((_GAP, 3), card.title, fill=_INK, font=font)
    tile = Image.fromarray(np.ascontiguousarray(card.pixels[:3].transpose(1, 2, 0)))
    scale = _TILE / tile.width
    picture.paste(
        tile.resize((_TILE, _TILE), Image.Resampling.BICUBIC if scale < 4 else Image.Resampling.NEAREST), (_GAP, _LINE)
    )
    for number, (row, col) in reversed(list(enumerate(card.points, 1))):
        _point(draw, _GAP + col * scale, _LINE + row * scale, str(number) if number <= SHOWN else "", font)
    for index, photo in enumerate(card.photos[:SHOWN]):
        left = _TILE + 2 * _GAP + index % _ACROSS * (_PHOTO + _GAP)
        top = _LINE + index // _ACROSS * (_PHOTO + _GAP - 1)
        small = ImageOps.fit(Image.open(io.BytesIO(photo)).convert("RGB"), (_PHOTO, _PHOTO))
        picture.paste(small, (left, top))
        _label(draw, left + 2.0, top + 1.0, str(index + 1), font)
    return picture


def _point(
    draw: ImageDraw.ImageDraw, x: float, y: float, number: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> None:
    for radius, colour in ((6, _INK), (5, _MARK), (2, _INK)):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    if number:
        right, low = x > _GAP + _TILE - 24, y > _LINE + _TILE - 20
        _label(draw, x - 20 if right else x + 7, y - 16 if low else y - 4, number, font)


def _label(
    draw: ImageDraw.ImageDraw, x: float, y: float, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> None:
    left, top, right, bottom = draw.textbbox((x, y), text, font=font)
    draw.rectangle((left - 2, top - 1, right + 2, bottom + 1), fill=_MARK)
    draw.text((x, y), text, fill=_INK, font=font)
