"""How wide things are on the ground, by their names in `extents.toml`, by the head of a phrase, or by near names."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from geoglot.models.base import VisionLanguageModel
from geoglot.nouns import SYNONYMS, heads_of, plain_name
from geoglot.scene.concept_names import drop_collection
from geoglot.scene.text_vectors import text_vectors

_TABLE = Path(__file__).with_name("extents.toml")
_ACROSS, _ACROSS_LINE = 2.0, 1 / 3  # least pixels across a thing, and across a long one (decision 25)
_NEAREST, _NEAR = 3, 0.8  # so many known names must have at least this cosine to a word that is not known


@dataclass(frozen=True)
class Extent:
    """The size of a concept."""

    name: str
    """The singular, as in the table."""
    metres: float
    """The narrower side of a usual one."""
    kind: str
    """The heading in the table: areas, lines, masses or things."""

    @property
    def coarsest(self) -> float:
        """Metres a pixel up to which a single one shows."""
        return self.metres / (_ACROSS_LINE if self.kind == "lines" else _ACROSS)


@cache
def known_extents() -> Mapping[str, Extent]:
    """The table, by name."""
    tables = tomllib.loads(_TABLE.read_text("utf-8"))
    return {name: Extent(name, float(metres), kind) for kind in tables for name, metres in tables[kind].items()}


@lru_cache(maxsize=200_000)
def extent_of(phrase: str) -> Extent | None:
    """The extent of the head noun of a phrase: "car" of "parked red cars"; of several nouns the widest."""
    plain = plain_name(drop_collection(phrase))
    if whole := _look_up(plain):  # place of worship, track and field
        return whole
    nouns = (next(filter(None, map(_look_up, heads)), None) for heads in heads_of(plain))
    return max(filter(None, nouns), key=lambda extent: extent.coarsest, default=None)


def _look_up(name: str) -> Extent | None:
    table = known_extents()
    return table.get(name) or table.get(plain_name(SYNONYMS.get(name, "")))


def extents_near(model: VisionLanguageModel, words: Sequence[str]) -> dict[str, tuple[Extent, ...]]:
    """For each word the known names nearest to it in the space of a model's texts, empty if they are not near enough.

    Texts lie near each other, so they are compared after the mean of the known names is subtracted. A word is embedded
    once, since many scenes may be asked of it.
    """
    if model not in _NEIGHBOURS:
        vectors = _embed(model, list(known_extents()))
        mean = vectors.mean(0)
        _NEIGHBOURS[model] = _Neighbours(mean, F.normalize(vectors - mean, dim=1), {})
    met, known = _NEIGHBOURS[model], list(known_extents().values())
    if new := [word for word in words if word not in met.words]:
        near = (F.normalize(_embed(model, new) - met.mean, dim=1) @ met.names.T).topk(_NEAREST)
        for word, cosines, indices in zip(new, near.values.tolist(), near.indices.tolist(), strict=True):
            met.words[word] = tuple(known[index] for index in indices) if cosines[-1] >= _NEAR else ()
    return {word: met.words[word] for word in words}


@dataclass(frozen=True, eq=False)
class _Neighbours:
    """What a model makes of the known names, and of words that it has met."""

    mean: Float[Tensor, " dim"]
    names: Float[Tensor, "name dim"]
    """Directions of the known names from their mean."""
    words: dict[str, tuple[Extent, ...]]


_NEIGHBOURS = WeakKeyDictionary[VisionLanguageModel, _Neighbours]()


@torch.inference_mode()
def _embed(model: VisionLanguageModel, words: Sequence[str]) -> Float[Tensor, "word dim"]:
    return text_vectors(model, words, ("{}",)).float().cpu()
