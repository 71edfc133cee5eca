"""How much of `segment` is the model itself: by the clock and by computing time, of a warm run with mini and 7 classes.

    python benchmarks/model_share.py [--side 4096 --side 16384] [--repeats 5] [--json]

A made-up raster is mapped, with its picture. The model alone is run on as many windows of the same size, which lie in
memory; of a large raster on some of them, and the time is scaled up. Both are run in every round, so that other work on
the machine affects both. Computing time is that of all threads of the process.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
from figures_of_runs import Spent, Watch, describe_machine, middle
from memory import make_scene

from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import load_word_model
from geoglot.options import ReadOptions, SegmentOptions
from geoglot.scene.class_words import parse_classes
from geoglot.scene.embed import compute
from geoglot.scene.windows import WindowPlan
from geoglot.scene.word_scores import WordScores
from geoglot.tasks.segment.segment import segment

CLASSES = "trees, grass, road, building, water, field, car"
MOST_WINDOWS = 200  # through the model alone
LIMIT = 0.75


@dataclass(frozen=True)
class Round:
    """One run of the whole and one of the model."""

    whole: Spent
    model: Spent

    @property
    def share(self) -> float:
        """The model's share by the clock."""
        return self.model.wall / self.whole.wall

    @property
    def computing(self) -> float:
        """The model's share of the computing time."""
        return self.model.cpu / self.whole.cpu


def run_model(scores: WordScores, plan: WindowPlan) -> Spent:
    """The model alone on the windows of a plan, in the batches of `segment`; of many, on those of the first rows."""
    batch, columns = ReadOptions().at_once(plan.tile), len(plan.col_spans)
    windows = list(plan.windows())
    kept = windows[: columns * max(1, MOST_WINDOWS // columns)]
    noise = np.random.default_rng(0).random((3, *(max(window[axis] for window in windows) for axis in (2, 3))))
    pixels, watch = noise.astype(np.float32), Watch()
    for first in range(0, len(kept), columns):
        for start in range(first, min(first + columns, len(kept)), batch):
            group = kept[start : min(start + batch, first + columns)]
            compute(scores, [pixels[:, : window.height, : window.width] for window in group])
    areas = [sum(window.height * window.width for window in some) for some in (windows, kept)]
    return watch.read(areas[0] / areas[1])


def run_rounds(model: VisionLanguageModel, side: int, repeats: int, folder: Path) -> list[Round]:
    """Rounds over a raster of `side` pixels, after one over a small raster."""
    scene, small, output = folder / "scene.tif", folder / "small.tif", folder / "map.tif"
    make_scene(scene, side)
    make_scene(small, 1024)
    scores = WordScores(model, parse_classes(CLASSES))
    plan = scores.windows((side, side))
    rounds, options = list[Round](), SegmentOptions()
    segment(small, CLASSES, output, model=model, options=options, overwrite=True)
    run_model(scores, scores.windows((1024, 1024)))
    for _ in range(repeats):
        watch = Watch()
        segment(scene, CLASSES, output, model=model, options=options, overwrite=True)
        rounds.append(Round(watch.read(), run_model(scores, plan)))
    return rounds


@click.command()
@click.option("--side", "sides", type=int, multiple=True, default=(4096,), show_default=True)
@click.option("--repeats", default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(sides: tuple[int, ...], repeats: int, as_json: bool) -> None:
    """Print the shares; exit 1 if one by the clock is below the limit."""
    model, low = load_word_model("mini", precision="auto"), False
    for side in sides:
        with tempfile.TemporaryDirectory() as name:
            rounds = run_rounds(model, side, repeats, Path(name))
        low |= statistics.median(each.share for each in rounds) < LIMIT
        if as_json:
            click.echo(json.dumps({"machine": describe_machine(), "side": side, "rounds": list(map(asdict, rounds))}))
            continue
        click.echo(f"{side} px a side, {repeats} rounds; {describe_machine()}")
        click.echo(f"  segment                  {middle([each.whole.wall for each in rounds], 's')}")
        click.echo(f"  model alone              {middle([each.model.wall for each in rounds], 's')}")
        click.echo(f"  share by the clock       {middle([100 * each.share for each in rounds], '%', 0)}")
        click.echo(f"  share of computing time  {middle([100 * each.computing for each in rounds], '%', 0)}")
    sys.exit(low)


if __name__ == "__main__":
    main()
