"""The work folder of a long run: its finished strips, and the state from which to resume.

A run can be killed at any moment. Strips appear by rename and the state after them, so every strip that the state
mentions exists. The same command finds the folder and resumes.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from geoglot.outputs.atomic import LOCK, disk_errors, hold, write_bytes
from geoglot.outputs.own import MARK, discard, hidden_path, own_folder


def work_of(output: Path) -> Path:
    """The path of the journal of a run that writes `output`."""
    return hidden_path(output, "work")


def fingerprint(facts: Mapping[str, Any]) -> str:
    """Short hash of everything that decides a result; runs with equal fingerprints give the same bytes."""
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Journal:
    """Strips and state of one run, in a hidden folder beside its output; `run` is the fingerprint of the run."""

    def __init__(self, output: Path, run: str) -> None:
        self.folder = work_of(output).absolute()
        with disk_errors(self.folder):
            own_folder(self.folder)
        self._held = ExitStack()
        self._held.enter_context(hold(self.folder, output=output))
        self._fingerprint = run
        self._run, self._state = self.folder / "run", self.folder / "state.npz"
        if not self._run.exists() or self._run.read_text() != run or not self._state.exists():
            self.restart()

    def add_strip(self, kind: str, row: int, data: bytes, suffix: str = ".tif") -> None:
        """Keep one strip of output; `row` is its first row."""
        write_bytes(self.folder / f"{kind}-{row:09d}{suffix}", data)

    def strips(self, kind: str) -> list[Path]:
        """The strips of one kind, from the top."""
        return sorted(self.folder.glob(f"{kind}-*.*"))

    def save(self, state: Mapping[str, np.ndarray], notes: Mapping[str, Any]) -> None:
        """Record that everything up to here is finished; `notes` holds JSON values."""
        buffer = io.BytesIO()
        np.savez(buffer, __notes__=np.array(json.dumps(notes)), **state)  # type: ignore[arg-type]
        write_bytes(self._state, buffer.getvalue())

    def load(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """The last saved state and notes, or None for a fresh run."""
        if not self._state.exists():
            return None
        with np.load(self._state, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return arrays, json.loads(str(arrays.pop("__notes__")))

    def restart(self) -> None:
        """Forget everything that is finished."""
        self._wipe()
        write_bytes(self._run, self._fingerprint.encode())

    def close(self) -> None:
        """Release the folder and leave it in place, for the same run to resume."""
        self._held.close()

    def clear(self) -> None:
        """Remove the folder: the run is complete."""
        self._wipe()
        self.close()
        discard(self.folder)

    def _wipe(self) -> None:
        # The run and the state go first: after a kill in between, the strips that are left count as unfinished.
        self._run.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)
        for path in self.folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                discard(path)  # the draft of a file
            elif path.name not in (LOCK, MARK):
                path.unlink()
