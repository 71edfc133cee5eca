"""GRAFT's pairs by the million: time, disk and memory to make, embed and load them, and what ten million take.

    python benchmarks/graft_scale.py --pairs 1000000 [--side 64] [--photos 2000]

Tiles and photos are synthetic. Links and vectors are made for all pairs; `--photos` pictures are decoded and embedded
to time that step, which grows with their number alone. The table scales each figure to ten million pairs.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pyproj
import torch
from affine import Affine
from figures_of_runs import peak_gb
from PIL import Image

from geoglot.geo import Grid
from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import load_word_model
from geoglot.pairs.embed_photos import embed
from geoglot.pairs.pair_store import PairSet
from geoglot.pairs.schema import Batch, Links
from geoglot.pairs.validate import validate
from geoglot.training.pair_batches import PairLoader, PairSampling

A_TILE, SHARD, DIM, TEN, USERS = 10, 2000, 512, 10_000_000, 997
_CRS = pyproj.CRS(32631)


def make_batch(first: int, tiles: int, side: int, rng: np.random.Generator) -> Batch:
    """Tiles of noise with `A_TILE` photos each."""
    pixels = rng.integers(0, 256, (tiles, 3, side, side), dtype=np.uint8)
    grids = [
        Grid(_CRS, Affine(1, 0, 4e5 + 300 * (n % 1000), 0, -1, 5.7e6 + 300 * (n // 1000)), (side, side))
        for n in range(first, first + tiles)
    ]
    count = tiles * A_TILE
    names = [f"p{first * A_TILE + n}" for n in range(count)]
    places = rng.uniform(0, side, (2, count))
    links = Links(
        np.repeat(np.arange(tiles), A_TILE), names, places[0], places[1], [f"u{n % 997}" for n in range(count)]
    )
    return Batch(pixels, grids, [str(n) for n in range(first, first + tiles)], links)


def make_pairs(folder: Path, count: int, side: int, sha256: str) -> PairSet:
    """A pair set with vectors, and no photos."""
    rng, pairs = np.random.default_rng(0), PairSet.create(folder, ("red", "green", "blue"), side, 1.0)
    tiles = count // A_TILE
    for first in range(0, tiles, SHARD):
        pairs = pairs.append(make_batch(first, min(SHARD, tiles - first), side, rng))
        shard = pairs.shards[-1]
        vectors = rng.standard_normal((shard.photos, DIM), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        shard.add_vectors(sha256, vectors.astype(np.float16))
    return pairs


def time_embedding(folder: Path, photos: int, model: VisionLanguageModel) -> float:
    """Photos a second that are decoded and embedded; each is a JPEG of 320 x 256 px, as collections store them."""
    rng, buffer = np.random.default_rng(1), io.BytesIO()
    noise = Image.fromarray(rng.integers(0, 256, (32, 40, 3), dtype=np.uint8)).resize((320, 256))
    noise.save(buffer, "JPEG", quality=90)
    batch = make_batch(0, photos // A_TILE, 32, rng)
    images = [buffer.getvalue()] * len(batch.links.photo)
    pairs = PairSet.create(folder, ("red", "green", "blue"), 32, 1.0)
    pairs = pairs.append(Batch(batch.pixels, batch.grids, batch.ids, batch.links, images))
    began = time.perf_counter()
    embed(pairs, model)
    return pairs.photos / (time.perf_counter() - began)


def time_loading(pairs: PairSet, sha256: str, workers: int, steps: int) -> float:
    """Tiles a second that the loader reads, in batches of 256 with views as large as the tiles."""
    loader = PairLoader(pairs, sha256, 16, PairSampling(256, pairs.side), workers=workers)
    began = time.perf_counter()
    for _ in loader.batches(0, steps):
        pass
    return 256 * steps / (time.perf_counter() - began)


def timed(work: Callable[[], object]) -> float:
    """Seconds that some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@click.command()
@click.option("--pairs", "count", default=1_000_000, show_default=True, help="Pairs of a tile and a photo.")
@click.option("--side", default=64, show_default=True, help="Pixels of a tile; the paper's are 224.")
@click.option("--photos", default=2000, show_default=True, help="Photos that are decoded and embedded.")
@click.option("--model", default="mini", show_default=True, help="The ground tower of that step.")
@click.option("--device", default="cpu", show_default=True)
def command(count: int, side: int, photos: int, model: str, device: str) -> None:
    """Print the table."""
    tower, sha256, more = load_word_model(model, device=device), "0" * 64, TEN / count
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        wrote = timed(lambda: make_pairs(place / "pairs", count, side, sha256))
        stored = size_of(place / "pairs")
        opened = timed(lambda: validate(PairSet.open(place / "pairs")))
        pairs = PairSet.open(place / "pairs")
        speeds = {workers: time_loading(pairs, sha256, workers, 20) for workers in (1, 2, 4)}
        seen = time_embedding(place / "photos", photos, tower)
    peak = peak_gb()
    tile, link = 3 * side * side, (stored - count // A_TILE * 3 * side * side) / count
    print(f"{count:,} pairs, {count // A_TILE:,} tiles of {side} px, {torch.get_num_threads()} threads of torch")
    print(f"write     {wrote:8.1f} s        {wrote * more / 60:8.1f} min for {TEN:,}")
    print(f"validate  {opened:8.1f} s        {opened * more / 60:8.1f} min")
    print(f"disk      {stored / 1e9:8.2f} GB       {tile:,} bytes a tile, {link:,.0f} a pair with its vector")
    tiles_gb, links_gb = TEN / A_TILE * 3 * 224**2 / 1e9, TEN * link / 1e9
    print(f"          {TEN:,} pairs, {A_TILE} a tile of 224 px: {tiles_gb:.0f} GB of tiles, {links_gb:.0f} GB of links")
    print(f"memory    {peak:8.2f} GB at most in this process")
    for workers, speed in speeds.items():
        hours = 10 * TEN / A_TILE / speed / 3600
        print(f"load      {speed:8.0f} tiles/s  with {workers} workers; ten epochs of ten million pairs: {hours:.1f} h")
    hours = TEN / seen / 3600
    print(f"embed     {seen:8.1f} photos/s by {tower.card.name} on {device}; {TEN:,}: {hours:.1f} h a process")


if __name__ == "__main__":
    command()
