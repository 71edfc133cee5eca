"""What stage 6 learns from: labelled pictures, scenes with captions, and the vectors of all words in all templates."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from concepts import Concepts, read_concepts
from labelled_picture import SETS, Picture, mark_green
from labelled_sets import read_pictures
from phrases import Thesaurus, read
from torch import Tensor

from geoglot.models.mini.mini import Mini

_FAR = 0.65  # cosine to every labelled word, after what all words share is subtracted
_OFTEN, _TWICE = 15, 2  # scenes that say a caption word at least, and captions of a scene that do
_ALIKE, _LIKE_DULL = 0.45, 0.5
#: Concepts that are seldom worth a mention, so their absence from captions says nothing
DULL = ("building", "road", "water", "trees", "grass", "field", "bare soil", "car")
#: Words of captions that name water, or what lies on it and beside it
WATERY = frozenset({
    "water", "waters", "seawater", "river", "rivers", "lake", "lakes", "pond", "ponds", "sea", "seaside", "ocean",
    "pool", "pools", "stream", "canal", "bay", "lagoon", "reservoir", "dam", "waves", "wetland", "wetlands", "swamp",
    "beach", "coast", "shore", "port", "ports", "harbor", "harbors", "harbour", "dock", "boat", "boats", "ship",
    "ships",
})  # fmt: skip
#: Kinds of scenes that are woods for the most part
WOODED = ("forest", "mountain")
ABSURD = Path(__file__).with_name("absurd.txt")


@dataclass(frozen=True)
class Scene:
    """A picture of RSICD."""

    path: Path
    captions: list[str]

    @property
    def kind(self) -> str:
        """Its class."""
        return self.path.name.rsplit("_", 1)[0]

    def says(self, words: frozenset[str]) -> bool:
        """Whether a caption has one of some words."""
        return any(words & set(_split(caption)) for caption in self.captions)


@dataclass(frozen=True)
class CaptionWords:
    """Words of the thesaurus in captions, and which of them a scene's captions say, deny or leave open."""

    words: list[str]
    said: list[list[int]]
    """By scene: the words in two captions or more."""
    denied: list[list[int]]
    """By scene: striking words that are in no caption and far from all that are."""


@dataclass(frozen=True)
class Lessons:
    """Everything that is learned from."""

    pictures: dict[str, list[Picture]]
    """By set."""
    concepts: Concepts
    tables: dict[str, Tensor]
    """By set: what each number of its masks says of each concept."""
    vectors: dict[str, Tensor]
    """(template, dim) by word; the first template is the word alone."""
    absurd: list[str]
    others: list[str]
    """Words of the thesaurus that no label speaks of."""
    others_near: Tensor
    """(other, concept): the largest cosine of an other word to the words of a concept."""
    scenes: list[Scene]
    caption_words: CaptionWords
    thesaurus: Thesaurus

    @property
    def far(self) -> list[str]:
        """The others that no label can move by its words."""
        near = self.others_near.amax(1).tolist()
        return [word for word, close in zip(self.others, near, strict=True) if close < _FAR]

    @property
    def kinds(self) -> list[str]:
        """The classes of the scenes."""
        return sorted({scene.kind for scene in self.scenes})

    def some(self, words: list[str], rng: np.random.Generator, plain: float = 0.3) -> Tensor:
        """The vector of each word in a random template, often in none."""
        rows = []
        for word in words:
            table = self.vectors[word]
            rows.append(table[0] if rng.random() < plain else table[int(rng.integers(len(table)))])
        return torch.stack(rows)


def read_lessons(data: Path, mini: Mini, without: frozenset[str] = frozenset(), aside: Sequence[str] = ()) -> Lessons:
    """Read pictures, concepts and words; no label speaks of the concepts in `without`, but captions may.

    `aside` are pictures (set/name) that are left out, besides those of places kept aside. Green ground is marked.
    """
    concepts, thesaurus, absurd = read_concepts(without), read(), ABSURD.read_text(encoding="utf-8").split()
    pictures: dict[str, list[Picture]] = {}
    for picture in read_pictures(data / "labelled"):
        if not picture.aside and f"{picture.source}/{picture.name}" not in aside:
            pictures.setdefault(picture.source, []).append(mark_green(picture))
    labelled = {word for name in concepts.spoken for word in concepts.words[name]}
    every = sorted({*(w for words in concepts.words.values() for w in words), *absurd, *thesaurus.words()})
    vectors = _word_vectors(mini, every, thesaurus.names)
    usual = torch.stack([vectors[word][0] for word in thesaurus.words()]).mean(0)  # what all words share
    own = {word: F.normalize(table[0] - usual, dim=0) for word, table in vectors.items()}
    others = [word for word in thesaurus.words() if word not in labelled]
    scenes = _read_scenes(data / "rsicd")
    return Lessons(
        pictures,
        concepts,
        {name: concepts.table(name) for name in SETS},
        vectors,
        absurd,
        others,
        _closeness(others, concepts, own),
        scenes,
        _read_caption_words(scenes, every, own, [word for name in DULL for word in concepts.words[name]]),
        thesaurus,
    )


@torch.no_grad()
def _word_vectors(mini: Mini, words: list[str], templates: list[str]) -> dict[str, Tensor]:
    return {word: mini.encode_text([text.replace("{}", word) for text in templates]).clone() for word in words}


def _read_scenes(folder: Path) -> list[Scene]:
    rows = [json.loads(line) for line in (folder / "train.jsonl").open()]
    return [Scene(folder / row["image"], row["captions"]) for row in rows]


def _closeness(words: list[str], concepts: Concepts, own: dict[str, Tensor]) -> Tensor:
    """(word, concept): the largest cosine of a word to the words of a concept; -1 if no label speaks of it."""
    plain, columns = torch.stack([own[word] for word in words]), []
    for name in concepts.names:
        theirs = torch.stack([own[word] for word in concepts.words[name]])
        near = (plain @ theirs.T).amax(1)
        columns.append(near if name in concepts.spoken else torch.full_like(near, -1.0))
    return torch.stack(columns, 1)


def _read_caption_words(scenes: list[Scene], known: list[str], own: dict[str, Tensor], dull: list[str]) -> CaptionWords:
    counts = [_count_words(scene.captions, set(known)) for scene in scenes]
    often = Counter(word for count in counts for word, times in count.items() if times >= _TWICE)
    words = sorted(word for word, times in often.items() if times >= _OFTEN)
    vectors, plain = (torch.stack([own[word] for word in some]) for some in (words, dull))
    alike, striking = vectors @ vectors.T > _ALIKE, (vectors @ plain.T).amax(1) < _LIKE_DULL
    said, denied = [], []
    for count in counts:
        said.append([index for index, word in enumerate(words) if count[word] >= _TWICE])
        near = alike[[index for index, word in enumerate(words) if count[word]]].any(0)
        denied.append((striking & ~near).nonzero()[:, 0].tolist())
    return CaptionWords(words, said, denied)


def _count_words(captions: list[str], known: set[str]) -> Counter[str]:
    """In how many captions each known word is."""
    count: Counter[str] = Counter()
    for caption in captions:
        words = _split(caption)
        count.update({" ".join(words[i : i + n]) for n in (1, 2, 3) for i in range(len(words))} & known)
    return count


def _split(caption: str) -> list[str]:
    return re.findall(r"[a-z]+", caption.lower())
