"""Pictures of which it is known what words they show, and archives that are drawn from them.

Of a labelled set a word is shown where its pixels would fill a patch of 8 px of the chip, and absent without a pixel.
Of RSICD's train split the picture's class is shown and other classes are absent; a noun is shown where two captions say
it, and absent where none does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "mini"))

from data import class_words
from labelled_picture import Picture
from labelled_sets import read_pictures
from measure_presence import LABELS, NOUNS

SIDE = 224
MOST, EACH_CLASS = 24, 15
LEAST = (8 / SIDE) ** 2
SETS = {
    **LABELS,
    "loveda": {"building": [2], "road": [3], "water": [4], "bare soil": [5], "trees": [6], "farmland": [7]},
}
#: Number of chips of the archives that are drawn, and how many of them, by kind of pictures
ARCHIVES = {
    "set": ((1, MOST), (6, 6), (MOST, 1)),
    "mix": ((60, 15), (200, 6)),
    "classes": ((1, 200), (10, 80), (60, 40), (300, 20)),
}


@dataclass(frozen=True)
class Known:
    """A picture, and whether it shows words; of words that are missing nothing is known."""

    source: str
    path: Path
    shows: dict[str, bool]


@dataclass(frozen=True)
class Task:
    """A word that an archive is asked for."""

    kind: str
    chips: tuple[int, ...]
    """Indices of pictures."""
    word: str
    shown: bool
    absurd: bool = False


def labelled(data: Path, folder: Path, *, aside: bool) -> list[Known]:
    """At most 24 pictures of each set, of places that training saw or did not; they are written into `folder`.

    LoveDA, of which mini saw nothing, counts as kept aside: each tile is cut into nine.
    """
    found = []
    for name, words in SETS.items():
        pictures = [piece for picture in read_pictures(data / "labelled", (name,)) for piece in _pieces(picture)]
        some = [picture for picture in pictures if (picture.aside or name == "loveda") == aside]
        for index in sorted(np.random.default_rng(0).permutation(len(some))[:MOST]):
            picture, path = some[index], folder / name / f"{some[index].name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture.pixels).save(path)
            shares = {word: float(np.isin(picture.truth, numbers).mean()) for word, numbers in words.items()}
            shows = {word: share > 0 for word, share in shares.items() if share == 0 or share >= LEAST}
            found.append(Known(name, path, shows))
    return found


def _pieces(picture: Picture, side: int = 341) -> Iterator[Picture]:
    if picture.source != "loveda":
        yield picture
        return
    for row in range(3):
        for col in range(3):
            part = np.s_[row * side : (row + 1) * side, col * side : (col + 1) * side]
            name = f"{picture.name}_{row}{col}"
            yield replace(picture, name=name, pixels=picture.pixels[part], truth=picture.truth[part])


def captioned(data: Path) -> list[Known]:
    """Fifteen pictures of each class of RSICD's train split."""
    rows = [json.loads(line) for line in (data / "rsicd/train.jsonl").read_text(encoding="utf-8").splitlines()]
    by_class = dict[str, list[dict]]()
    for row in rows:
        by_class.setdefault(Path(row["image"]).stem.rsplit("_", 1)[0], []).append(row)
    found = []
    for kind, members in sorted(by_class.items()):
        for index in sorted(np.random.default_rng(0).permutation(len(members))[:EACH_CLASS]):
            captions = [set(text.lower().replace(".", " ").split()) for text in members[index]["captions"]]
            said = {word: sum(bool(text & set(names.split())) for text in captions) for word, names in NOUNS.items()}
            nouns = {word: count > 0 for word, count in said.items() if count != 1}
            classes = {class_words(other): other == kind for other in by_class}
            found.append(Known("rsicd", data / "rsicd" / members[index]["image"], nouns | classes))
    return found


def draw_archives(pictures: Sequence[Known], absurd: Sequence[str], seed: int = 0) -> Iterator[Task]:
    """Archives of a set each, of several sets, of some classes of RSICD, and of all of these classes but one."""
    random = np.random.default_rng(seed)
    groups = dict[str, list[int]]()
    for index, picture in enumerate(pictures):
        groups.setdefault(picture.source, []).append(index)
    classes = groups.pop("rsicd", [])
    for kind, members in (*(("set", group) for group in groups.values()), ("mix", list(chain(*groups.values())))):
        for size, count in ARCHIVES[kind]:
            for _ in range(count):
                yield from ask(pictures, kind, random.permutation(members)[:size], random.permutation(absurd)[:5])
    names = sorted({word for index in classes for word, shown in pictures[index].shows.items() if shown} - set(NOUNS))
    for size, count in ARCHIVES["classes"] if classes else ():
        for _ in range(count):
            some = random.permutation(names)[: random.integers(1, len(names) - 3)]
            members = [index for index in classes if any(pictures[index].shows[word] for word in some)]
            yield from ask(pictures, "classes", random.permutation(members)[:size], random.permutation(absurd)[:6])
    for word in names:
        without = tuple(index for index in classes if not pictures[index].shows[word])
        yield from (Task("one gone", tuple(classes), word, True), Task("one gone", without, word, False))


def answers_of(pictures: Sequence[Known]) -> dict[str, bool]:
    """Whether any of the pictures shows a word, for each word of which that is known."""
    words = sorted({word for picture in pictures for word in picture.shows})
    shown = {word: [picture.shows.get(word) for picture in pictures] for word in words}
    return {word: any(each) for word, each in shown.items() if any(each) or None not in each}


def ask(pictures: Sequence[Known], kind: str, chips: Sequence[int], absurd: Sequence[str]) -> Iterator[Task]:
    """A task for each word that is known to be in the archive or not, and for some absurd words."""
    members = tuple(int(index) for index in chips)
    for word, shown in answers_of([pictures[index] for index in members]).items():
        yield Task("nouns" if kind == "classes" and word in NOUNS else kind, members, word, shown)
    yield from (Task(kind, members, str(word), False, absurd=True) for word in absurd)
