"""Make mini, the model inside the package, in five stages.

    python recipes/mini/make_mini.py RSICD WORK src/geoglot/models/mini/weights

1. distil: every word piece of a sentence encoder gets a static vector of 256 numbers. No data.
2. train: image and text tower learn together from RSICD's captions, class names and a thesaurus. ImageNet's trunk,
   1,150 steps of 128 images.
3. interpolate: the trunk goes a tenth of the way back to ImageNet's weights. No data.
4. refine: the text tower starts again from the distilled vectors and learns from the finished image tower. 350 steps of
   512 images.
5. relearn: the text tower learns what readers make of the captions: heads on the sentence encoder that are fitted to
   the images. Five readers of 350 steps of 512 images, then 500 steps of 1,024 captions.

Each stage writes a folder in WORK, the last one OUT. The first four are skipped if their folder is complete, and
training goes on at its last checkpoint, so the same command resumes. To begin with other weights, put them into the
folder of a stage, WORK/STAGE-SEED.
README.md says what each stage does; docs/mini-log.md has the figures and what was tried.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import click
import numpy as np
import torch
from data import class_words, development, load_sentence_encoder, sentence_vectors
from evaluate import TEMPLATE, retrieval
from lessons import Config, Lessons, read_lessons
from readers import read_captions, relearn_texts
from safetensors.torch import load_file, save_file
from settle import refine_texts
from student import load_student, make_card, start_student, store, tower_of
from torch import Tensor
from train import advance, start_steps
from views import Source, view_vectors

from geoglot.hashing import sha256_of
from geoglot.models.card import read_card

TRAIN = Config()
KEPT = 0.9  # interpolate: the share of the trained trunk, as in WiSE-FT (Wortsman et al. 2022, equation 1)
REFINE = Config(steps=350, batch=512, rounds=4, noise=1.2, name_weight=0.7, best_weight=0.5, sense_weight=0.0)
READ = Config(steps=350, batch=512, own=(0.95, 0.95), best_weight=0.5)
SNAPSHOT = 200  # training steps between checkpoints


@dataclass(frozen=True)
class Making:
    """Folders and settings of one making."""

    rsicd: Path
    work: Path
    out: Path
    seed: int = 0
    steps: int = TRAIN.steps
    aside: bool = False
    """Refine without a tenth of the training split, and measure it."""

    def folder(self, stage: str) -> Path:
        """Where a stage writes."""
        if stage in ("distil", "relearn"):
            return self.work / "distil" if stage == "distil" else self.out
        return self.work / (f"{stage}-{self.seed}" + "-aside" * (self.aside and stage == "refine"))

    @cached_property
    def lessons(self) -> Lessons:
        """All that is learned from."""
        return read_lessons(self.rsicd, self.work)


def distil(making: Making) -> None:
    """1. Static token vectors: the encoder's mean output for each word piece alone, reduced to 256 numbers by PCA."""
    encoder = load_sentence_encoder()
    vocabulary = encoder[0].get_vocab()
    pieces = sorted(vocabulary, key=lambda piece: int(vocabulary[piece]))
    vectors = sentence_vectors([piece.removeprefix("##") for piece in pieces], encoder)
    centred = vectors - vectors.mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    folder = making.folder("distil")
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "vectors.npy", (centred @ axes[:, ::-1][:, :256]).astype(np.float32))
    shutil.copy(encoder[2] / "tokenizer.json", folder / "tokenizer.json")


def train(making: Making) -> None:
    """2. Both towers together. The result is the running mean of the weights."""
    config = replace(TRAIN, seed=making.seed, steps=making.steps)
    lessons, text = making.lessons, making.folder("distil")
    torch.manual_seed(config.seed)
    student = start_student(text, [*lessons.pairs.texts, *lessons.phrases])
    steps = start_steps(student, config, making.work / f"checkpoint-{config.seed}-{config.steps}.pt")
    student.train()
    while steps.done < config.steps:
        loss = advance(steps, student, lessons, config)
        if steps.done % 10 == 0:
            print(f"step {steps.done}  loss {loss:.3f}  {steps.pace()}", flush=True)
        if steps.done % SNAPSHOT == 0:
            steps.save()
    steps.save()
    best = steps.average.module
    store(best, make_card(len(best.table), round(best.scale().item(), 3)), text, making.folder("train"))


def interpolate(making: Making) -> None:
    """3. The trunk a tenth of the way back to ImageNet's weights, since training learns its few images by heart.

    On the straight line to the weights that the trunk began with, what holds for all images stays, and what belongs to
    single images goes first. All other weights are copied.
    """
    start, out = making.folder("train"), making.folder("interpolate")
    trunk = start_student(making.folder("distil"), ["a"]).mini.image.trunk
    origin = {f"image.trunk.{name}": tensor for name, tensor in trunk.state_dict().items()}
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(start / "tokenizer.json", out / "tokenizer.json")
    save_file(interpolated(load_file(start / "weights.safetensors"), origin), out / "weights.safetensors")
    card = json.loads((start / "card.json").read_text())
    card["sha256"] = sha256_of(out / "weights.safetensors")
    (out / "card.json").write_text(json.dumps(card, indent=1) + "\n")


