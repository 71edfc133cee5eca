"""The sealed record of a run: the files that it made, each with its size and sha256.

The record is part of the manifest beside an output. While files are being written it is a hidden ledger. It is sealed
by the sha256 of its own text, so an edited record proves nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from geoglot.errors import SourceError
from geoglot.hashing import sha256_of
from geoglot.tables import parse_json, read_text

KEY = "made"


@dataclass(frozen=True)
class Proof:
    """Evidence that a run made a file."""

    path: str
    """Relative to the folder of the record."""
    bytes: int
    sha256: str
    run: str
    """Fingerprint of the run."""

    @classmethod
    def of(cls, file: Path, path: str, run: str) -> Proof:
        """The proof for a draft `file` that will be moved to `path`."""
        return cls(path, file.stat().st_size, sha256_of(file), run)

    def fits(self, path: Path) -> bool:
        """Whether a file is unchanged since it was made. It is hashed only if the size is right."""
        regular = path.is_file() and not path.is_symlink()
        return regular and path.stat().st_size == self.bytes and sha256_of(path) == self.sha256


@dataclass(frozen=True)
class Record:
    """What one run of a command made."""

    door: str
    """The command."""
    output: str
    """File name of the main output."""
    run: str
    proofs: tuple[Proof, ...] = ()

    def is_about(self, door: str, output: Path) -> bool:
        """Whether the record belongs to this output of this command."""
        return (self.door, self.output) == (door, output.name)

    def sealed(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document with this record as its last entry."""
        files = [asdict(proof) for proof in self.proofs]
        made = {"by": self.door, "output": self.output, "run": self.run, "files": files}
        as_read_back = json.loads(json.dumps({**document, KEY: made}, default=str))  # tuples are lists, paths text
        return {**document, KEY: made | {"seal": _seal(as_read_back)}}


def read_record(path: Path) -> Record | None:
    """The record in a file; None if it holds none, or one that was changed since it was sealed."""
    try:
        document = parse_json(read_text(path).body) if path.is_file() and not path.is_symlink() else {}
        made = document[KEY]
        if made["seal"] != _seal(document):
            return None
        proofs = tuple(Proof(**proof) for proof in made["files"])
        record = Record(made["by"], made["output"], made["run"], proofs)
    except (SourceError, ValueError, KeyError, TypeError, RecursionError):
        return None
    texts = (record.door, record.output, record.run, *(text for proof in proofs for text in (proof.path, proof.run)))
    return record if all(isinstance(text, str) for text in texts) else None


def _seal(document: Mapping[str, Any]) -> str:
    made = {key: value for key, value in document[KEY].items() if key != "seal"}
    text = json.dumps({**document, KEY: made}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
