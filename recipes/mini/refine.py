"""Make mini's text tower anew for its finished image tower, after train.py.

    python recipes/mini/refine.py RSICD WORK START OUT

While both towers learn, the texts follow images that move. Here the vectors of a few views of every image stand still,
at the size that mini is used at. So batches can be large, and the text tower can settle. It starts from the distilled
token vectors again; texts are those of train.py. Vectors of tokens change slowly: a word that training reads shall
stay near those that it does not. The model goes to OUT. With --aside a tenth of the training split is left out, to
choose by, and mean recall and top-1 on it are printed. (The image tower of START has seen that tenth, so the figures
are too good; what they rank is the texts.)
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import torch
from data import class_words, development
from evaluate import TEMPLATE, retrieval
from settle import Group, settle
from student import Student, make_card, start_student, tower_of
from torch import Tensor
from train import Config, Lessons, Paths, compare, read_lessons, store
from views import Source, some_views, view_vectors

CHANGE_RATE = 4e-4  # of token vectors; all else learns at the rate of the configuration
CONFIG = Config(steps=350, batch=512, rounds=4, noise=1.2, name_weight=0.7, best_weight=0.5, sense_weight=0.0)


def refine(student: Student, source: Source, config: Config) -> None:
    """Fit the text tower and the logit scale to the views."""
    torch.manual_seed(config.seed)

    def loss_of(step: int) -> Tensor:
        student.bound()
        chosen, seen = some_views(source, config.batch, config.seed, step)
        return compare(student, seen, source.lessons, chosen, config, step)

    text = [*student.mini.text.parameters(), student.log_scale]
    groups = [Group(text, config.rate), Group([student.change.weight], CHANGE_RATE)]
    settle(groups, loss_of, config.steps, config.decay)
    student.bound()


@torch.inference_mode()
def report(student: Student, images: Tensor, rows: list[int], lessons: Lessons) -> None:
    """Print mean recall and top-1 of images kept aside: vectors (image, dim) and their places in the split."""
    captions = [lessons.pairs.texts[text] for row in rows for text in lessons.pairs.captions[row]]
    owner = [place for place, row in enumerate(rows) for _ in lessons.pairs.captions[row]]
    recall = retrieval(images, student.texts(captions), owner).value
    named = student.texts([TEMPLATE.format(class_words(kind)) for kind in lessons.kinds])
    right = float(((images @ named.T).argmax(1) == lessons.labels[rows]).float().mean())
    print(f"{len(rows)} images kept aside: mean recall {recall:.1f}, top-1 {100 * right:.1f}", flush=True)


def main(paths: Paths, start: Path, aside: bool, config: Config) -> None:
    """Read the image tower of `start`, fit a text tower to it, store both."""
    work, text = paths.work, paths.work / "text"
    lessons = read_lessons(paths.rsicd, work)
    held = development(lessons.pairs) if aside else torch.zeros(len(lessons.labels), dtype=torch.bool)
    torch.manual_seed(config.seed)
    student = start_student(text, [*lessons.pairs.texts, *lessons.phrases]).eval()
    student.mini.image.load_state_dict(tower_of(start, "image."))
    views = view_vectors(student, lessons.pairs.images, work)
    source = Source(lessons, views, (~held).nonzero()[:, 0])
    refine(student, source, config)
    if aside:
        kept = held.nonzero()[:, 0].tolist()
        report(student, views[0, kept], kept, lessons)
    card = make_card(len(student.table), round(student.scale().item(), 3))
    store(student, card, text, paths.out)


@click.command()
@click.argument("rsicd", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.argument("start", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--seed", default=CONFIG.seed, show_default=True)
@click.option("--aside", is_flag=True, help="Leave a tenth of the training split out, and measure it.")
def command(rsicd: Path, work: Path, start: Path, out: Path, seed: int, aside: bool) -> None:
    """Fit a text tower to the image tower of START, and write the model to OUT."""
    main(Paths(rsicd, work, out), start, aside, replace(CONFIG, seed=seed))


if __name__ == "__main__":
    command()
