"""Concepts: what labels mean in words, and which words a label makes right, wrong, or leaves open."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from labelled_picture import GREEN, SETS, SMOOTH, green_grows
from torch import Tensor

CONCEPTS = Path(__file__).with_name("concepts.toml")
RIGHT, WRONG, OPEN = 1, -1, 0
#: Concepts that green ground may be, by its number: any of them may fit best, and the first is always right
GROWING = {GREEN: ("vegetation", "trees", "grass", "field"), SMOOTH: ("vegetation", "grass", "field")}


@dataclass(frozen=True)
class Concepts:
    """The contents of concepts.toml, without concepts that are left out."""

    words: dict[str, list[str]]
    parents: dict[str, list[str]]
    near: dict[str, list[str]]
    left_out: frozenset[str] = frozenset()

    @property
    def names(self) -> list[str]:
        """The names of all concepts."""
        return list(self.words)

    @property
    def spoken(self) -> list[str]:
        """The names of the concepts that labels speak of."""
        return [name for name in self.words if name not in self.left_out]

    def relation(self, pixel: str, concept: str) -> int:
        """Whether a pixel of one concept is RIGHT or WRONG for the words of another, or leaves it OPEN."""
        if pixel == concept or concept in self.ancestors(pixel):
            return RIGHT
        if pixel in self.ancestors(concept) or self._beside(pixel, concept):
            return OPEN
        return WRONG

    def ancestors(self, concept: str) -> set[str]:
        """What a concept also is."""
        above = set(self.parents.get(concept, []))
        return above | {further for parent in above for further in self.ancestors(parent)}

    def _beside(self, first: str, second: str) -> bool:
        return second in self.near.get(first, []) or first in self.near.get(second, [])

    def table(self, source: str) -> Tensor:
        """(256, concept) RIGHT, WRONG or OPEN: what each number of a set says of each concept."""
        said = SETS[source]
        table = torch.zeros(256, len(self.names))
        known = {int(number): name for number, name in said["classes"].items()}
        for column, concept in enumerate(self.names):
            if concept in self.left_out:
                continue
            for number, name in known.items():
                table[number, column] = OPEN if name in self.left_out else self.relation(name, concept)
            if "rest" in said and concept in known.values() and concept not in self.left_out:
                table[said["rest"], column] = WRONG
        if green_grows(source) and not self.left_out & set(known.values()):
            for number, may in self.growing.items():
                says = [OPEN if name in self.left_out else self._of_growth(name, may) for name in self.names]
                table[number] = torch.tensor(says)
        return table

    @property
    def growing(self) -> dict[int, tuple[str, ...]]:
        """GROWING, without ground that may be what is left out."""
        return {number: may for number, may in GROWING.items() if not self.left_out & set(may)}

    def _of_growth(self, concept: str, may: tuple[str, ...]) -> int:
        """What green ground says of a concept if it may be some others."""
        if concept == may[0]:
            return RIGHT
        rougher = concept in GROWING[GREEN] and concept not in may
        unlike = all(self.relation(name, concept) == WRONG for name in may)
        return WRONG if rougher or unlike else OPEN


def read_concepts(left_out: frozenset[str] = frozenset()) -> Concepts:
    """The concepts; the words of those left out are kept, but no label says anything of them.

    Concepts that are a kind of one left out (a pool, if water is) are left out, too.
    """
    table = tomllib.loads(CONCEPTS.read_text(encoding="utf-8"))
    whole = Concepts(
        {name: part["words"] for name, part in table.items()},
        {name: part.get("is", []) for name, part in table.items()},
        {name: part.get("near", []) for name, part in table.items()},
    )
    gone = {name for name in whole.names if name in left_out or whole.ancestors(name) & left_out}
    return Concepts(whole.words, whole.parents, whole.near, frozenset(gone))


def random_words(concepts: Concepts, count: int, rng: np.random.Generator) -> tuple[list[str], list[int]]:
    """Some words of every concept that labels speak of, and the concept of each."""
    words, owners = [], []
    for name in concepts.spoken:
        known = concepts.words[name]
        chosen = rng.choice(len(known), min(count, len(known)), replace=False)
        words += [known[int(index)] for index in chosen]
        owners += [concepts.names.index(name)] * len(chosen)
    return words, owners
