"""The examples of a head: labelled patches of all scenes, and what the class names mean as texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Integer

from geoglot.errors import InputError
from geoglot.figures import format_some
from geoglot.models.base import VisionLanguageModel
from geoglot.models.taught import REST
from geoglot.scene.question import BACKGROUND, other_meanings
from geoglot.scene.text_vectors import text_vectors
from geoglot.training.teach.fit import Head, fit_head, weigh
from geoglot.training.teach.patches import SURVEY, ScenePatches

_FEW = 16  # patches, of which a covariance says nothing


@dataclass(frozen=True, eq=False)
class Examples:
    """Labelled patches of all scenes."""

    vectors: Float[np.ndarray, "patch dim"]
    classes: Integer[np.ndarray, " patch"]
    labels: Integer[np.ndarray, " patch"]
    """Which label covers a patch."""
    blocks: Integer[np.ndarray, " patch"]
    """In which block of ground its label lies."""
    surveyed: Float[np.ndarray, "other dim"]
    """Patches from all over the scenes, or all that are known where these are few."""
    prior: Float[np.ndarray, "class dim"]
    """Scaled vectors of the class names."""

    def fit(self, chosen: np.ndarray | slice = slice(None)) -> Head:
        """The head of some of the patches."""
        classes, labels = self.classes[chosen], self.labels[chosen]
        return fit_head(self.vectors[chosen], classes, weigh(labels, classes), self.prior, self.surveyed)


def gather(scenes: Sequence[ScenePatches], base: VisionLanguageModel) -> tuple[Examples, tuple[str, ...]]:
    """The examples of scenes (at least one), and the classes by index; InputError if all labels are of REST.

    With one class only, patches from all over the scenes that have no label are examples of REST, one label each.
    """
    shown = [np.unique(scene.label[scene.label != SURVEY]) for scene in scenes]
    names = {name for scene, own in zip(scenes, shown, strict=True) for name in scene.labels["class"].iloc[own]}
    if not names:
        why = [sentence for scene in scenes for sentence in scene.failed] or ["the scenes have no data there"]
        raise InputError(f"no label has a patch that the model can see: {format_some(why)}")
    alone = len(names) == 1
    if names == {REST}:
        raise InputError(f"all labels with data are of {REST!r}; draw labels of what is to be found, too")
    if alone and not any(scene.free.any() for scene in scenes):
        raise InputError(
            f"all labels are of {min(names)!r} and no ground lies beside them; draw labels of other ground"
        )
    classes = tuple(sorted(names | ({REST} if alone else set()), key=lambda name: (name == REST, name)))
    parts, first, block = list[tuple[np.ndarray, ...]](), 0, 0
    for scene in scenes:
        known = [classes.index(name) if name in names else -1 for name in scene.labels["class"]]
        index = np.array([*known, len(classes) - 1])  # the last for no label
        chosen = np.flatnonzero((scene.label != SURVEY) | (scene.free if alone else False))
        label = scene.label[chosen].copy()
        free = label == SURVEY
        label[free] = len(scene.labels) + np.arange(free.sum())
        kinds = index[scene.label[chosen]]
        parts.append((scene.vectors[chosen], kinds, label + first, scene.blocks[chosen] + block))
        first, block = first + len(scene.labels) + int(free.sum()), block + int(scene.blocks.max(initial=-1)) + 1
    surveyed = np.concatenate([scene.surveyed for scene in scenes])
    if len(surveyed) < _FEW:
        surveyed = np.concatenate([scene.vectors for scene in scenes])
    vectors, kinds, labels, blocks = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Examples(vectors, kinds, labels, blocks, surveyed, _prior(base, classes)), classes


@torch.inference_mode()
def _prior(base: VisionLanguageModel, classes: tuple[str, ...]) -> Float[np.ndarray, "class dim"]:
    """Scaled vectors of the class names; REST is the mean of general words that mean none of them."""
    names = [name for name in classes if name != REST]
    own = text_vectors(base, names).float().cpu()
    if REST in classes:
        general = text_vectors(base, BACKGROUND).float().cpu()
        own = torch.cat([own, general[other_meanings(general, own)].mean(0, keepdim=True)])
    return np.asarray(base.card.logit_scale * own.numpy())
