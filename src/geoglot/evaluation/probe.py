"""What the image vectors of a frozen model hold: linear probe, nearest neighbours, and few labelled images a class.

The protocols are the usual ones. Linear probe: logistic regression on unit vectors, whose weight decay is chosen on a
fifth of the training images (Radford et al., 2021, section 3.2). kNN: the votes of the k nearest training images,
weighted by exp(cosine / 0.07) (Wu et al., 2018; Caron et al., 2021). Few-shot: the linear probe on so many images of
each class, the mean over draws with the range of the middle 95 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from geoglot.aliases import PathLike, Progress
from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.dataset import DataSet, Scenes, read_one_class, spread
from geoglot.errors import InputError
from geoglot.evaluation.image_vectors import encode_pictures
from geoglot.evaluation.metrics import Estimate, proportion
from geoglot.evaluation.protocols import protocol_of
from geoglot.evaluation.scorecard import Scorecard
from geoglot.figures import format_count
from geoglot.models.zoo import Model, load_model
from geoglot.options import ProbeOptions
from geoglot.scene.dense import reads_words

_DECAYS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
_FEW_DECAY = 1e-3  # too few images to choose one
_TEMPERATURE = 0.07
_STEPS = 100
Labels = Int[Tensor, " image"]


@dataclass(frozen=True)
class Images:
    """Vectors of images with their classes."""

    vectors: Float[Tensor, "image dim"]
    labels: Labels

    def take(self, which: np.ndarray) -> Images:
        return Images(self.vectors[which], self.labels[which])


def probe(
    dataset: str,
    data: PathLike,
    *,
    model: Model | PathLike = "mini",
    protocol: str = "default",
    options: ProbeOptions = ProbeOptions(),
    progress: Progress | None = None,
) -> Scorecard:
    """Probe a model on a data set of classes, whose published files are in the folder `data`.

    Raises InputError for a data set that is not of single classes, and SourceError for missing files.
    """
    published, fit = dataset_of(dataset), protocol_of(protocol).fit
    train, test, splits = _read_parts(published, Path(data), options)
    train, test = spread(train, options.limit), spread(test, options.limit)
    model = load_model(model, device=options.device)
    if not reads_words(model):
        raise InputError(f"{model.card.name} has classes of its own and no image vectors to probe; give a word model")
    names = tuple(label.key for label in test.classes)
    seen, asked = (
        Images(
            encode_pictures(model, part.pictures, fit, options.batch, progress),
            torch.from_numpy(part.shows.argmax(1)),
        )
        for part in (train, test)
    )
    metrics = {
        "linear": _accuracy(fit_linear(seen, len(names), None, options.seed), asked),
        f"knn_{options.neighbours}": proportion((knn(seen, asked.vectors, options.neighbours) == asked.labels).numpy()),
        **{f"{shots}_shot": few_shot(seen, asked, shots, len(names), options) for shots in options.shots},
    }
    facts = {
        "name": "probe", "fit": fit, "side": model.card.tile_size, **splits, "train_images": len(train),
        "decays": list(_DECAYS), "few_shot_decay": _FEW_DECAY, "draws": options.draws, "seed": options.seed,
        "limit": options.limit,
    }  # fmt: skip
    notes = _tell_few(seen, names, options)
    return Scorecard("classification", published.name, model.card.name, facts, len(test), metrics, notes)


def _tell_few(seen: Images, names: Sequence[str], options: ProbeOptions) -> tuple[str, ...]:
    """Figures whose names say more images than there are to learn from."""
    counts = torch.bincount(seen.labels, minlength=len(names))
    fewest, notes = int(counts.min()), []
    if max(options.shots, default=0) > fewest:
        notes.append(
            f"{names[int(counts.argmin())]} has {format_count(fewest, 'image')} to learn from: figures of more images "
            "a class take all that a class has"
        )
    if options.neighbours > len(seen.labels):
        notes.append(f"there are {len(seen.labels):,} images to learn from, and all of them vote")
    return tuple(notes)


def _read_parts(published: DataSet, data: Path, options: ProbeOptions) -> tuple[Scenes, Scenes, dict[str, str]]:
    """Images to learn from, images to be measured on, and where they are from.

    Without a split for training, half of each class of the one split is for it.
    """
    test_name = options.split or next((name for name in ("test", "val") if name in published.splits), "")
    test_name = test_name or next(iter(published.splits))
    train_name = options.train or ("train" if "train" in published.splits and test_name != "train" else "")
    test = read_one_class(published, data, test_name)
    if train_name:
        return read_one_class(published, data, train_name), test, {"train": train_name, "split": test_name}
    order = np.random.default_rng(options.seed).permutation(len(test))
    first, half = every_second(test.shows.argmax(1)[order]), f"half of {test_name}"
    return test.take(order[first].tolist()), test.take(order[~first].tolist()), {"train": half, "split": half}


def every_second(labels: Int[np.ndarray, " image"]) -> Bool[np.ndarray, " image"]:
    """Whether an image is the first, third, fifth, ... of its class."""
    ordered = np.argsort(labels, kind="stable")
    ranks = np.empty(len(labels), np.int64)
    ranks[ordered] = np.arange(len(labels)) - np.searchsorted(labels[ordered], labels[ordered])
    return np.asarray(ranks % 2 == 0)


def fit_linear(seen: Images, classes: int, decay: float | None, seed: int) -> Float[Tensor, "class dim_and_one"]:
    """Weights and biases of a logistic regression; None chooses the decay on a fifth of the images."""
    if decay is None:
        held = np.random.default_rng(seed).random(len(seen.labels)) < 0.2
        rest, checked = seen.take(~held), seen.take(held)
        scores = {each: _accuracy(fit_linear(rest, classes, each, seed), checked).value or 0.0 for each in _DECAYS}
        decay = max(scores, key=lambda each: scores[each])
    inputs = F.pad(seen.vectors, (0, 1), value=1.0)
    head = torch.zeros(classes, inputs.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([head], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(inputs @ head.T, seen.labels) + decay * head[:, :-1].square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return head.detach()


def _accuracy(head: Float[Tensor, "class dim_and_one"], asked: Images) -> Estimate:
    guess = (F.pad(asked.vectors, (0, 1), value=1.0) @ head.T).argmax(1)
    return proportion((guess == asked.labels).numpy())


def knn(seen: Images, vectors: Float[Tensor, "image dim"], neighbours: int) -> Labels:
    """The class with most votes among the nearest images."""
    guesses = []
    for part in torch.split(vectors, 1024):
        near = (part @ seen.vectors.T).topk(min(neighbours, len(seen.labels)), dim=1)
        votes = torch.zeros(len(part), int(seen.labels.max()) + 1)
        votes.scatter_add_(1, seen.labels[near.indices], (near.values / _TEMPERATURE).exp())
        guesses.append(votes.argmax(1))
    return torch.cat(guesses)


def few_shot(seen: Images, asked: Images, shots: int, classes: int, options: ProbeOptions) -> Estimate:
    """Accuracy of the linear probe on so many images of each class: the mean over draws, and where 95 % of them lie."""
    found = []
    for draw in range(options.draws):
        rng, labels = np.random.default_rng((options.seed, shots, draw)), seen.labels.numpy()
        own = (np.flatnonzero(labels == label) for label in range(classes))
        chosen = np.concatenate([rng.permutation(each)[:shots] for each in own])
        found.append(_accuracy(fit_linear(seen.take(chosen), classes, _FEW_DECAY, options.seed), asked).value or 0.0)
    low, high = np.quantile(found, [0.025, 0.975])
    return Estimate(float(np.mean(found)), float(low), float(high))
