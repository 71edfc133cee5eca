"""Collects in children that are killed (kill -9) where a file is to appear: `python -m peers.killer RECIPE < points`.

A point is [part of the path, how many of such have appeared, "before" or "after" the rename]; after each child a line
of JSON says whether it was killed, and what pictures were there.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path


def _arm(part: str, number: int, when: str) -> None:
    """Make the process kill itself at a rename."""
    seen = 0

    def wrapped(original):  # type: ignore[no-untyped-def]
        def rename(self, target):  # type: ignore[no-untyped-def]
            nonlocal seen
            mine = part in str(target)
            seen += mine
            if mine and seen == number and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = original(self, target)
            if mine and seen == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return rename

    Path.replace, Path.rename = wrapped(Path.replace), wrapped(Path.rename)  # type: ignore[method-assign]


def main(recipe: str) -> None:
    # What children need, once: each of them would read it again.
    import httpx2  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import pystac_client.stac_api_io  # noqa: F401
    from PIL import JpegImagePlugin  # noqa: F401

    from geoglot.pairs.collect.collect_recipe import PairsRecipe
    from geoglot.pairs.collect.collect_run import collect_pairs
    from geoglot.recipe import read_recipe

    output = read_recipe(Path(recipe), PairsRecipe).output
    for part, number, when in json.load(sys.stdin):
        child = os.fork()
        if child == 0:
            if part:
                _arm(part, number, when)
            os._exit(3 if collect_pairs(Path(recipe)).failed else 0)
        status = os.waitpid(child, 0)[1]
        pictures = sorted(str(path.relative_to(output)) for path in output.glob("pictures/*/*") if path.name[0] != ".")
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        code = None if killed else os.waitstatus_to_exitcode(status)
        print(json.dumps({"killed": killed, "code": code, "pictures": pictures}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
