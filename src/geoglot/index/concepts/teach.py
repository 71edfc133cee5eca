"""Teach an archive a concept by chips of it: `airstrip@mine` is a word from then on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float

from geoglot.aliases import PathLike
from geoglot.errors import InputError
from geoglot.figures import format_count
from geoglot.index.concepts.background import Vector, background_of
from geoglot.index.concepts.head import as_word, fit_head
from geoglot.index.concepts.marks import marked_vectors
from geoglot.index.concepts.reader import owner_of, reader_of
from geoglot.index.store.archive import Archive
from geoglot.models.base import VisionLanguageModel
from geoglot.scene.concept_names import concept_path, drop_collection
from geoglot.scene.concepts import Concept, find_concept
from geoglot.scene.text_vectors import text_vectors

Rows = Float[np.ndarray, "_example dim"]


def teach(
    archive: PathLike | Archive,
    word: str,
    yes: Sequence[PathLike] = (),
    no: Sequence[PathLike] = (),
    *,
    words: str | None = None,
    model: PathLike | None = None,
    device: str | None = None,
) -> Concept:
    """Teach a concept, and keep it; taught again, it learns from the new examples beside those it had.

    `yes` and `no` are files that mark chips of what it is and of what it is not; see `marks`. It starts as the text
    `words`, by default its own name, as the archive's model reads it (`model` says where that lies, if not in the zoo).
    ClassesError for a name that is another model's concept, InputError for a class of a taught model.
    """
    archive = archive if isinstance(archive, Archive) else Archive.open(archive)
    word = word if "@" in word else f"{word}@mine"
    before = find_concept(word, owner_of(archive.model))
    if before and not concept_path(word).is_file():
        raise InputError(
            f"{word} is a class of a taught model; draw more labels of it, or give another name than {word}"
        )
    new = [marked_vectors(archive, tuple(map(Path, files))) for files in (yes, no)]
    if both := int(_are_among(*new).sum()):
        raise InputError(f"--no marks {format_count(both, 'chip')} that --yes marks, too; mark each chip once")
    examples = {
        kind: _joined(before, kind, own, other)
        for kind, own, other in (("yes", new[0], new[1]), ("no", new[1], new[0]))
    }
    start = words or (before.text if before else drop_collection(word))
    concept = learn(archive, word, start, examples, reader_of(archive.model, model, device))
    concept.save()
    return concept


def learn(
    archive: Archive, word: str, text: str, examples: dict[str, Rows], reader: VisionLanguageModel | None
) -> Concept:
    """The concept of vectors of examples; it is not kept."""
    start: Vector | None = None
    if reader is not None:
        with torch.inference_mode():
            start = text_vectors(reader, [text])[0].double().cpu().numpy()
    background = background_of(archive)
    head = fit_head(start, examples["yes"], examples["no"], background)
    vector, border = as_word(head, start, background)
    owner = owner_of(archive.model)
    return Concept(word, owner, torch.from_numpy(vector).float(), border, text if reader else "", examples)


def _joined(before: Concept | None, kind: str, new: Rows, other: Rows) -> Rows:
    """Examples of one kind, each once, without earlier ones that are now examples of the `other` kind."""
    old = before.examples.get(kind) if before else None
    every = new if old is None else np.concatenate([old[~_are_among(old, other)], new])
    _, first = np.unique(every.astype(np.float16), axis=0, return_index=True)
    return every[np.sort(first)]


def _are_among(rows: Rows, others: Rows) -> Bool[np.ndarray, " example"]:
    """Which rows are among others."""
    known = {row.tobytes() for row in others.astype(np.float16)}
    return np.array([row.tobytes() in known for row in rows.astype(np.float16)], bool)
