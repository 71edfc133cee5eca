"""Requests of strangers: whatever they ask, no file leaves, nothing crashes, and the map goes on.

GEOGLOT_FUZZ=100 asks a hundred times as many.
"""

from __future__ import annotations

import http.client
import json
import os
import random
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mapserver import TOKEN, Served

COUNT = 300 * int(os.environ.get("GEOGLOT_FUZZ", "1"))
NAMES = [
    "..", "../..", "%2e%2e", "..%2f..%2f..%2fetc%2fpasswd", "/etc/passwd", "file:///etc/passwd", "/vsicurl/http://x/a",
    "http://169.254.169.254/", "null", "-1", "0", "1e999", "nan", "9" * 400, "a" * 3000, "", " ", ".", "\u202e", "%00",
    "%ff", "<script>", "' or 1=1 --", "{}", "[]", "true", "*", "x.txt", "C:\\windows", "\ud83d", "__class__", "$(id)",
]  # fmt: skip
VALUES: list[Any] = [
    *NAMES,
    None,
    True,
    -1,
    0,
    1e308,
    2**70,
    [],
    {},
    [[]],
    {"a": {"b": []}},
    ["x"] * 2000,
    "a" * 100_000,
]


def test_hostile_requests_get_nothing_and_stop_nothing(served: Served, scene: str, heat: dict[str, Any]) -> None:
    schema = served.ask("/api/openapi.json").json()
    rng, secret = random.Random(0), (Path("/etc/passwd").read_text().splitlines() or ["root"])[0].encode()
    for number in range(COUNT):
        method, path, body = make(rng, schema, [scene, str(heat["id"]), "mini"])
        key = rng.choice([f"/key/{TOKEN}"] * 9 + ["", "/key/wrong", "/key/", f"/key/{TOKEN}x"])
        status, answer = ask(served, method, key + path, body)
        told = (number, method, key + path, body[:300], answer[:300])
        assert status < 500 or status == 501, told
        assert secret not in answer, told
        if key != f"/key/{TOKEN}":
            assert status in (400, 401, 404), told
    assert served.ask("/api/state").status == 200
    for job in served.ask("/api/jobs").json():
        if job["state"] in ("queued", "running"):
            served.ask(f"/api/jobs/{job['id']}", method="DELETE")


def make(rng: random.Random, schema: dict[str, Any], known: list[str]) -> tuple[str, str, bytes]:
    """A request to a route of the description, with values that nobody means."""
    path = rng.choice(list(schema["paths"]))
    operation = rng.choice(list(schema["paths"][path]))
    while "{" in path:
        start, _, rest = path.partition("{")
        name = rng.choice(NAMES + known * 6)
        path = start + quote(name, safe="%", errors="surrogatepass") + rest.partition("}")[2]
    if rng.random() < 0.5:
        key = rng.choice(["limit", "bbox", "datetime", "wait", "side", "name", "offset", "ids", "intersects", "x"])
        path += f"?{key}={quote(rng.choice(NAMES), safe='%', errors='surrogatepass')}"
    method = (
        operation.upper() if rng.random() < 0.9 else rng.choice(["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"])
    )
    if "events" in path or "wait=" in path:
        path = path.partition("?")[0]
    return method, path, make_body(rng, known) if method in ("POST", "PUT", "PATCH") else b""


def make_body(rng: random.Random, known: list[str]) -> bytes:
    if rng.random() < 0.2:
        return rng.choice(
            [b"", b"\xff\xfe", b"{", b"[" * 50_000, b'{"a":1e99999}', b"null", b'"\\ud800"', rng.randbytes(500)]
        )
    fields = [
        "scene",
        "archive",
        "words",
        "text",
        "question",
        "model",
        "options",
        "read",
        "area",
        "labels",
        "name",
        "like",
    ]
    body = {field: rng.choice(VALUES) for field in rng.sample(fields, rng.randint(0, 6))}
    if rng.random() < 0.7:
        body |= {"scene": known[0], "words": rng.choice(VALUES)}
    if rng.random() < 0.3:
        options = [
            "min_score",
            "area",
            "points",
            "vectors",
            "templates",
            "background",
            "evidence",
            "top",
            "where",
            "bbox",
        ]
        body["options"] = {name: rng.choice(VALUES) for name in rng.sample(options, 2)}
    return json.dumps(body).encode("utf-8", "surrogatepass")


def ask(served: Served, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    """The status and the first bytes of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=120)
    try:
        connection.putrequest(method, path.replace(" ", "%20") or "/", skip_accept_encoding=True)
        connection.putheader("content-type", "application/json")
        connection.putheader("content-length", str(len(body)))
        connection.endheaders()
        connection.send(body)
        answer = connection.getresponse()
        return answer.status, answer.read(200_000)
    finally:
        connection.close()
