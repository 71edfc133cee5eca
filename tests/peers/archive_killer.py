"""Adds to archives in children that are killed (kill -9): `python -m peers.archive_killer PICTURES FOLDER < points`.

A point is [what, number]: the process ends at the number-th call of what. After each, another child adds the same to
the same archive, and a line of JSON says whether the first was killed and how the second ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import geoglot.index.build.units
from geoglot.index.build.build import add
from stubs import PooledColours

MODEL = PooledColours()


def _arm(what: str, number: int) -> None:
    """Make the process kill itself before, or after, a call."""
    owner, name = {"rename": (Path, "rename"), "replace": (Path, "replace"), "save": (np, "save"),
                   "encode": (PooledColours, "encode_image")}[what.split()[1]]  # fmt: skip
    original: Callable[..., Any] = getattr(owner, name)
    seen = 0

    def wrapped(*args: Any, **options: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == number and what.startswith("before"):
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **options)
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, wrapped)


def _in_child(place: Path, pictures: str, point: tuple[str, int] | None) -> int:
    child = os.fork()
    if child == 0:
        if point:
            _arm(*point)
        add(place, pictures, model=MODEL)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def main(pictures: str, folder: str) -> None:
    geoglot.index.build.units._MOST_PARTS = 5
    for index, point in enumerate(json.load(sys.stdin)):
        place = Path(folder, str(index))
        first, second = (_in_child(place, pictures, each) for each in (point, None))
        killed = os.WIFSIGNALED(first) and os.WTERMSIG(first) == signal.SIGKILL
        print(json.dumps({"killed": killed, "code": os.waitstatus_to_exitcode(second)}), flush=True)


main(*sys.argv[1:])
