"""Answers that are packed too closely, never end or are too large, and addresses that are none."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from geoglot.errors import GeoglotError, InputError, ServiceError, SourceError
from geoglot.pairs.collect.stage import run_parallel
from geoglot.web.client import RequestPolicy, WebClient, host_of
from geoglot.web.response import HostError, TooLargeError, plain

POLICY = RequestPolicy(per_second=1000.0, retries=1, timeout_s=0.2, wait_s=0.01, most_mb=1)


@contextmanager
def says(answer: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that sends raw bytes; its address, and the heads of the requests that came."""
    asked: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                caller = listener.accept()[0]
            except OSError:
                return
            with caller:
                try:
                    asked.append(caller.recv(65_536))
                    answer(caller)
                except OSError:
                    continue

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x", asked
    finally:
        listener.close()


def whole(body: bytes, head: str = "") -> Callable[[socket.socket], None]:
    text = f"HTTP/1.1 200 OK\r\n{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return lambda caller: caller.sendall(text.encode() + body)


def drips(start: bytes) -> Callable[[socket.socket], None]:
    def send(caller: socket.socket) -> None:
        caller.sendall(start)
        for _ in range(40):
            caller.sendall(b"X")
            time.sleep(0.05)

    return send


def fetched(answer: Callable[[socket.socket], None]) -> tuple[object, list[bytes]]:
    web = WebClient({"127.0.0.1"}, POLICY)
    try:
        with says(answer) as (url, asked):
            try:
                return web.json(url), asked
            except GeoglotError as error:
                return error, asked
    finally:
        web.close()


def test_an_answer_is_unpacked_no_further_than_its_limit() -> None:
    bomb = gzip.compress(b" " * 40_000_000)
    assert len(bomb) < 50_000
    error, asked = fetched(whole(bomb, "Content-Encoding: gzip\r\n"))
    assert isinstance(error, TooLargeError) and "larger than 1 MiB; web.most_mb" in str(error)
    assert b"accept-encoding: gzip\r\n" in asked[0].lower()
    assert fetched(whole(gzip.compress(b'{"a": 1}'), "Content-Encoding: gzip\r\n"))[0] == {"a": 1}


@pytest.mark.parametrize(
    ("packing", "body"),
    [
        ("deflate", zlib.compress(b"{}")), ("br", b"x"), ("zstd", b"x"), ("gzip", b"x"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0)),
        ("gzip", gzip.compress(b'{"a": 1}', mtime=0)[:-9]),
    ],
)  # fmt: skip
def test_other_packings_and_damaged_ones_are_told(packing: str, body: bytes) -> None:
    error, asked = fetched(whole(body, f"Content-Encoding: {packing}\r\n"))
    assert isinstance(error, ServiceError) and "failed 2 times (DecodingError" in str(error)
    assert len(asked) == 2


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nA: ", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"])
def test_one_time_limit_covers_head_and_body(monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
    monkeypatch.setattr("geoglot.web.client._MOST_TIMEOUTS", 2)
    error, asked = fetched(drips(start))
    assert isinstance(error, ServiceError) and "does not end within 0.4 s" in str(error)
    assert "web.timeout_s" in str(error) and len(asked) == 1  # it would not end at the next try either


def test_json_is_read_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoglot.web.response._MOST_JSON", 100)
    error, _ = fetched(whole(b"[" + b"[]," * 100 + b"[]]"))
    assert isinstance(error, TooLargeError) and "MiB of JSON" in str(error)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://", "http://[bad", "http://a:port/", "//a", "ftp://a", ""]
)
def test_an_address_of_a_recipe_has_a_host(url: str) -> None:
    with pytest.raises(InputError, match=r"imagery\.stac\.url must be an address such as"):
        host_of(url, "imagery.stac.url")
    assert host_of("http://user:word@[::1]:8000/x", "x") == "::1"
    with pytest.raises(InputError, match="printable ASCII"):
        WebClient({"a"}, agent="me\r\nHost: b")


def test_hosts_that_nobody_named_are_no_service_that_is_down() -> None:
    def work(number: int) -> None:
        if number < 20:
            raise HostError(f"the recipe does not allow {number}")

    done: list[int] = []
    assert len(run_parallel(range(30), work, 1, done.append)) == 20 and done[-1] == 30


def test_texts_of_services_hold_no_control_characters() -> None:
    assert plain("a\x1b[2J\x00\ud800é\n") == "a [2J  é\n" and len(plain("a" * 10**6)) == 1000
    with pytest.raises(SourceError, match="HTTP 404: no forged"):
        raise fetched(lambda caller: caller.sendall(b"HTTP/1.1 404 N\r\nConnection: close\r\n\r\nno\r\nforged"))[0]  # type: ignore[misc]
