"""A map of the scene of the demo, for tests: its server in a thread, with the children that it has for users."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import uvicorn

from geoglot.app.guard import Rules
from geoglot.app.server import Serve, create_app
from geoglot.demo import SCENE
from geoglot.index.build.build import add
from geoglot.settings import Settings

TOKEN = "0123456789abcdef-token"


@dataclass(frozen=True)
class Answer:
    """An answer of the server."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """A running map."""

    port: int

    def ask(
        self, path: str, body: Any = None, *, method: str | None = None, key: str = TOKEN,
        headers: dict[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        """Ask by the path that holds the token, unless `key` is empty."""
        prefix = f"/key/{key}" if key else ""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"content-type": "application/json"} | (headers or {})
        request = Request(f"http://127.0.0.1:{self.port}{prefix}{path}", data, sent, method=method)
        try:
            with urlopen(request, timeout=120) as answer:
                return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())
        except HTTPError as error:
            with error:
                return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())

    def run(self, kind: str, body: dict[str, Any]) -> Any:
        """A job, when it has ended."""
        job = self.ask(f"/api/jobs/{kind}?wait=30", body).json()
        while job.get("state") in ("queued", "running"):
            time.sleep(0.2)
            job = self.ask(f"/api/jobs/{job['id']}").json()
        return job


@contextmanager
def serve(places: list[Path], cache: Path, basemap: str | None = None, **rules: Any) -> Iterator[Served]:
    """Serve some places."""
    app = create_app(Serve(places, Rules(TOKEN, **rules), basemap=basemap), Settings(cache=cache))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.05)
    try:
        yield Served(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(30)


def copy_demo(folder: Path) -> Path:
    """The scene of the demo in a folder of a test."""
    return Path(shutil.copy(SCENE, folder / "scene.tif"))


@contextmanager
def serve_demo(folder: Path) -> Iterator[Served]:
    """A map of the scene of the demo and of an archive of it."""
    scene = copy_demo(folder)
    add(folder / "archive", [scene])
    with serve([scene, folder / "archive"], folder / "cache") as running:
        yield running
