"""Files over HTTP with byte ranges, as object storage serves COGs, with tokens where they are asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from peers.http import Peer, Reply, Request, peer

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
        size, kind = path.stat().st_size, "image/tiff"
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        headers = {"Accept-Ranges": "bytes"}
        if not asked:
            return Reply(path.read_bytes(), kind, 200, headers)
        first, last = int(asked[1]), min(int(asked[2] or size), size - 1)
        if first >= size:
            return Reply(b"", kind, 416)
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        with path.open("rb") as file:
            file.seek(first)
            return Reply(file.read(last + 1 - first), kind, 206, headers)


@contextmanager
def remote_files(folder: Path, signed: bool = False) -> Iterator[Peer]:
    """A peer that has the files of a folder, and ends with the block."""
    with peer(Files(folder, signed)) as one:
        yield one
