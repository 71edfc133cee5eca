"""A small HTTP server whose answers are functions, and which misbehaves as it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

SKEW = timedelta(hours=3)  # by which a peer's clock is wrong


@dataclass(frozen=True)
class Request:
    path: str
    query: dict[str, str]
    """Of the url, and of a form in the body."""
    headers: dict[str, str]
    url_query: str


@dataclass(frozen=True)
class Reply:
    body: bytes
    kind: str = "application/json"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """What goes wrong at the n-th request (from 0) whose path begins so."""

    kind: str
    path: str = "/"
    at: int = 0


class Peer:
    """Answers, remembers every request, and serves each ordered fault once."""

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.sent: dict[str, int] = {}
        """Bytes of bodies by path."""
        self.faults: list[Fault] = []
        self.served: list[str] = []
        """Kinds of the faults that were."""
        self.on_request: Callable[[Request], None] = lambda request: None
        self.slow_s = 0.6
        self._counts: dict[Fault, int] = {}
        self._lock = threading.Lock()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                peer._serve(self)

            do_POST = do_HEAD = do_GET

            def log_message(self, *args: object) -> None:
                """Quiet."""

            def date_time_string(self, timestamp: float | None = None) -> str:
                return format_datetime(datetime.now(UTC) - SKEW, usegmt=True)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *args: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def order(self, *faults: Fault) -> None:
        with self._lock:
            self.faults += faults

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def asked(self, path: str) -> list[Request]:
        return [one for one in self.requests if one.path.startswith(path)]

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        length = int(handler.headers.get("content-length", 0))
        body = handler.rfile.read(length).decode("utf-8", "replace")
        form = dict(parse_qsl(body)) if "form" in handler.headers.get("content-type", "") else {}
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(parts.path, dict(parse_qsl(parts.query)) | form, headers, parts.query)
        with self._lock:
            self.requests.append(request)
        self.on_request(request)
        fault = self._due(request)
        try:
            self._reply(handler, self.answer(request), fault)
        except (BrokenPipeError, ConnectionResetError):
            handler.close_connection = True

    def _due(self, request: Request) -> str:
        due = ""
        with self._lock:
            for fault in self.faults:
                if request.path.startswith(fault.path):
                    seen = self._counts[fault] = self._counts.get(fault, -1) + 1
                    due = due or (fault.kind if seen == fault.at else "")
            self.served += [due] if due else []
        return due

    def _reply(self, handler: BaseHTTPRequestHandler, reply: Reply, fault: str) -> None:
        if fault == "time-out":
            time.sleep(self.slow_s)
        elif fault == "reset":
            handler.close_connection = True
            handler.connection.close()
            return
        elif fault == "429":
            reply = Reply(b"slow down", "text/plain", 429, {"Retry-After": "0"})
        elif fault == "429 until a date":
            until = format_datetime(datetime.now(UTC) - SKEW + timedelta(seconds=1), usegmt=True)
            reply = Reply(b"slow down", "text/plain", 429, {"Retry-After": until})
        elif fault in ("500", "503"):
            reply = Reply(b"<html>oops</html>", "text/html", int(fault))
        elif fault == "wrong content type":
            reply = Reply(b"<html>Please log in to the hotel's network</html>", "text/html")
        elif fault == "empty body":
            reply = Reply(b"", reply.kind)
        elif fault == "wrong bytes":
            reply = Reply(reply.body[: len(reply.body) // 2] + b"\0" * (len(reply.body) // 2), reply.kind)
        handler.send_response(reply.status)
        handler.send_header("Content-Type", reply.kind)
        handler.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command == "HEAD":
            return
        body = reply.body[: len(reply.body) // 2] if fault == "truncated body" else reply.body
        with self._lock:
            self.sent[handler.path] = self.sent.get(handler.path, 0) + len(body)
        handler.wfile.write(body)
        if fault == "truncated body":
            handler.close_connection = True


@contextmanager
def peer(answer: Callable[[Request], Reply]) -> Iterator[Peer]:
    """One that ends with the block."""
    one = Peer(answer)
    try:
        yield one
    finally:
        one.close()
