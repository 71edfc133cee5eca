"""Runs whose results are there already: who runs a door over many scenes passes over those that are complete."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from geoglot.outputs.record import KEY, read_record
from geoglot.tables import parse_json, read_text

_PICTURES = (".png", ".svg")  # a scene that is too damaged for a picture has none
_keeping = ContextVar("keeping", default=False)


class Finished(Exception):
    """The result of this very run is there and complete, with the document of its record."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(document)
        self.document = document


@contextmanager
def keeping_finished() -> Iterator[None]:
    """In this block a run raises Finished at its start if all its files are there, unchanged and without a failed
    window. It is no argument of the doors, since nobody wants it who asks about one scene."""
    before = _keeping.set(True)
    try:
        yield
    finally:
        _keeping.reset(before)


def pass_over_finished(path: Path, run: str, files: Sequence[Path]) -> None:
    """Raise Finished inside `keeping_finished`, if the record at `path` is of this run and its `files` are whole."""
    if not _keeping.get() or (record := read_record(path)) is None or record.run != run:
        return
    there = {os.path.abspath(path.parent / proof.path): proof for proof in record.proofs}  # noqa: PTH100 - no links
    wanted = {os.path.abspath(file) for file in files if file.suffix not in _PICTURES}  # noqa: PTH100
    document: dict[str, Any] = parse_json(read_text(path).body)
    if document["windows"]["failed"] or not wanted <= there.keys():
        return  # a window may be read the next time
    if all(proof.fits(Path(file)) for file, proof in there.items()):
        raise Finished({key: value for key, value in document.items() if key not in ("run", KEY)})
