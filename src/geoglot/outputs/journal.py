"""The work folder of a long run: its finished strips, and the state from which to resume.

A run can be killed at any moment. Strips appear by rename and the state after them, so every strip that the state
mentions exists. The same command finds the folder and resumes.
"""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, BadZipFile

import numpy as np
from rasterio.errors import RasterioError

from geoglot.errors import OutputError
from geoglot.outputs.atomic import disk_errors, hold, write_bytes
from geoglot.outputs.own import LOCK, discard, empty, hidden_path, own_folder

_DAMAGED = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    RecursionError,
    MemoryError,
    BadZipFile,
    RasterioError,
)


def work_of(output: Path) -> Path:
    """The path of the journal of a run that writes `output`."""
    return hidden_path(output, "work")


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
        if not self._run.exists() or self._run.read_bytes() != run.encode() or not self._state.exists():
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
        # numpy would leave a damaged file open that it opened itself.
        with self.damage_errors(), self._state.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if any(entry.compress_type != ZIP_STORED for entry in stored.zip.infolist()):
                raise ValueError("it is compressed")  # a few bytes could become any number
            arrays = {name: stored[name] for name in stored.files}
            return arrays, json.loads(str(arrays.pop("__notes__")))

    @contextmanager
    def damage_errors(self) -> Iterator[None]:
        """Turn whatever goes wrong while the files of an earlier run are read into an OutputError of one sentence."""
        try:
            yield
        except _DAMAGED as error:
            why = str(error)[:100] or type(error).__name__
            raise OutputError(
                f"{self.folder}, from which this run would resume, is damaged ({why}); remove it to start again"
            ) from error

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
        empty(self.folder, keep=(LOCK,), first=(self._run.name, self._state.name))
