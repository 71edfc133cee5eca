"""Pair sets as WebDataset archives (https://github.com/webdataset/webdataset): tar files whose samples share a key.

    KEY.tile.png          the tile; KEY.tile.npy (band, row, col) where it has not three bands
    KEY.0.jpg, KEY.1.jpg  its photos, where the set keeps them
    KEY.json              what is known: id, crs, transform, and of each photo id, row, col, user, licence ...

KEY is the number of the tile, counted through the set. Archives are the same bytes whenever they are written.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from geoglot.aliases import Progress
from geoglot.errors import InputError, OutputError
from geoglot.outputs.atomic import appears, disk_errors
from geoglot.pairs.pair_store import PairSet, Shard


def export(pairs: PairSet, output: Path, tiles: int, progress: Progress | None = None) -> list[Path]:
    """Write archives of so many tiles each into a new or empty folder; gives their paths."""
    if not pairs.tiles:
        raise InputError(f"{pairs.place} holds no tiles")
    if output.exists() and any(output.iterdir()):
        raise OutputError(f"{output} is not empty; give another folder")
    with disk_errors(output):
        output.mkdir(parents=True, exist_ok=True)
    samples, written = _samples(pairs), list[Path]()
    for first in range(0, pairs.tiles, tiles):
        path = output / f"{len(written):06d}.tar"
        with appears(path) as temporary, tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive:
            for number in range(first, min(first + tiles, pairs.tiles)):
                for name, content in next(samples):
                    _add(archive, f"{number:08d}.{name}", content)
                if progress:
                    progress("tiles", number + 1, pairs.tiles)
        written.append(path)
    return written


def _samples(pairs: PairSet) -> Iterator[list[tuple[str, bytes]]]:
    """The files of each tile by their endings."""
    for shard in pairs.shards:
        images, links = shard.images(), shard.photo_table().to_pylist()
        starts = np.searchsorted(shard.links.tile, np.arange(shard.tiles + 1))
        for number, facts in enumerate(shard.tile_table().to_pylist()):
            own = links[starts[number] : starts[number + 1]]
            yield [_tile(shard, number), *_photos(own, images), _facts(facts, own)]


def _tile(shard: Shard, number: int) -> tuple[str, bytes]:
    pixels, file = np.asarray(shard.pixels[number]), io.BytesIO()
    if len(pixels) == 3:
        Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(file, "PNG")
        return "tile.png", file.getvalue()
    np.save(file, pixels)
    return "tile.npy", file.getvalue()


def _photos(links: list[dict[str, Any]], images: dict[str, bytes]) -> list[tuple[str, bytes]]:
    found = [(index, images[link["photo"]]) for index, link in enumerate(links) if link["photo"] in images]
    return [(f"{index}.{_ending(image)}", image) for index, image in found]


def _ending(image: bytes) -> str:
    return "png" if image.startswith(b"\x89PNG") else "webp" if image[8:12] == b"WEBP" else "jpg"


def _facts(tile: dict[str, Any], links: list[dict[str, Any]]) -> tuple[str, bytes]:
    photos = [{name: value for name, value in link.items() if name != "tile"} for link in links]
    return "json", json.dumps({**tile, "photos": photos}, default=str).encode()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
