"""Which files a search may write: new ones, those of the same search, and with `overwrite` those of other searches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from geoglot.aliases import PathLike
from geoglot.errors import InputError
from geoglot.hashing import fingerprint
from geoglot.options import SearchOptions
from geoglot.outputs.made import Made
from geoglot.outputs.panels import check_picture


def run_of(
    archive: PathLike,
    words: str | None,
    image: PathLike | None,
    place: str | None,
    like: Sequence[PathLike],
    unlike: Sequence[PathLike],
    options: SearchOptions,
) -> str:
    """Fingerprint of a search; its arguments are those of `Index` and `Index.search`."""
    asked = {"words": words, "image": image, "place": place, "like": list(like), "unlike": list(unlike)}
    return fingerprint({"archive": Path(archive), **asked, **asdict(options)})


def reserve(output: PathLike, run: str, overwrite: bool, inputs: Sequence[PathLike | None] = ()) -> Made:
    """Before any work, refuse a file that cannot be written, is read, or was made by another search or program."""
    made = Made("search", Path(output))
    made.check(*inputs)
    made.start(run, overwrite)
    return made


def check_sheet(sheet: Path, place: PathLike, is_archive: bool) -> None:
    """Before any work, refuse a sheet that is no PNG, or that the next search would take for a picture."""
    check_picture(sheet)
    if not is_archive and Path(place).resolve() in sheet.resolve().parents:
        raise InputError(
            f"{sheet} lies in {place}, where the next search would take it for a picture; write it to another folder"
        )
