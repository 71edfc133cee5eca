"""What a model says of words and saw of them in chips, kept in the cache: the same words again need no model.

A file holds a hash of its content and then the content, at most `_MOST_BYTES`; one that is damaged counts as none. It
appears by rename, so of two writers the last one's stays. `_MOST_FILES` are kept, those that were written last.

    IDENTITY-WORDS    JSON: the vector of the words, their judge and notes, and looks at chips, by the names of these
    IDENTITY-heights  float32 (1 + dim, dim): mean and covariance of `Heights`, which all words of a model share
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from jaxtyping import Float

from geoglot.index.search.archive_presence import Heights, WordJudge
from geoglot.index.search.look import Look
from geoglot.index.search.said import Said
from geoglot.settings import load_settings
from geoglot.tables import parse_json

_MOST_BYTES, _MOST_FILES, _MOST_LOOKS = 2**24, 512, 256
_NAME = re.compile(r"\.?[0-9a-f]{16}-([0-9a-f]{16}|heights)(\.\w+)?")
_DIGEST = hashlib.sha256().digest_size
Vector = Float[np.ndarray, " _dim"]


@dataclass(eq=False)
class KeptWords:
    """What is known of words."""

    said: Said
    looks: dict[str, Look]
    """At chips, by their names (`ChipNames`)."""
    path: Path | None = None
    """Where this is kept; None for words that are not, such as concepts, which may be taught anew."""
    is_new: bool = True

    @classmethod
    def open(cls, identity: str, words: Sequence[str], dim: int, ask: Callable[[], Said]) -> KeptWords:
        """What the cache knows of words, else what the model says if it is asked.

        `identity` is that of the model (`LazyModel.identity`); nothing is kept if it is empty.
        """
        if not identity:
            return cls(ask(), {})
        name = hashlib.sha256(json.dumps(list(words)).encode()).hexdigest()[:16]
        path = load_settings().cache / "search-words" / f"{identity[:16]}-{name}"
        known = _parse(_read(path), dim, _heights_of(path))
        return cls(ask(), {}, path) if known is None else cls(*known, path, is_new=False)

    def keep(self, chip: str, look: Look) -> None:
        """Keep a look at a chip; not if its name is empty."""
        if chip:
            self.looks, self.is_new = {chip: look, **self.looks}, True

    def save(self) -> None:
        """Write what is new. A cache that cannot be written keeps nothing."""
        if self.path is None or not self.is_new:
            return
        looks = {chip: _pack_look(look) for chip, look in islice(self.looks.items(), _MOST_LOOKS)}
        facts = {**_pack_said(self.said), "looks": looks}
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.said.judge is not None:
                heights = self.said.judge.heights
                _write(_heights_of(self.path), np.vstack([heights.mean, heights.covariance]).astype("<f4").tobytes())
            _write(self.path, json.dumps(facts).encode())
            _forget_oldest(self.path.parent)
        self.is_new = False


def _heights_of(path: Path) -> Path:
    return path.with_name(f"{path.name[:16]}-heights")


def _pack_said(said: Said) -> dict[str, Any]:
    judge = said.judge
    return {
        "vector": _pack_vector(said.vector),
        "judge": None if judge is None else {"text": _pack_vector(judge.text), "doubt": judge.doubt},
        "notes": said.notes,
    }


def _parse(content: bytes | None, dim: int, heights: Path) -> tuple[Said, dict[str, Look]] | None:
    """What a file says; None for anything that `save` did not write."""
    if content is None:
        return None
    try:
        facts = parse_json(content)
        return _parse_said(facts, dim, heights), _parse_looks(facts)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, shapely.GEOSException):
        return None


def _parse_said(facts: Mapping[str, Any], dim: int, heights: Path) -> Said:
    vector, judge, notes = _parse_vector(facts["vector"], dim), facts["judge"], tuple(map(str, facts["notes"]))
    if judge is None:
        return Said(vector, None, notes)
    numbers = np.frombuffer(_read(heights) or b"", "<f4").reshape(1 + dim, dim)
    known = Heights(numbers[0], numbers[1:])
    return Said(vector, WordJudge(_parse_vector(judge["text"], dim), known, float(judge["doubt"])), notes)


def _pack_vector(vector: Vector) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def _parse_vector(text: str, dim: int) -> Vector:
    return np.frombuffer(base64.b64decode(text, validate=True), "<f4").reshape(dim)


def _pack_look(look: Look) -> list[Any]:
    return [look.best, look.part, None if look.outline is None else shapely.to_wkb(look.outline, hex=True), look.height]


def _parse_looks(facts: Mapping[str, Any]) -> dict[str, Look]:
    looks = dict[str, Look]()
    for chip, (best, (top, left, bottom, right), outline, height) in facts["looks"].items():
        part = (float(top), float(left), float(bottom), float(right))
        shape = None if outline is None else shapely.from_wkb(outline)
        looks[chip] = Look(float(best), part, shape, None if height is None else float(height))
    return looks


def _read(path: Path) -> bytes | None:
    """The content of a file; None if there is none, or it is damaged or too large."""
    try:
        if not path.is_file():  # a pipe would wait for somebody who writes
            return None
        with path.open("rb") as file:
            whole = file.read(_MOST_BYTES + 1)
    except OSError:
        return None
    digest, content = whole[:_DIGEST], whole[_DIGEST:]
    return content if len(whole) <= _MOST_BYTES and hashlib.sha256(content).digest() == digest else None


def _write(path: Path, content: bytes) -> None:
    """Write a file that appears whole, unless it is too large; one that is there already is as new."""
    if len(content) + _DIGEST > _MOST_BYTES:
        return
    if _read(path) == content:
        os.utime(path)
        return
    opened, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(opened, "wb") as file:
            file.write(hashlib.sha256(content).digest() + content)
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)


def _forget_oldest(folder: Path) -> None:
    """Remove the files that were written first, and drafts of killed runs among them, until few enough are left."""
    files = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    if len(files) <= _MOST_FILES:
        return
    written = dict[Path, int]()
    for path in files:
        with suppress(FileNotFoundError):  # another search forgets them, too
            written[path] = path.stat().st_mtime_ns
    for path in sorted(written, key=written.__getitem__)[:-_MOST_FILES]:
        path.unlink(missing_ok=True)
