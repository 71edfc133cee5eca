"""Make mini's text tower anew for its finished image tower, after train.py.

    python recipes/mini/refine.py RSICD WORK OUT

While both towers learn, the texts follow images that move. Here the image vectors stand still, one view of each image
of the training split, so that a step costs a tenth of a second and the text tower can settle. It starts from the
distilled token vectors again; texts and losses are those of train.py, with more weight on names, and some noise on the
views.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import torch
import torch.nn.functional as F
from augment import crop, recolour
from safetensors.torch import load_file
from student import Student, make_card, start_student
from torch import Tensor, nn
from train import Config, Lessons, compare, rates, read_lessons, store

SIDE, LEAST, GROUP = 160, 0.75, 64
NAME_WEIGHT = 1.5  # of names beside captions: 1.0
VIEW_NOISE = 0.3  # of the length of an image vector
AVERAGING = 0.98


@torch.inference_mode()
def view_vectors(student: Student, lessons: Lessons, seed: int) -> Tensor:
    """Unit vectors of one view of every image, of most of it."""
    rng = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(lessons.labels), generator=rng)
    vectors = torch.empty(len(order), student.table.shape[1])
    for chosen in order.split(GROUP):
        crops = torch.stack([crop(lessons.pairs.images[index], SIDE, rng, LEAST) for index in chosen])
        vectors[chosen] = F.normalize(student.patches(recolour(crops, rng)).mean((2, 3)), dim=1)
    return vectors


def refine(student: Student, views: Tensor, lessons: Lessons, config: Config) -> None:
    """Fit the text tower and the logit scale; what stays in the student is their running mean."""
    learned: list[nn.Parameter] = [*student.mini.text.parameters(), student.change.weight, student.log_scale]
    mean = [parameter.detach().clone() for parameter in learned]
    optimiser = torch.optim.AdamW(learned, lr=config.rate, weight_decay=config.decay)
    torch.manual_seed(config.seed)
    for step in range(config.steps):
        rng = np.random.default_rng((config.seed, step, 3))
        chosen = torch.from_numpy(rng.choice(len(views), config.batch, replace=False))
        noise = VIEW_NOISE * torch.randn(len(chosen), views.shape[1]) / views.shape[1] ** 0.5
        loss = compare(student, F.normalize(views[chosen] + noise, dim=1), lessons, chosen, config, step)
        for group in optimiser.param_groups:
            group["lr"] = config.rate * rates(step / config.steps)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        student.bound()
        with torch.no_grad():
            for kept, parameter in zip(mean, learned, strict=True):
                kept.lerp_(parameter, 1 - AVERAGING)
        if step % 50 == 0:
            print(f"step {step}  loss {loss.item():.3f}", flush=True)
    with torch.no_grad():
        for kept, parameter in zip(mean, learned, strict=True):
            parameter.copy_(kept)


def main(rsicd: Path, work: Path, out: Path, config: Config) -> None:
    """Read the model in `out`, and write it there again with another text tower."""
    torch.manual_seed(config.seed)
    lessons = read_lessons(rsicd, work)
    student = start_student(work / "text", [*lessons.pairs.texts, *lessons.phrases])
    weights = load_file(out / "weights.safetensors")
    images = {name.removeprefix("image."): v.float() for name, v in weights.items() if name.startswith("image.")}
    student.mini.image.load_state_dict(images)
    student.eval()
    refine(student, view_vectors(student, lessons, config.seed).clone(), lessons, config)
    scale = round(float(student.log_scale.detach().exp()), 3)
    store(student, make_card(len(student.table), scale), work / "text", out)


@click.command()
@click.argument("rsicd", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(exists=True, path_type=Path))
@click.option("--steps", default=250, show_default=True)
@click.option("--seed", default=Config.seed, show_default=True)
def command(rsicd: Path, work: Path, out: Path, steps: int, seed: int) -> None:
    """Fit the text tower of OUT to its image tower once more."""
    main(rsicd, work, out, Config(steps=steps, seed=seed, name_weight=NAME_WEIGHT))


if __name__ == "__main__":
    command()
