"""Draw a contact sheet: tiles with numbered points where photos were taken, and these photos beside them."""

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from geoglot.figures import format_count
from geoglot.outputs.lettering import load_font
from geoglot.outputs.panels import montage
from geoglot.pairs.pair_store import PairSet, Shard
from geoglot.sources.photos.decoding import decode_rgb

CARDS = 12
_TILE, _PHOTO, _GAP, _LINE = 252, 82, 4, 20
_DOWN, _ACROSS = 3, 3  # photos beside a tile
_SHOWN = _DOWN * _ACROSS
_COLUMNS = 2
_WIDTH, _HEIGHT = _TILE + _ACROSS * (_PHOTO + _GAP) + 3 * _GAP, _TILE + _LINE + 2 * _GAP
_INK, _MARK, _PAPER = (30, 30, 30), (255, 225, 0), (255, 255, 255)


def contact_sheet(sets: Mapping[str, PairSet]) -> bytes:
    """JPEG of some tiles drawn at random, those with several photos first."""
    tiles = [
        (name, shard, tile) for name, pairs in sets.items() for shard in pairs.shards for tile in range(shard.tiles)
    ]
    cards = [tiles[index] for index in np.random.default_rng(0).permutation(len(tiles))[: 4 * CARDS]]
    cards.sort(key=lambda card: -min(int(np.count_nonzero(card[1].links.tile == card[2])), 4))
    pictures, blank = [_draw(*card) for card in cards[:CARDS]], Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    pictures += [blank] * (-len(pictures) % _COLUMNS if pictures else _COLUMNS)
    rows = [pictures[first : first + _COLUMNS] for first in range(0, len(pictures), _COLUMNS)]
    file = io.BytesIO()
    montage(rows).save(file, "JPEG", quality=85)
    return file.getvalue()


def _draw(name: str, shard: Shard, number: int) -> Image.Image:
    """The card of one tile of a pair set."""
    links, facts = shard.links, shard.tile_table().slice(number, 1).to_pylist()[0]
    first, last = np.searchsorted(links.tile, [number, number + 1])
    images, shown = shard.images(), links.photo[first:last][:_SHOWN]
    picture = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    draw, font = ImageDraw.Draw(picture), load_font(12)

    def label(x: float, y: float, text: str) -> None:
        left, top, right, bottom = draw.textbbox((x, y), text, font=font)
        draw.rectangle((left - 2, top - 1, right + 2, bottom + 1), fill=_MARK)
        draw.text((x, y), text, fill=_INK, font=font)

    title = f"{name}  {facts['id']}  {facts['scene_time'][:10]}  {format_count(int(last - first), 'photo')}"
    draw.text((_GAP, 3), title, fill=_INK, font=font)
    tile = Image.fromarray(np.ascontiguousarray(shard.pixels[number][:3].transpose(1, 2, 0)))
    scale = _TILE / tile.width
    how = Image.Resampling.BICUBIC if scale < 4 else Image.Resampling.NEAREST
    picture.paste(tile.resize((_TILE, _TILE), how), (_GAP, _LINE))
    for index in reversed(range(last - first)):
        x, y = _GAP + links.col[first + index] * scale, _LINE + links.row[first + index] * scale
        for radius, colour in ((6, _INK), (5, _MARK), (2, _INK)):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        if index < _SHOWN:
            right, low = x > _GAP + _TILE - 24, y > _LINE + _TILE - 20
            label(x - 20 if right else x + 7, y - 16 if low else y - 4, str(index + 1))
    for index, photo in enumerate(shown):
        left = _TILE + 2 * _GAP + index % _ACROSS * (_PHOTO + _GAP)
        top = _LINE + index // _ACROSS * (_PHOTO + _GAP - 1)
        picture.paste(ImageOps.fit(decode_rgb(images[photo]), (_PHOTO, _PHOTO)), (left, top))
        label(left + 2.0, top + 1.0, str(index + 1))
    return picture
