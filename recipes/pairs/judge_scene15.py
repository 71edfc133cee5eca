"""How well photos are told indoor from outdoor, on the 600 photos of the 15-Scene data set (Lazebnik et al., 2006).

    python recipes/pairs/judge_scene15.py DATA --judge clip-vit-b-16
    python recipes/pairs/judge_scene15.py DATA --classifier places-resnet18 --indoor IO_places365.txt

DATA has a folder of photos for each class. Bedroom, kitchen, living room, office and store are indoor; the industrial
photos are of both kinds and are left out.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from geoglot.evaluation.metrics import proportion
from geoglot.pairs.collect.collect_recipe import FiltersRecipe
from geoglot.pairs.collect.judge import open_judges

INDOOR, MIXED = {"bedroom", "kitchen", "livingroom", "office", "store"}, {"industrial"}
_BATCH = 32


def judge(rules: FiltersRecipe, data: Path, limit: int) -> list[tuple[str, np.ndarray]]:
    """Of each class of photos, the probabilities that they are indoor."""
    [one] = open_judges(rules, Path())
    judged = []
    for folder in sorted(path for path in data.iterdir() if path.is_dir() and path.name.lower() not in MIXED):
        photos = sorted(folder.glob("*.jpg"))[:limit]
        parts = [photos[first : first + _BATCH] for first in range(0, len(photos), _BATCH)]
        sure = [one.probabilities({path.name: path.read_bytes() for path in part})[:, 0] for part in parts]
        judged.append((folder.name, np.concatenate(sure)))
    return judged


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--judge", "name", help="A CLIP, by name or folder, which reads the prompts.")
@click.option("--classifier", type=click.Path(exists=True, path_type=Path), help="Folder of an image classifier.")
@click.option("--indoor", type=click.Path(exists=True, path_type=Path), help="Which classes of it are indoor.")
@click.option("--limit", default=1000, show_default=True, help="Photos of each class.")
def command(data: Path, name: str | None, classifier: Path | None, indoor: Path | None, limit: int) -> None:
    """Print the accuracy of a judge of indoor photos, for each class and in all."""
    right, truth = list[np.ndarray](), list[bool]()
    for kind, sure in judge(FiltersRecipe(judge=name, classifier=classifier, indoor=indoor), data, limit):
        inside = kind.lower() in INDOOR
        right.append((sure >= FiltersRecipe.sure) == inside)
        truth += [inside] * len(sure)
        print(f"{kind:14} {'indoor' if inside else 'outdoor':8} {right[-1].mean():6.1%} of {len(sure)} right")
    every, inside = np.concatenate(right), np.array(truth)
    whole = proportion(every)
    print(f"all {len(every)}: {whole.value:.1%} right (95 % interval {whole.low:.1%} to {whole.high:.1%})")
    left = f"{every[inside].mean():.1%} of indoor photos, {1 - every[~inside].mean():.1%} of outdoor photos"
    print(f"left out: {left}; calling all outdoor would be {1 - inside.mean():.1%} right")


if __name__ == "__main__":
    command()
