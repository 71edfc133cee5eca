"""A folder on object storage (s3://, gs://, https://, ...), whose files are copied to the cache when first needed."""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec

from geoglot.errors import InputError, SourceError
from geoglot.outputs.atomic import disk_errors
from geoglot.settings import load_settings

_KEPT = ("size", "ETag", "etag", "md5Hash", "LastModified", "mtime", "created")  # what storages say of a file's state


@dataclass(frozen=True, eq=False)
class Remote:
    """One folder elsewhere, and where its copies lie here. What was copied once is not looked for again."""

    url: str
    folder: Path
    """Of the copies, in the cache."""
    _system: Any
    _root: str
    _listing: dict[str, dict[str, Any]]
    """Every file by its path below the folder, as it was when the folder was opened."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, url: str) -> Remote:
        """List the folder; InputError for an address that cannot be meant, SourceError for one that does not answer."""
        try:
            system, root = fsspec.core.url_to_fs(url)
            found = system.find(root, detail=True)
        except (ImportError, ValueError) as error:  # no package for it, no such protocol; fsspec says which
            raise InputError(f"{url} cannot be opened: {error}") from error
        except OSError as error:
            raise SourceError(f"{url} cannot be listed ({error}); is the address right, and the network up?") from error
        listing = {path[len(root) :].lstrip("/"): facts for path, facts in found.items()}
        here = load_settings().cache / "pairs" / hashlib.sha256(url.encode()).hexdigest()[:16]
        return cls(url, here, system, root, listing)

    def has(self, name: str) -> bool:
        """Whether a file was there when the folder was opened."""
        return name in self._listing

    def copy_of(self, folder: str) -> Path:
        """Where a subfolder's copies lie; another place once a file in it has changed, vectors aside."""
        states = sorted(
            f"{name} {[facts.get(key) for key in _KEPT]}"
            for name, facts in self._listing.items()
            if name.startswith(f"{folder}/") and not name.startswith(f"{folder}/vectors-")
        )
        return self.folder / f"{folder}-{hashlib.sha256(repr(states).encode()).hexdigest()[:16]}"

    def read(self, name: str) -> bytes:
        """All of a small file, as it is now; FileNotFoundError without it."""
        content: bytes = self._system.cat_file(f"{self._root}/{name}")
        return content

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file to `target` unless it is there already; it appears whole or not at all."""
        with self._lock:
            if target.exists():
                return
            temporary = target.with_name(f".{target.name}.{os.getpid()}")  # processes of one run may fetch it at once
            try:
                with disk_errors(target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                self._download(name, temporary)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)

    def _download(self, name: str, temporary: Path) -> None:
        with disk_errors(temporary), temporary.open("wb") as file:
            for block in self._blocks(name):
                file.write(block)
        expected, arrived = self._listing[name].get("size"), temporary.stat().st_size
        if expected is not None and expected != arrived:
            raise SourceError(f"{self.url}/{name} arrived with {arrived} of {expected} bytes; run the same again")

    def _blocks(self, name: str) -> Any:
        try:
            with self._system.open(f"{self._root}/{name}", "rb") as source:
                while block := source.read(2**24):
                    yield block
        except OSError as error:
            raise SourceError(f"{self.url}/{name} cannot be read ({error}); run the same command again") from error