def interpolated(learned: dict[str, Tensor], origin: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a stored model, those in `origin` between the two; half precision stays half precision."""

    def between(name: str, tensor: Tensor) -> Tensor:
        if name not in origin or not tensor.is_floating_point():
            return tensor
        return (KEPT * tensor.float() + (1 - KEPT) * origin[name].float()).to(tensor.dtype).contiguous()

    return {name: between(name, tensor) for name, tensor in learned.items()}


def refine(making: Making) -> None:
    """4. A new text tower for the finished image tower, whose vectors of two views of every image stand still.

    While both towers learn, the texts follow images that move. Here batches can be large and the text tower can settle.
    """
    config, lessons, text = replace(REFINE, seed=making.seed), making.lessons, making.folder("distil")
    aside = development(lessons.pairs) if making.aside else torch.zeros(len(lessons.labels), dtype=torch.bool)
    torch.manual_seed(config.seed)
    student = start_student(text, [*lessons.pairs.texts, *lessons.phrases]).eval()
    student.mini.image.load_state_dict(tower_of(making.folder("interpolate"), "image."))
    views = view_vectors(student, lessons.pairs.images, making.work)
    refine_texts(student, Source(lessons, views, (~aside).nonzero()[:, 0]), config)
    if making.aside:
        rows = aside.nonzero()[:, 0].tolist()
        report(student.texts, views[0, rows], rows, lessons)
    card = make_card(len(student.table), round(student.scale().item(), 3))
    store(student, card, text, making.folder("refine"))


@torch.inference_mode()
def report(texts: Callable[[list[str]], Tensor], images: Tensor, rows: list[int], lessons: Lessons) -> None:
    """Print mean recall and top-1 of the images left out: vectors (image, dim) and their places in the split.

    The image tower has seen these images, so the figures are too good; what they rank is the texts.
    """
    captions = [lessons.pairs.texts[text] for row in rows for text in lessons.pairs.captions[row]]
    owner = [place for place, row in enumerate(rows) for _ in lessons.pairs.captions[row]]
    recall = retrieval(images, texts(captions), owner).value
    named = texts([TEMPLATE.format(class_words(kind)) for kind in lessons.kinds])
    right = float(((images @ named.T).argmax(1) == lessons.labels[rows]).float().mean())
    print(f"{len(rows)} images left out: mean recall {recall:.1f}, top-1 {100 * right:.1f}", flush=True)


def relearn(making: Making) -> None:
    """5. The text tower learns from readers of the captions, and of names from itself as it was; it sees no image.

    A text tower that is fitted to the images directly knows their captions by heart. The image tower and the logit
    scale stay.
    """
    start, lessons = making.folder("refine"), making.lessons
    text = making.folder("distil")
    student = load_student(start, text, [*lessons.pairs.texts, *lessons.phrases])
    before = copy.deepcopy(student)
    views = view_vectors(before, lessons.pairs.images, making.work)
    with torch.no_grad():
        known = before.texts(lessons.pairs.texts)
    source = Source(lessons, views, torch.arange(len(lessons.labels)))
    relearn_texts(student, before, lessons, read_captions(source, known, READ, making.seed), making.seed)
    store(student, make_card(len(student.table), read_card(start).logit_scale), text, making.out)


STAGES = {"distil": distil, "train": train, "interpolate": interpolate, "refine": refine, "relearn": relearn}


@click.command()
@click.argument("rsicd", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--seed", default=0, show_default=True)
@click.option("--steps", default=TRAIN.steps, show_default=True, help="Training steps of the second stage.")
@click.option("--until", type=click.Choice([*STAGES]), default="relearn", show_default=True, help="The last stage.")
@click.option("--aside", is_flag=True, help="Refine without a tenth of the training split, and measure it.")
def command(rsicd: Path, work: Path, out: Path, seed: int, steps: int, until: str, aside: bool) -> None:
    """Make mini from the folder RSICD, with the stages' results in WORK, and write the model to OUT."""
    making = Making(rsicd, work, out, seed, steps, aside)
    work.mkdir(parents=True, exist_ok=True)
    until = "refine" if aside else until
    for name, stage in STAGES.items():
        last = "tokenizer.json" if name == "distil" else "card.json"  # the file that a stage writes last
        if name == "relearn" or not (making.folder(name) / last).exists():
            print(f"{name}: {making.folder(name)}", flush=True)
            stage(making)
        if name == until:
            return


if __name__ == "__main__":
    command()
