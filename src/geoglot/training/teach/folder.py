"""The folder of a taught model: card and head, which are replaced when it is taught again, and vectors to keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from geoglot.errors import ModelError, OutputError
from geoglot.hashing import sha256_of
from geoglot.models.card import CARD, WEIGHTS, Card, card_text, read_card
from geoglot.models.model_files import require_finite
from geoglot.models.taught import FAMILY
from geoglot.outputs.atomic import disk_errors, hold, write_bytes
from geoglot.outputs.own import LOCK, MARK, is_marked, mark

_KEPT = "vectors"


@contextmanager
def open_folder(folder: Path) -> Iterator[Path]:
    """Make the folder of a taught model, or go on in one; the block has its folder of vectors, and no other run has.

    If the block ends with nothing to keep, the folder is removed again. OutputError if something else than a taught
    model lies there.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not _is_taught(folder)):
        raise OutputError(f"{folder} is there already and is no taught model; give another folder")
    with disk_errors(folder):
        (folder / _KEPT).mkdir(parents=True, exist_ok=True)
        mark(folder)
    with hold(folder):
        try:
            yield folder / _KEPT
        finally:
            with suppress(OSError):
                _remove_empty(folder)


def _is_taught(folder: Path) -> bool:
    """Whether a taught model lies in a folder, or what a run has kept that was to make one."""
    try:
        begun = is_marked(folder) and (folder / _KEPT).is_dir()
        return begun and (not (folder / CARD).exists() or read_card(folder).family == FAMILY)
    except ModelError:
        return False


def _remove_empty(folder: Path) -> None:
    """Remove a folder in which there is nothing but what `open_folder` makes."""
    if {path.name for path in folder.iterdir()} <= {MARK, LOCK, _KEPT}:
        (folder / _KEPT).rmdir()  # fails where vectors are kept
        (folder / LOCK).unlink(missing_ok=True)
        (folder / MARK).unlink()
        folder.rmdir()


def replace_head(folder: Path, card: Card, tensors: Mapping[str, Tensor]) -> None:
    """Write head and card in place of earlier ones; a run that is killed here leaves no card, and no wrong model."""
    require_finite(tensors, card.name)
    with disk_errors(folder):
        (folder / CARD).unlink(missing_ok=True)
    write_bytes(folder / WEIGHTS, save(dict(tensors)))
    card = replace(card, sha256=sha256_of(folder / WEIGHTS))
    write_bytes(folder / CARD, card_text(card).encode())
