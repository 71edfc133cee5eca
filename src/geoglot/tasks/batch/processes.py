"""Processes that share the scenes of a batch. One that dies costs the scene that it worked on, and no other."""

from __future__ import annotations

import logging
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from geoglot.errors import GeoglotError, InputError
from geoglot.settings import load_settings
from geoglot.tasks.batch.work import Outcome, Work

EACH_MB = 1500
"""Memory of a process with ten classes and polygons over a scene of any size (benchmarks/memory.py), rounded up."""
_LEAST_CACHE_MB = 16
_COMMAND = [sys.executable, "-P", "-m", "geoglot.tasks.batch.child"]
_ON_THE_WAY = ("progress", "log")
_Message = tuple[str, int, Any]
"""What it is, the number of the process, and what it says."""


def fit_memory(jobs: int) -> int:
    """How many processes at once the free memory allows, up to `jobs`; all where it is unknown."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free_mb = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) // 1024
    except (OSError, StopIteration, ValueError, IndexError):
        return jobs
    return max(1, min(jobs, free_mb // EACH_MB))


def run_processes(
    works: Sequence[Work], jobs: int, share: int, told: Callable[[Outcome], None], tell: Callable[..., None]
) -> None:
    """Do works in `jobs` processes; each has one of `share` parts of the threads and of the memory for blocks.

    `told` is called with every outcome, and `tell` with the progress of a process, both in this thread. Whatever ends
    the call ends the processes. Raises the error that a process met which holds for all scenes.
    """
    messages, todo, lock = queue.SimpleQueue[_Message](), iter(works), threading.Lock()
    children = [_Child(number, share) for number in range(1, jobs + 1)]

    def serve(child: _Child) -> None:
        try:
            while True:
                with lock:
                    work = next(todo, None)
                if work is None:
                    break
                for kind, what in child.do(work):
                    messages.put((kind, child.number, what))
        except BaseException as error:  # noqa: BLE001 - the thread that waits raises it
            messages.put(("broken", child.number, error))

    try:
        for child in children:
            threading.Thread(target=serve, args=(child,), daemon=True).start()
        left = len(works)
        while left:
            kind, number, what = messages.get()
            if kind == "progress":
                tell(number, *what)
            elif kind == "log":
                name, level, text = what
                logging.getLogger(name).log(level, "%s", text)
            elif kind == "outcome":
                left -= 1
                told(what)
            elif kind == "broken":
                raise what
            else:
                message, exit_code = what
                raise (InputError if exit_code == InputError.exit_code else GeoglotError)(message)
    finally:
        with lock:
            todo = iter(())
        for child in children:
            child.end()


class _Child:
    """One process, which is started when there is work, and again after it died."""

    def __init__(self, number: int, share: int) -> None:
        self.number, self._share, self._ended = number, share, False
        self._process: subprocess.Popen[bytes] | None = None
        self._talk: Connection
        self._said: Any = None

    def do(self, work: Work) -> Iterator[tuple[str, Any]]:
        """What the process says about a work; the last is its outcome."""
        process = self._start()
        try:
            self._talk.send(work)
            while True:
                kind, what = self._talk.recv()
                yield kind, what
                if kind not in _ON_THE_WAY:
                    return
        except (EOFError, OSError):
            if not self._ended:
                yield "outcome", Outcome(work.scene, "failed", reason=self._why(process))

    def end(self) -> None:
        """End the process at once; what it keeps on disk is resumed by the next run."""
        self._ended = True
        if self._process is not None:
            self._process.kill()
            self._close(self._process)
            self._said.close()

    def _close(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for the end of a process; returns its exit code."""
        code = process.wait()
        with suppress(OSError):  # a work that it did not take
            self._talk.close()
        return code

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        settings = load_settings()
        processors = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        threads = max(1, (settings.threads or processors) // self._share)
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "OMP_NUM_THREADS": str(threads),
            "GEOGLOT_THREADS": str(threads),
            "GEOGLOT_RASTER_CACHE_MB": str(max(_LEAST_CACHE_MB, settings.raster_cache_mb // self._share)),
        }
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        self._talk, its = Pipe()
        with its:
            self._process = subprocess.Popen(
                [*_COMMAND, str(its.fileno())], env=environment, pass_fds=[its.fileno()], stdin=subprocess.DEVNULL,
                stdout=self._said, stderr=self._said, start_new_session=True,
            )  # fmt: skip
        return self._process

    def _why(self, process: subprocess.Popen[bytes]) -> str:
        """Why a process died, as far as that can be known."""
        code = self._close(process)
        self._said.seek(0)
        last = self._said.read().decode(errors="replace").strip().rpartition("\n")[2]
        self._said.close()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"its process ended ({how}): it crashed, or the memory was not enough{f': {last}' if last else ''}"
