"""Building an archive: chips a second of `geoglot index add`, beside those of its encoder alone.

    python benchmarks/archive_build.py [--json] [--rounds 3] [--side 2688] [--pictures FOLDER]

The scene is a made-up GeoTIFF of 1 m in UTM, tiled and deflated; then the same at 0.6 m, which is resampled, and a
folder of JPEG pictures of 224 px, or that of --pictures. The encoder alone has its chips in memory, and the same
batches and threads. A ratio is taken inside each round, so that other work on the machine affects both sides. The ratio
of computing time is what it would be on cores that do nothing else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from PIL import Image
from scipy.ndimage import zoom

from geoglot.index.build.build import add
from geoglot.index.build.chip_lanes import open_chip_lanes
from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import load_word_model
from geoglot.options import ReadOptions

_BATCH = ReadOptions().batch


def main(arguments: list[str] | None = None) -> None:
    """Print the table, or with --json one document."""
    parser = argparse.ArgumentParser(description="building an archive")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int, default=2688, help="pixels")
    parser.add_argument("--pictures", type=Path, help="a folder of pictures, measured in place of all that is made up")
    given = parser.parse_args(arguments)
    model = load_word_model()
    with tempfile.TemporaryDirectory() as folder:
        sources = {"pictures": given.pictures} if given.pictures else make_sources(Path(folder), given.side)
        rows = [measure(name, source, model, Path(folder), given.rounds) for name, source in sources.items()]
    print(json.dumps(rows, indent=2) if given.json else table(rows))


def make_sources(folder: Path, side: int) -> dict[str, Path]:
    """A scene of 1 m, one of 0.6 m, and a folder of pictures."""
    pixels = make_pixels(side)
    sources = {}
    for metres in (1.0, 0.6):
        path = sources[f"scene of {metres:g} m"] = folder / f"scene{metres:g}.tif"
        options = {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "crs": "EPSG:32631"}
        place = Affine(metres, 0, 500_000, 0, -metres, 5_000_000)
        form = {"count": 3, "height": side, "width": side, "dtype": "uint8", "transform": place}
        with rasterio.open(path, "w", driver="GTiff", **options, **form) as dataset:
            dataset.write(pixels)
    pictures = sources["JPEG pictures"] = folder / "pictures"
    pictures.mkdir()
    for row in range(0, side - 223, 224):
        for col in range(0, side - 223, 224):
            part = np.moveaxis(pixels[:, row : row + 224, col : col + 224], 0, 2)
            Image.fromarray(part).save(pictures / f"{row}_{col}.jpg", quality=90)
    return sources


def make_pixels(side: int) -> np.ndarray:
    """Patches of colour with some noise, which deflate as imagery does."""
    random = np.random.default_rng(0)
    fields = random.integers(20, 235, (3, -(-side // 64), -(-side // 64)))
    smooth = np.stack([zoom(band, 64, order=1)[:side, :side] for band in fields])
    return np.clip(smooth + random.normal(0, 6, smooth.shape), 1, 255).astype(np.uint8)


def measure(name: str, source: Path, model: VisionLanguageModel, folder: Path, rounds: int) -> dict[str, Any]:
    """Medians of chips a second of both, and of their ratio."""
    built, alone, shares = list[float](), list[float](), list[float]()
    for number in range(rounds + 1):  # the first warms up
        place = folder / f"{name} {number}"
        added = None

        def build(place: Path = place) -> None:
            nonlocal added
            added = add(place, source, model=model)

        seconds, computing = _seconds(build)
        assert added is not None
        bare, bare_computing = _seconds(lambda chips=added.chips: encode_alone(model, chips))
        built.append(added.chips / seconds)
        alone.append(added.chips / bare)
        shares.append(bare_computing / computing)
    ratios = [ours / bare for ours, bare in zip(built[1:], alone[1:], strict=True)]
    return {
        "source": name, "chips": added.chips, "add_chips_s": statistics.median(built[1:]),
        "encoder_chips_s": statistics.median(alone[1:]), "ratio": statistics.median(ratios),
        "ratio_low": min(ratios), "ratio_high": max(ratios), "ratio_computing": statistics.median(shares[1:]),
    }  # fmt: skip


def encode_alone(model: VisionLanguageModel, chips: int) -> None:
    """Encode chips that lie in memory."""
    pixels = np.random.default_rng(0).random((_BATCH, 3, 224, 224), dtype=np.float32)
    with open_chip_lanes(model) as lanes:
        for batch in [lanes.image(list(pixels)) for _ in range(-(-chips // _BATCH))]:
            batch.result()


def _seconds(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds on the clock, and of computing by all threads."""
    began = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began[0], time.process_time() - began[1]


def table(rows: list[dict[str, Any]]) -> str:
    """Rows for people."""
    lines = [f"{'':16}{'chips':>7}{'add':>9}{'encoder':>9}{'ratio':>8}{'of computing time':>32}"]
    for row in rows:
        ratio = f"{row['ratio']:.2f} ({row['ratio_low']:.2f} to {row['ratio_high']:.2f})"
        lines.append(
            f"{row['source']:16}{row['chips']:>7}{row['add_chips_s']:>9.1f}{row['encoder_chips_s']:>9.1f}"
            f"   {ratio}{row['ratio_computing']:>15.2f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
