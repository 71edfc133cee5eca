"""Folders on object storage, of which each file is copied to the cache when it is first needed."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geoglot.errors import InputError, SourceError
from geoglot.outputs.atomic import disk_errors
from geoglot.settings import load_settings

#: Files that a shard gets later; their names hold a hash of their content
_NAMED_BY_HASH = re.compile(r"/(vectors|removed)-[0-9a-f]+\.npy$")
#: Keys with which object stores describe the state of a file
_STATE = ("size", "ETag", "etag", "md5Hash", "LastModified", "mtime", "created")


@dataclass(frozen=True, eq=False)
class Remote:
    """A folder on object storage, whose files are each copied once to a folder in the cache."""

    url: str
    folder: Path
    _system: Any
    _root: str
    _listing: dict[str, dict[str, Any]]
    """State of every file, by its path below the folder, when the folder was opened."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, url: str) -> Remote:
        """List the folder; InputError for an invalid address, SourceError if it does not respond."""
        import fsspec  # most stores lie here

        try:
            system, root = fsspec.core.url_to_fs(url)
            files = system.find(root, detail=True)
        except (ImportError, ValueError) as error:  # a package is missing, or the protocol is unknown
            raise InputError(f"{url} cannot be opened: {error}") from error
        except OSError as error:
            raise SourceError(f"{url} cannot be listed ({error}); is the address right, and the network up?") from error
        listing = {path[len(root) :].lstrip("/"): facts for path, facts in files.items()}
        folder = load_settings().cache / "shards" / hashlib.sha256(url.encode()).hexdigest()[:16]
        return cls(url, folder, system, root, listing)

    def has(self, name: str) -> bool:
        return name in self._listing

    def copy_of(self, folder: str) -> Path:
        """Folder for the copies of a subfolder; a new one if any file in it has changed but those named by a hash."""
        states = sorted(
            f"{name} {[facts.get(key) for key in _STATE]}"
            for name, facts in self._listing.items()
            if name.startswith(f"{folder}/") and not _NAMED_BY_HASH.search(name)
        )
        return self.folder / f"{folder}-{hashlib.sha256(repr(states).encode()).hexdigest()[:16]}"

    def read(self, name: str) -> bytes:
        """Read a small file without a copy; FileNotFoundError if it is missing."""
        content: bytes = self._system.cat_file(f"{self._root}/{name}")
        return content

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file to `target` unless it exists; it appears whole or not at all."""
        with self._lock:
            if target.exists():
                return
            temporary = target.with_name(f".{target.name}.{os.getpid()}")  # other processes may fetch the same file
            try:
                with disk_errors(target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                self._download(name, temporary)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)

    def _download(self, name: str, temporary: Path) -> None:
        with disk_errors(temporary), temporary.open("wb") as file:
            file.writelines(self._read_blocks(name))
        expected, arrived = self._listing[name].get("size"), temporary.stat().st_size
        if expected is not None and expected != arrived:
            raise SourceError(f"{self.url}/{name} arrived with {arrived} of {expected} bytes; run the same again")

    def _read_blocks(self, name: str) -> Iterator[bytes]:
        try:
            with self._system.open(f"{self._root}/{name}", "rb") as source:
                while block := source.read(2**24):
                    yield block
        except OSError as error:
            raise SourceError(f"{self.url}/{name} cannot be read ({error}); run the same command again") from error
