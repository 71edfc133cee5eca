"""The files of a folder and of all below it: which are used, and in a sentence which are not."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from geoglot.sources.listing import is_system_file, list_files, split_utf8_names

#: What lies beside pictures and labels and belongs to them, or is a text for people or other programs
_BESIDE = frozenset({
    ".xml", ".prj", ".tfw", ".pgw", ".jgw", ".wld", ".ovr", ".msk", ".txt", ".csv", ".md", ".yaml", ".yml", ".toml",
    ".html", ".cache", ".db", ".ini", ".cpg", ".dbf", ".shx", ".qix", ".sbn", ".sbx", ".qmd", ".qml", ".lock", ".zip",
})  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What lies in a folder."""

    folder: Path
    used: tuple[Path, ...]
    """By path from the folder on."""
    notes: tuple[str, ...]
    """A sentence for what is left out."""


def find_files(folder: Path, suffixes: Collection[str]) -> Found:
    """Files with one of these suffixes, in any case, in a folder and below; SourceError for a folder that is closed.

    What a system keeps beside them (names that begin with a dot, Thumbs.db) is passed over.
    """
    named, notes = split_utf8_names(list_files(folder))
    used = tuple(path for path in named if path.suffix.lower() in suffixes)
    others = [path for path in named if path.suffix.lower() not in _BESIDE.union(suffixes)]
    if others:
        files = "1 file is" if len(others) == 1 else f"{len(others)} files are"
        kinds = ", ".join(sorted(suffixes))
        notes.append(
            f"{files} left out of {folder}, the first {others[0].relative_to(folder)}; what is read is {kinds}"
        )
    return Found(folder, used, tuple(notes))


def key_of(path: Path, folder: Path) -> str:
    """What an image and its labels have in common: the path from their folder on, without the suffix.

    Letters with marks are written one way, for a Mac writes them in two parts.
    """
    return unicodedata.normalize("NFC", path.relative_to(folder).with_suffix("").as_posix())


def folders_in(folder: Path) -> list[Path]:
    """The folders right in a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_system_file(path.name))
