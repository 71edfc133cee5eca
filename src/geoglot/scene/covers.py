"""Covers of the ground that spectral indices tell apart, and how much a word means one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from geoglot.models.base import VisionLanguageModel
from geoglot.models.zoo import load_word_model
from geoglot.options import TEMPLATES
from geoglot.scene.class_words import ClassWords
from geoglot.scene.concept_names import drop_collection
from geoglot.scene.question import BACKGROUND
from geoglot.scene.text_vectors import text_vectors

MOST = 4.0
"""Largest log-odds of the bands for or against a cover: 98 %."""
TOLD = 0.2
"""Least weight of a cover for a name: what a note does not tell does not count."""
_READER = "mini"  # its text tower ships inside, and its space was made of phrases of one meaning, not of pictures
_ALLIED = 0.5  # least weight of a cover that a word shares with a name
_FAR, _NEAR = 0.55, 0.85  # cosine of a word with the nearest word of a cover: up to here nothing, from here all


@dataclass(frozen=True)
class Rule:
    """What one index says about a cover: log-odds that grow with the index, or fall with it if `sign` is -1."""

    indices: tuple[str, ...]
    """The first of these that the bands give is used."""
    threshold: float
    """Where the index of surface reflectances says neither yes nor no."""
    sign: int = 1
    speaks_for: float = MOST
    """Largest log-odds for the cover."""
    speaks_against: float = MOST
    """Largest log-odds against the cover."""


@dataclass(frozen=True)
class Cover:
    """A cover of the ground: words that mean it, and what the bands say about it."""

    name: str
    words: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    dark: int = 0
    """1 if it is dark in near infrared, -1 if it is bright there, 0 if it may be either."""
    excludes: tuple[str, ...] = ()
    """Covers that speak against it where they are seen."""


COVERS: tuple[Cover, ...] = (
    Cover(
        "water",
        ("water", "lake", "river", "sea", "pond", "flooded area", "reservoir", "canal"),
        (Rule(("MNDWI", "NDWI"), 0.0),),
        dark=1,
        excludes=("vegetation",),
    ),
    Cover(
        "vegetation",
        ("vegetation", "trees", "forest", "grass", "meadow", "shrubs", "mangrove trees", "orchard"),
        (Rule(("NDVI",), 0.3),),
        excludes=("water", "snow"),
    ),
    Cover(
        "bare soil",
        ("bare soil", "sand", "bare ground", "desert", "beach", "sediment", "mud"),
        (Rule(("BSI",), 0.0, speaks_for=2.0, speaks_against=2.0),),
        excludes=("water", "vegetation", "snow"),
    ),
    Cover(
        "snow",
        ("snow", "ice", "glacier"),
        (Rule(("NDSI",), 0.4),),
        dark=-1,
        excludes=("vegetation",),
    ),
    Cover(
        "burnt ground",
        ("burnt area", "burn scar", "charred ground", "burnt forest", "wildfire"),
        (Rule(("NBR",), -0.1, sign=-1, speaks_for=2.0),),
        excludes=("water", "snow"),
    ),
    Cover(
        "built-up area",
        ("built-up area", "building", "roof", "road", "street", "pavement", "houses", "city", "dam",
         "bridge"),
        (Rule(("NDBI",), 0.0, speaks_for=1.0, speaks_against=2.0),),
        excludes=("water", "vegetation", "snow"),
    ),
    # A field is green in one month and bare in another, so that no index says what it is.
    Cover("farmland", ("farmland", "agriculture", "field", "crops"), excludes=("water", "snow")),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Meaning:
    """How much each of some names means each cover, and how much each cover speaks against it."""

    names: tuple[str, ...]
    own: Float[np.ndarray, "name cover"]
    """0..1."""
    against: Float[np.ndarray, "name cover"]
    """0..1."""


def meaning_of(classes: Sequence[ClassWords], *, compete: bool) -> Meaning:
    """The covers that classes mean: each word its nearest, the less the farther it is; a class the mean of its words.

    A class without words, such as the background of a taught model, means none. If the classes compete for pixels, a
    cover that one of them means does not speak against the others: it speaks for that one already. A background (the
    class "") of one class says nothing, so that a map of the class is where `find` finds it.
    """
    if compete and len(classes) == 2 and not classes[1].name:
        alone = meaning_of(classes[:1], compete=False)
        own, against = (np.pad(weights, ((0, 1), (0, 0))) for weights in (alone.own, alone.against))
        return Meaning((*alone.names, ""), own, against)
    words = list(dict.fromkeys(word for entry in classes for word in entry.words))
    rows = dict(zip(words, _nearest_cover(_embed([*map(drop_collection, words)])), strict=True))
    nothing = np.zeros((1, len(COVERS)), np.float32)
    own = np.stack([np.mean([rows[word] for word in entry.words] or nothing, axis=0) for entry in classes])
    excludes = np.array([[other.name in cover.excludes for other in COVERS] for cover in COVERS], np.float32)
    against = own @ excludes * (1 - own) * (1 - own.max(0) if compete else 1)
    heard = (np.where(weights < TOLD, 0, weights) for weights in (own, against))
    return Meaning(tuple(entry.name for entry in classes), *heard)


@lru_cache(maxsize=1000)
def allies_of(name: ClassWords, rivals: tuple[str, ...]) -> Bool[np.ndarray, " rival"]:
    """Which words mean the cover that a name means, so that the bands say the same of both; none if it means none."""
    own = np.mean(_nearest_cover(_embed([*map(drop_collection, name.words)])), axis=0)
    return _nearest_cover(_embed(rivals))[:, own.argmax()] >= (_ALLIED if own.max() else np.inf)


def _nearest_cover(vectors: Float[np.ndarray, "word dim"]) -> Float[np.ndarray, "word cover"]:
    cosines = vectors @ _cover_vectors().T
    sizes = np.cumsum([len(cover.words) for cover in COVERS])[:-1]
    best = np.stack([part.max(1) for part in np.split(cosines, sizes, axis=1)], axis=1)
    weights = np.clip((best - _FAR) / (_NEAR - _FAR), 0, 1) * (best == best.max(1, keepdims=True))
    return np.asarray(weights, np.float32)


@cache
def _cover_vectors() -> Float[np.ndarray, "cover_word dim"]:
    return _embed([word for cover in COVERS for word in cover.words])


def _embed(words: Sequence[str]) -> Float[np.ndarray, "word dim"]:
    """Unit vectors of words, without what all words share."""
    reader, general = _reader()
    return F.normalize(_vectors(reader, words) - general, dim=1).numpy()


@cache
def _reader() -> tuple[VisionLanguageModel, Float[Tensor, " dim"]]:
    """The model that reads the words, and the mean of its vectors of general words."""
    reader = load_word_model(_READER, device="cpu")
    return reader, _vectors(reader, BACKGROUND).mean(0)


@torch.inference_mode()
def _vectors(reader: VisionLanguageModel, words: Sequence[str]) -> Float[Tensor, "word dim"]:
    return F.normalize(text_vectors(reader, words, TEMPLATES), dim=1).float()
