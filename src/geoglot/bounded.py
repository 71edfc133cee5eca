"""Run a function of this package in a child process that has a memory and a time limit and can reach no network.

A file whose reader may crash, take all memory or never end is read there, and only text and files come back. The child
refuses to open sockets and to start programs by an audit hook that cannot be removed; Python enforces this, not the
operating system. The limits hold on Linux and, except for the memory, on macOS.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from geoglot import errors
from geoglot.errors import ChildError, GeoglotError

_REFUSED = 3  # the child's exit code for a GeoglotError, whose class and message are its last line
_FORBIDDEN = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.spawn", "os.startfile",
)  # fmt: skip
_WAIT = 20  # times the computing time that a child may take by the clock: it waits for disks and other programs
_NO_MEMORY = re.compile(r"MemoryError|bad_alloc|allocat\w* memory|memory allocation|unable to allocate", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """What a child may use beyond what it needs to start."""

    seconds: float
    """Time of computing."""
    megabytes: float
    """Memory."""
    advice: str = ""
    """The end of the message about a limit that was reached: what raises it."""


def run_bounded(task: str, *arguments: str, limits: Limits) -> str:
    """The text that `task`, a "module:function" of geoglot, returns for `arguments` in a child.

    A GeoglotError of the child is raised here again. ChildError if it reached a limit, failed or crashed; its message
    continues a sentence that begins with what was read.
    """
    command = [sys.executable, "-P", "-m", __name__, str(limits.seconds), str(limits.megabytes), task, *arguments]
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # the others reserve a GB, which counts
    }
    most = 10 + _WAIT * limits.seconds
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", timeout=most,
                              stdin=subprocess.DEVNULL)  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ChildError(f"took more than {most:.0f} s{limits.advice}") from None
    if done.returncode:
        raise _error_of(done.returncode, done.stderr, limits)
    return done.stdout


def _error_of(code: int, said: str, limits: Limits) -> GeoglotError:
    last = (said.strip().splitlines() or [""])[-1][:2000]
    if code == _REFUSED:
        name, _, message = last.partition(": ")
        return getattr(errors, name, ChildError)(message)
    if -code in (signal.SIGXCPU, signal.SIGKILL):
        return ChildError(f"took more than {limits.seconds:.3g} s of computing{limits.advice}")
    if lacks_memory(said):
        return ChildError(f"needs more than {limits.megabytes:.0f} MB of memory{limits.advice}")
    return ChildError(f"crashed the library that reads it (signal {-code})" if code < 0 else last)


def lacks_memory(said: str) -> bool:
    """Whether an error says that there is no memory left; every library has its own words for it."""
    return bool(_NO_MEMORY.search(said))


def _main(seconds: str, megabytes: str, task: str, *arguments: str) -> str:
    module, _, name = task.partition(":")
    function: Callable[..., str] = getattr(import_module(module), name)
    sys.addaudithook(_refuse)
    _bound(float(seconds), int(float(megabytes) * 2**20))
    return function(*arguments)


def _bound(seconds: float, spare: int) -> None:
    """Limit this process to `seconds` of computing and `spare` bytes above what it has used so far."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    status = Path("/proc/self/status")
    if status.is_file() and (match := re.search(r"VmData:\s+(\d+) kB", status.read_text())):
        limit = int(match[1]) * 1024 + spare
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"a file may not do this: {event}")


if __name__ == "__main__":
    try:
        sys.stdout.write(_main(*sys.argv[1:]))
    except GeoglotError as error:
        sys.stderr.write(f"\n{type(error).__name__}: {' '.join(str(error).split())}\n")
        sys.exit(_REFUSED)
    except BaseException as error:  # noqa: BLE001  the parent reports any error as one sentence
        sys.stderr.write(f"\n{type(error).__name__}: {' '.join(str(error).split())}\n")
        sys.exit(1)
