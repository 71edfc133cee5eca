"""Labels a second of `classify` over a folder of JPEG pictures, beside those of its encoder alone.

    python benchmarks/classify_folder.py [--pictures FOLDER] [--count 1000] [--rounds 5] [--json]

Without --pictures they are made up, of 224 px. The encoder alone has its chips in memory, and the same batches and
threads. The ratios are taken inside each round: of the rates by the clock, and of computing time, which other work on
the machine changes less.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from itertools import islice
from pathlib import Path

import click
import numpy as np
from archive_build import make_pixels
from figures_of_runs import Watch, middle
from PIL import Image

from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import load_word_model
from geoglot.options import ReadOptions
from geoglot.scene.embed import embed
from geoglot.tasks.classify import classify

_SIDE = 224
_SHEET = 8  # pictures along a side of what they are cut from


def make_pictures(folder: Path, count: int) -> list[Path]:
    """JPEG pictures of patches of colour."""
    sheet = make_pixels(_SHEET * _SIDE)
    places = [(row, col) for row in range(0, (_SHEET - 1) * _SIDE, 41) for col in range(0, (_SHEET - 1) * _SIDE, 43)]
    for number, (row, col) in enumerate(islice(places, count)):
        part = np.moveaxis(sheet[:, row : row + _SIDE, col : col + _SIDE], 0, 2)
        Image.fromarray(part).save(folder / f"{number}.jpg", quality=90)
    return sorted(folder.iterdir())


def encode_alone(model: VisionLanguageModel, count: int) -> None:
    """Encode chips that lie in memory."""
    batch = ReadOptions().batch
    chips = list(np.random.default_rng(0).random((batch, 3, _SIDE, _SIDE), dtype=np.float32))
    embed(model, (chips[number % batch] for number in range(count)), batch=batch)


@click.command()
@click.option("--pictures", type=click.Path(path_type=Path, exists=True), help="a folder of JPEG pictures")
@click.option("--count", default=1000, show_default=True, help="at most so many pictures")
@click.option("--rounds", default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(pictures: Path | None, count: int, rounds: int, as_json: bool) -> None:
    """Print the medians of both rates and of their ratio."""
    model, rates, computing = load_word_model(), list[tuple[float, float]](), list[float]()
    with tempfile.TemporaryDirectory() as folder:
        files = sorted(pictures.rglob("*.jp*g"))[:count] if pictures else make_pictures(Path(folder), count)
        for _ in range(rounds + 1):  # the first warms up
            watch = Watch()
            classify(files, "forest, beach, city, field", model=model)
            whole, watch = watch.read(), Watch()
            encode_alone(model, len(files))
            alone = watch.read()
            rates.append((len(files) / whole.wall, len(files) / alone.wall))
            computing.append(alone.cpu / whole.cpu)
    ratios = [ours / alone for ours, alone in rates[1:]]
    ours, alone_rate = (statistics.median(side) for side in zip(*rates[1:], strict=True))
    if as_json:
        facts = {
            "pictures": len(files),
            "classify_s": ours,
            "encoder_s": alone_rate,
            "ratio": statistics.median(ratios),
        }
        ends = {"ratio_low": min(ratios), "ratio_high": max(ratios), "computing": statistics.median(computing[1:])}
        click.echo(json.dumps(facts | ends))
        return
    click.echo(
        f"{len(files):,} pictures: classify {ours:.1f} a second, the encoder alone {alone_rate:.1f}, "
        f"ratio {middle(ratios, 'by the clock')}, {middle(computing[1:], 'of computing time')}"
    )


if __name__ == "__main__":
    main()
