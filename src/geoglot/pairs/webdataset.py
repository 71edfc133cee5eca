"""Export pair sets as WebDataset archives (https://github.com/webdataset/webdataset), tar files with a key per sample.

    KEY.tile.png          the tile; KEY.tile.npy (band, row, col) unless it has three bands
    KEY.0.jpg, KEY.1.jpg  its photos, if the set keeps them
    KEY.json              id, crs and transform of the tile; id, row, col, user, licence and so on of each photo

KEY is the index of the tile in the set. The same set always gives the same bytes.
"""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from geoglot.aliases import Progress
from geoglot.errors import InputError, OutputError
from geoglot.outputs.atomic import folder_appears
from geoglot.pairs.pair_store import PairSet


def export(pairs: PairSet, output: Path, tiles: int, progress: Progress | None = None) -> list[Path]:
    """Write archives of `tiles` tiles each into a new or empty folder and return their paths.

    The folder appears whole or not at all.
    """
    if not pairs.tiles:
        raise InputError(f"{pairs.place} holds no tiles")
    if output.exists() and any(output.iterdir()):
        raise OutputError(f"{output} is not empty; give another folder")
    with folder_appears(output.resolve()) as draft:  # a link stays one
        draft.mkdir()
        written = list(_write(pairs, draft, tiles, progress))
    return [output / path.name for path in written]


def _write(pairs: PairSet, folder: Path, tiles: int, progress: Progress | None) -> Iterator[Path]:
    """Write the archives into a folder, one after the other."""
    samples = _read_samples(pairs)
    for count, first in enumerate(range(0, pairs.tiles, tiles)):
        path = folder / f"{count:06d}.tar"
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
            for number in range(first, min(first + tiles, pairs.tiles)):
                for ending, content in next(samples):
                    entry = tarfile.TarInfo(f"{number:08d}.{ending}")
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
                if progress:
                    progress("tiles", number + 1, pairs.tiles)
        yield path


def _read_samples(pairs: PairSet) -> Iterator[list[tuple[str, bytes]]]:
    """Ending and content of the files of each tile."""
    for shard in pairs.shards:
        images, links = shard.images(), shard.photo_table().to_pylist()
        starts = np.searchsorted(shard.links.tile, np.arange(shard.tiles + 1))
        for number, facts in enumerate(shard.tile_table().to_pylist()):
            own = links[starts[number] : starts[number + 1]]
            photos = [(index, images[link["photo"]]) for index, link in enumerate(own) if link["photo"] in images]
            facts["photos"] = [{name: value for name, value in link.items() if name != "tile"} for link in own]
            yield [
                _encode_tile(np.asarray(shard.pixels[number])),
                *((f"{index}.{_format_of(image)}", image) for index, image in photos),
                ("json", json.dumps(facts, default=str).encode()),
            ]


def _encode_tile(pixels: np.ndarray) -> tuple[str, bytes]:
    file = io.BytesIO()
    if len(pixels) == 3:
        Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(file, "PNG")
        return "tile.png", file.getvalue()
    np.save(file, pixels)
    return "tile.npy", file.getvalue()


def _format_of(image: bytes) -> str:
    return "png" if image.startswith(b"\x89PNG") else "webp" if image[8:12] == b"WEBP" else "jpg"
