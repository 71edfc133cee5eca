"""A child process of the server, in which everything that opens a file of a user or runs a model is done.

The server sends a task and its body; the child answers with reports of progress, and then a document with bytes, or an
error. It has a memory limit, opens no connection to a network, and ends when the server does, even if that is killed.
"""

from __future__ import annotations

import os
import queue
import resource
import sys
import threading
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any, BinaryIO

from geoglot.app.frames import encode_frame, read_frame
from geoglot.errors import GeoglotError
from geoglot.settings import load_settings

Report = Callable[..., None]
"""Called with facts of a job that changed: done, total, version."""
Done = tuple[dict[str, Any], bytes]
_FORBIDDEN = ("socket.connect", "socket.bind", "socket.getaddrinfo")
#: What a child may be asked to do; modules are imported when they are needed
TASKS = {
    "scene": "geoglot.app.pictures:describe_scene",
    "picture": "geoglot.app.pictures:scene_tile",
    "thumbnail": "geoglot.app.pictures:scene_thumbnail",
    "score": "geoglot.app.pictures:score_tile",
    "archive": "geoglot.app.of_archives:describe_archive",
    "chip": "geoglot.app.of_archives:chip_picture",
    "items": "geoglot.app.of_archives:list_items",
    "warm": "geoglot.app.of_scenes:warm",
    "heat": "geoglot.app.of_scenes:do_heat",
    "find": "geoglot.app.of_scenes:do_find",
    "segment": "geoglot.app.of_scenes:do_segment",
    "ask": "geoglot.app.of_scenes:do_ask",
    "teach": "geoglot.app.of_labels:do_teach",
    "search": "geoglot.app.of_archives:do_search",
    "change": "geoglot.app.of_changes:do_change",
    "audit": "geoglot.app.of_audits:do_audit",
    "audited": "geoglot.app.of_audits:read_audit",
    "polygons": "geoglot.app.of_areas:read_polygons",
}


def main(nice: int) -> None:
    """Do tasks, one after the other, until the server closes the pipe; `nice` is how far others go first."""
    os.nice(nice)
    source, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between the frames
    _limit()
    tasks = queue.SimpleQueue[dict[str, Any]]()
    threading.Thread(target=_listen, args=(source, tasks), daemon=True).start()
    while True:
        _do(tasks.get(), answers)


def _listen(source: BinaryIO, tasks: queue.SimpleQueue[dict[str, Any]]) -> None:
    while (frame := read_frame(source)) is not None:
        tasks.put(frame)
    os._exit(0)  # the server is gone, and nobody waits for what is being done


def _do(task: dict[str, Any], answers: BinaryIO) -> None:
    def send(document: dict[str, Any], payload: bytes = b"") -> None:
        answers.write(encode_frame(document, payload))
        answers.flush()

    def report(**facts: Any) -> None:
        send({"report": facts})

    try:
        module, _, name = TASKS[task["task"]].partition(":")
        function: Callable[[dict[str, Any], Report], Done] = getattr(import_module(module), name)
        document, payload = function(task["body"], report)
        send({"done": document}, payload)
    except GeoglotError as error:
        send({"error": {"kind": type(error).__name__, "message": str(error)}})
    except MemoryError:
        send({"error": {"kind": "LimitError", "message": "this needs more memory than a job may have"}})
    except Exception as error:  # noqa: BLE001  the server names it, and the child goes on
        traceback.print_exc()
        message = f"a fault of geoglot: {type(error).__name__}: {str(error)[:200]}"
        send({"error": {"kind": "Fault", "message": message}})


def _limit() -> None:
    def refuse(event: str, _: tuple[Any, ...]) -> None:
        if event in _FORBIDDEN:
            raise PermissionError(f"a job of the map opens no connection: {event}")

    sys.addaudithook(refuse)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = load_settings().serve_mb * 2**20
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


if __name__ == "__main__":
    main(int(sys.argv[1]))
