"""Files over HTTP with byte ranges, as object storage serves COGs, with tokens where they are asked for."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from peers.http import Fault, Peer, Reply, Request

TOKEN = "sv=2024&se=soon&sig=a-signature-of-the-test"


class Files:
    """Answers ranges of the files of a folder; with `signed`, only to urls that carry the token of /token."""

    def __init__(self, folder: Path, signed: bool = False) -> None:
        self.folder, self.signed = folder, signed

    def __call__(self, request: Request) -> Reply:
        if request.path == "/token":
            expiry = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
            return Reply(json.dumps({"token": TOKEN, "msft:expiry": expiry}).encode())
        path = self.folder / request.path.lstrip("/")
        if not path.is_file():
            return Reply(b"", "text/plain", 404)
        if self.signed and "sig=a-signature" not in request.url_query:
            return Reply(b"no public access", "text/plain", 403)
        content, kind = path.read_bytes(), "image/tiff"
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        headers = {"Accept-Ranges": "bytes"}
        if not asked:
            return Reply(content, kind, 200, headers)
        first, last = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
        if first >= len(content):
            return Reply(b"", kind, 416)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return Reply(content[first : last + 1], kind, 206, headers)


class Remote:
    """The peer in a process of its own: GDAL holds Python's lock while it opens a url, so nothing here could answer."""

    def __init__(self, folder: Path, signed: bool) -> None:
        command = [sys.executable, "-m", "peers.files", str(folder), "signed" if signed else "open"]
        self._process = subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    def log(self) -> dict[str, Any]:
        """Bytes of bodies by path and query, requests, and faults that were served."""
        with urlopen(f"{self.url}/log") as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def order(self, *faults: Fault) -> None:
        for fault in faults:
            urlopen(f"{self.url}/order?{urlencode({'kind': fault.kind, 'path': fault.path, 'at': fault.at})}").close()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def remote_files(folder: Path, signed: bool = False) -> Iterator[Remote]:
    """One that ends with the block."""
    one = Remote(folder, signed)
    try:
        yield one
    finally:
        one.close()


def _main(folder: str, signed: str) -> None:
    files = Files(Path(folder), signed == "signed")

    def answer(request: Request) -> Reply:
        if request.path == "/log":
            log = {"sent": dict(peer.sent), "served": peer.served, "requests": [one.path for one in peer.requests]}
            return Reply(json.dumps(log).encode())
        if request.path == "/order":
            peer.order(Fault(request.query["kind"], request.query["path"], int(request.query["at"])))
            return Reply(b"{}")
        return files(request)

    peer = Peer(answer)
    print(peer.url, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    _main(*sys.argv[1:])
