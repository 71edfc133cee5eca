"""Make mini's text tower anew for its finished image tower, after train.py.

    python recipes/mini/refine.py RSICD WORK START OUT

While both towers learn, the texts follow images that move. Here the vectors of a few views of every image stand still,
at the size that mini is used at; they are computed once and kept in WORK. So batches can be large, and the text tower
can settle. It starts from the distilled token vectors again; texts are those of train.py. Vectors of tokens change
slowly: a word that training reads shall stay near those that it does not. With --tutor, texts learn from those of
stored models of the same space besides (Furlanello et al. 2018, born-again networks). The model goes to OUT. With
--aside a tenth of the training split is left out, to choose by, and mean recall and top-1 on it are printed. (The image
tower of START has seen that tenth, so the figures are too good; what they rank is the texts.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
import torch
import torch.nn.functional as F
from augment import crop, recolour
from data import class_words, development
from evaluate import TEMPLATE, retrieval
from safetensors.torch import load_file
from student import Student, make_card, start_student
from torch import Tensor, nn
from train import Config, Lessons, Tutors, compare, rates, read_lessons, store

from geoglot.models.store import sha256_of, widened

SIDE, LEAST, GROUP = 224, 0.6, 32  # of views: side in pixels, smallest part of an image, how many at once
VIEWS = 2  # of every image: as it is, and one that is cropped, turned and recoloured
VIEW_NOISE = 0.15  # of the length of an image vector
AVERAGING = 0.98
CHANGE_RATE = 4e-4  # of token vectors; all else learns at the rate of the configuration
CONFIG = Config(
    steps=350, batch=512, rounds=4, noise=1.2, name_weight=0.7, best_weight=0.5, sense_weight=0.0, tutor_weight=10.0
)


@torch.inference_mode()
def view_vectors(student: Student, images: Tensor, cache: Path) -> Tensor:
    """Unit vectors (view, image, dim), computed once and kept in the file `cache`."""
    if not cache.exists():
        found = torch.empty(VIEWS, len(images), student.table.shape[1])
        for view in range(VIEWS):
            rng = torch.Generator().manual_seed(view)
            for chosen in torch.randperm(len(images), generator=rng).split(GROUP):
                pictures = look(images[chosen], rng) if view else images[chosen].float() / 255
                found[view, chosen] = F.normalize(student.patches(pictures).mean((2, 3)), dim=1)
        np.save(cache, found.numpy())
    return torch.from_numpy(np.load(cache))


def look(images: Tensor, rng: torch.Generator) -> Tensor:
    """A view of most of each image (image, 3, SIDE, SIDE)."""
    return recolour(torch.stack([crop(image, SIDE, rng, LEAST) for image in images]), rng)


@dataclass(frozen=True)
class Source:
    """What text towers are made from, and for which image tower."""

    lessons: Lessons
    views: Tensor
    """(view, image, dim) unit vectors."""
    rows: Tensor
    """The images to learn from."""
    start: Path
    """Where the model with the image tower is."""
    work: Path


def new_tower(source: Source, seed: int) -> Student:
    """A student with the image tower of `start`, and a text tower that has learned nothing."""
    torch.manual_seed(seed)
    student = start_student(source.work / "text", [*source.lessons.pairs.texts, *source.lessons.phrases])
    weights = load_file(source.start / "weights.safetensors")
    images = {name.removeprefix("image."): widened(v) for name, v in weights.items() if name.startswith("image.")}
    student.mini.image.load_state_dict(images)
    return student.eval()


def tutor(source: Source, folder: Path) -> Student:
    """The text tower of a stored model, to learn from."""
    student, weights = new_tower(source, 0), load_file(folder / "weights.safetensors")
    texts = {name.removeprefix("text."): widened(v) for name, v in weights.items() if name.startswith("text.")}
    student.mini.text.load_state_dict(texts)
    student.table.copy_(texts["table"].float() * texts["scale"][:, None])
    return student.requires_grad_(False)


def refine(student: Student, source: Source, config: Config, tutors: Tutors = ()) -> None:
    """Fit the text tower and the logit scale to the views.

    What stays in the student is the running mean of what was learned.
    """
    lessons, views, rows = source.lessons, source.views, source.rows
    groups = [
        {"params": [*student.mini.text.parameters(), student.log_scale], "peak": config.rate},
        {"params": [student.change.weight], "peak": CHANGE_RATE},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=config.decay)
    learned = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    mean = [parameter.detach().clone() for parameter in learned]
    torch.manual_seed(config.seed)
    for step in range(config.steps):
        rng = np.random.default_rng((config.seed, step, 3))
        chosen = rows[torch.from_numpy(rng.choice(len(rows), config.batch, replace=False))]
        seen = views[torch.from_numpy(rng.integers(0, len(views), config.batch)), chosen]
        noise = VIEW_NOISE * torch.randn(seen.shape) / seen.shape[1] ** 0.5
        loss = compare(student, F.normalize(seen + noise, dim=1), lessons, chosen, config, step, tutors)
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * rates(step / config.steps)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimiser.step()
        student.bound()
        with torch.no_grad():
            for kept, parameter in zip(mean, learned, strict=True):
                kept.lerp_(parameter, 1 - min(AVERAGING, step / (step + 10)))
        if step % 50 == 0:
            print(f"step {step}  loss {loss.item():.3f}", flush=True)
    with torch.no_grad():
        for kept, parameter in zip(mean, learned, strict=True):
            parameter.copy_(kept)


@torch.inference_mode()
def report(student: Student, images: Tensor, rows: list[int], lessons: Lessons) -> None:
    """Print mean recall and top-1 of images kept aside: vectors (image, dim) and their places in the split."""
    captions = [lessons.pairs.texts[text] for row in rows for text in lessons.pairs.captions[row]]
    owner = [place for place, row in enumerate(rows) for _ in lessons.pairs.captions[row]]
    recall = retrieval(images, student.texts(captions), owner).value
    named = student.texts([TEMPLATE.format(class_words(kind)) for kind in lessons.kinds])
    right = float(((images @ named.T).argmax(1) == lessons.labels[rows]).float().mean())
    print(f"{len(rows)} images kept aside: mean recall {recall:.1f}, top-1 {100 * right:.1f}", flush=True)


@dataclass(frozen=True)
class Paths:
    """Where things are read and written."""

    rsicd: Path
    work: Path
    start: Path
    out: Path


def main(paths: Paths, tutors: Sequence[Path], aside: bool, config: Config) -> None:
    """Read the image tower of `start`, fit a text tower to it, store both."""
    work, start = paths.work, paths.start
    lessons = read_lessons(paths.rsicd, work)
    held = development(lessons.pairs) if aside else torch.zeros(len(lessons.labels), dtype=torch.bool)
    source = Source(lessons, torch.empty(0), (~held).nonzero()[:, 0], start, work)
    student = new_tower(source, config.seed)
    key = sha256_of(start / "weights.safetensors")[:12]
    source = replace(source, views=view_vectors(student, lessons.pairs.images, work / f"views-{key}.npy"))
    refine(student, source, config, [tutor(source, folder) for folder in tutors])
    if aside:
        kept = held.nonzero()[:, 0].tolist()
        report(student, source.views[0, kept], kept, lessons)
    scale = round(float(student.log_scale.detach().exp()), 3)
    store(student, make_card(len(student.table), scale), work / "text", paths.out)


@click.command()
@click.argument("rsicd", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.argument("start", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--tutor", "tutors", multiple=True, type=click.Path(exists=True, path_type=Path), help="A stored model.")
@click.option("--seed", default=CONFIG.seed, show_default=True)
@click.option("--aside", is_flag=True, help="Leave a tenth of the training split out, and measure it.")
def command(rsicd: Path, work: Path, start: Path, out: Path, tutors: tuple[Path, ...], seed: int, aside: bool) -> None:
    """Fit a text tower to the image tower of START, and write the model to OUT."""
    main(Paths(rsicd, work, start, out), tutors, aside, replace(CONFIG, seed=seed))


if __name__ == "__main__":
    command()
