"""Watch: are events that were planted in real pictures the first that `geoglot index watch` names?

`python benchmarks/watch.py FOLDER` on a folder of pictures named `class_number.jpg`, such as RSICD's valid split.
Places are seen on three dates, each time moved by up to 6 pixels, in the light and haze of the date, with noise. At
some places something else stands from the second or the third date on: for each of five words a picture of it in place
of the old one. Precision at k is the share of the first k places that `watch` names for a word at which this word was
planted, k being their number; events of the other words do not count. The plain difference of the last and the first
score is printed beside it.
"""

import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import shapely
import torch

from geoglot.datasets.image_files import read_picture
from geoglot.index.exchange.batches import Places, make_batch
from geoglot.index.search.watch import watch
from geoglot.index.store.archive import Archive, ModelFacts
from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import load_word_model
from geoglot.scene.embed import embed
from geoglot.scene.text_vectors import text_vectors

WORDS = {"storagetanks": "storage tanks", "stadium": "stadium", "parking": "parking lot", "pond": "pond",
         "baseballfield": "baseball field"}  # fmt: skip
PLACES, EVENTS, DATES = 150, 8, 3
MOVED, NOISE = 6, 0.02


def seen(picture: np.ndarray, light: np.ndarray, haze: float, rng: np.random.Generator) -> np.ndarray:
    """A picture (3, rows, cols) as it looks on another day."""
    down, across = rng.integers(-MOVED, MOVED + 1, 2)
    moved = np.roll(picture, (down, across), (1, 2))
    pixels = moved * light[:, None, None] * (1 - haze) + haze * 0.75 + rng.normal(0, NOISE, picture.shape)
    return np.asarray(pixels.clip(0, 1), np.float32)


def plant(files: dict[str, list[Path]], rng: np.random.Generator) -> tuple[list[list[Path]], dict[str, set[int]]]:
    """The picture of every place on every date, and the places of each word."""
    quiet = [file for name, own in sorted(files.items()) if name not in WORDS for file in own]
    chosen = [quiet[index] for index in rng.permutation(len(quiet))[:PLACES]]
    dates, planted = [list(chosen) for _ in range(DATES)], dict[str, set[int]]()
    free = iter(rng.permutation(PLACES).tolist())
    for name in WORDS:
        planted[name] = {next(free) for _ in range(EVENTS)}
        for number, place in enumerate(sorted(planted[name])):
            file = files[name][int(rng.integers(len(files[name])))]
            for date in range(1 + number % 2, DATES):
                dates[date][place] = file
    return dates, planted


def pictures(dates: list[list[Path]], rng: np.random.Generator) -> Iterator[np.ndarray]:
    """All places of all dates as they are seen."""
    for places in dates:
        light, haze = rng.uniform(0.8, 1.2) * rng.uniform(0.94, 1.06, 3), float(rng.uniform(0, 0.15))
        for file in places:
            yield seen(np.asarray(read_picture(file)), light, haze, rng)


def build(folder: Path, model: VisionLanguageModel, dates: list[list[Path]], rng: np.random.Generator) -> Archive:
    """An archive of the places on their dates."""
    vectors, _ = embed(model, pictures(dates, rng))
    facts = ModelFacts(model.card.name, model.card.sha256, model.card.dim)
    boxes = np.array([shapely.box(0.01 * place, 50, 0.01 * place + 0.003, 50.002) for place in range(PLACES)])
    archive = Archive.create(folder, facts)
    for date in range(DATES):
        when = [datetime(2022 + date, 6, 1, tzinfo=UTC)] * PLACES
        places = Places(boxes, [f"{date}.tif"] * PLACES, when, {})
        archive = archive.append(make_batch(facts, vectors[date * PLACES : (date + 1) * PLACES], places))
    return archive


def main(folder: str, seeds: int = 2) -> None:
    """Print precision at k of each word."""
    files = dict[str, list[Path]]()
    for file in sorted(Path(folder).glob("*.jpg")):
        files.setdefault(file.stem.rpartition("_")[0], []).append(file)
    model = load_word_model("mini", device="cpu")
    with torch.inference_mode():
        words = text_vectors(model, list(WORDS.values())).cpu().numpy()
    found = []
    for seed in range(int(seeds)):
        rng = np.random.default_rng(seed)
        dates, planted = plant(files, rng)
        with tempfile.TemporaryDirectory() as scratch:
            archive = build(Path(scratch) / "tiles", model, dates, rng)
            order = {shard.table(("time",))["time"][0].as_py(): shard.vectors for shard in archive.shards}
            first, *_, last = (order[when].astype(np.float32) for when in sorted(order))
            for name, word in zip(WORDS, words, strict=True):
                rises = watch(archive, word, datetime(2023, 1, 1, tzinfo=UTC), EVENTS).rises
                named = {int(rise.bounds[0] / 0.01 + 0.5) for rise in rises}
                plain = set(np.argsort(first @ word - last @ word)[:EVENTS].tolist())
                found.append([len(each & planted[name]) / EVENTS for each in (named, plain)])
                print(f"seed {seed} {WORDS[name]:15} precision at {EVENTS}: {found[-1][0]:.3f} of {len(rises)} named, "
                      f"plain difference {found[-1][1]:.3f}", flush=True)  # fmt: skip
    mean = np.mean(found, axis=0)
    print(f"precision at {EVENTS}, mean of {len(found)}: watch {mean[0]:.3f}, plain difference {mean[1]:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
