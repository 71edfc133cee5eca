"""Pictures of what the models of `compare.py` have learned: maps side by side, and where SegCLIP's queries look.

    python recipes/drone/draw_maps.py runs/drone/pictures [--seed 0]

grid.png has held-out photos, their truth and the map of each model. attention.png has for some photos the three classes
that cover most of the truth: bright is where the query that is surest of the class attends in the last layer.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import torch
import torch.nn.functional as F
from compare import MODELS, recipe_of

from geoglot.datasets.dataset import Mapped
from geoglot.datasets.image_files import open_native
from geoglot.evaluation.grid import draw_grid
from geoglot.models.segclip.attended import attend_to
from geoglot.models.segclip.segclip import SegClip
from geoglot.models.segmenter import Segmenter
from geoglot.models.zoo import load_model
from geoglot.outputs.panels import Panel, write_panels
from geoglot.training.train_segment import read_splits

_PHOTOS, _CLASSES, _DARKEST = 4, 3, 0.25
_BRIGHT = 0.95  # quantile of the attention that is drawn in full light


def draw_attention(samples: Mapped, model: Segmenter, output: Path) -> None:
    """A row for each photo: the photo, and for each class the photo lit by its query's attention."""
    chosen = np.linspace(0, len(samples) - 1, _PHOTOS).round().astype(int)
    write_panels([attention_row(samples, int(index), model) for index in chosen], output)


def attention_row(samples: Mapped, index: int, model: Segmenter) -> list[Panel]:
    """The panels of a photo."""
    truth, network = samples.masks[index](), model.network
    assert isinstance(network, SegClip)
    with open_native(samples.images[index]) as raster:
        tile = raster.read(raster.grid.whole)
    attended = attend_to(network, model.prepare(torch.from_numpy(tile.pixels[None, :3])))
    rows = [Panel(tile.pixels[:3], tile.valid, (samples.images[index].name,))]
    for kind in np.argsort(-np.bincount(truth[truth >= 0], minlength=len(samples.classes)))[:_CLASSES]:
        query = int(attended.query_of(int(kind))[0])
        sure = float(attended.classes[0, query, kind])
        light = F.interpolate(attended.weights[:, [query]], truth.shape, mode="bilinear", align_corners=False)[0, 0]
        lit = tile.pixels[:3] * (_DARKEST + (1 - _DARKEST) * (light / light.quantile(_BRIGHT)).clamp(max=1).numpy())
        rows.append(
            Panel(lit.astype(np.float32), tile.valid, (f"{samples.classes[kind].name}: query {query}, {sure:.0%}",))
        )
    return rows


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--seed", default=0, show_default=True)
def command(out: Path, seed: int) -> None:
    """Draw grid.png and attention.png in OUT."""
    out.mkdir(parents=True, exist_ok=True)
    recipes = {model: recipe_of(model, seed) for model in MODELS}
    samples = read_splits(recipes["segclip"].data)[1]
    models = {name: load_model(recipe.output / "model", device="cpu") for name, recipe in recipes.items()}
    segmenters = {name: model for name, model in models.items() if isinstance(model, Segmenter)}
    draw_grid(samples, segmenters, out / "grid.png")
    draw_attention(samples, segmenters["segclip"], out / "attention.png")


if __name__ == "__main__":
    command()
