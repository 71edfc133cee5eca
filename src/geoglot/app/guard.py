"""Who may ask: a secret token, the same origin, bounded bodies, and headers that forbid everything else to a page."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from geoglot.errors import InputError

#: Bytes of the body of a request that is no dropped file
MOST_BODY = 8 * 2**20
_LOCAL = {"127.0.0.1", "localhost", "[::1]", "testserver"}
_KEY = re.compile(r"/key/([^/]+)(/.*|$)")
_UPLOADS = ("/api/scenes", "/api/pictures", "/api/areas", "/samgeo/segment/")
_SAFE = ("GET", "HEAD", "OPTIONS")
_TILES = re.compile(r"https?://[\w.-]+(:\d+)?/\S*")


def origin_of(basemap: str) -> str:
    """The scheme, host and port of a base map; InputError for an address that is none of tiles."""
    if not _TILES.fullmatch(basemap) or any(f"{{{axis}}}" not in basemap for axis in "zxy"):
        raise InputError(
            f"--basemap must be an address with {{z}}, {{x}} and {{y}}, such as https://.../{{z}}/{{x}}/{{y}}.png, "
            f"got {basemap!r}"
        )
    scheme, host, *_ = urlsplit(basemap)
    return f"{scheme}://{host}"


def _headers(tiles: str) -> dict[str, str]:
    """The headers of every answer. `tiles` is the origin of a base map, which the page may ask and tell its own."""
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data: {tiles}; "
        f"font-src 'self'; connect-src 'self' {tiles}; worker-src 'self'; manifest-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'"
    )
    return {
        "content-security-policy": policy.replace(" ;", ";"),
        "x-content-type-options": "nosniff",
        "referrer-policy": "strict-origin" if tiles else "no-referrer",  # OpenStreetMap refuses pages without a name
        "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
    }


@dataclass(frozen=True)
class Rules:
    """What is asked of a request."""

    token: str
    public: bool = False
    """Whether other machines may ask; then any name of this machine is taken."""
    prefix: str = ""
    """The path under which a proxy shows the map, such as /user/me/proxy/8000."""
    most_upload: int = 512 * 2**20


class Guard:
    """ASGI middleware around the whole server."""

    def __init__(self, app: ASGIApp, rules: Rules, tiles: str = "") -> None:
        """`tiles` is the origin of a base map, if there is one."""
        self._app, self._rules, self._headers = app, rules, _headers(tiles)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on with its answer under the headers."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        scope = _without_key(scope, self._rules)
        if refusal := self._refuse(scope, headers):
            await self._answer(send, *refusal)
            return
        opening = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        if opening and scope["path"] == "/":
            cookie = (
                f"{_cookie_name(scope)}={self._rules.token}; HttpOnly; SameSite=Lax; Path={self._rules.prefix or '/'}"
            )
            await self._answer(send, 303, "", {"location": "./", "set-cookie": cookie, "cache-control": "no-store"})
            return
        limited = _Limited(receive, self._most(scope))
        await self._app(scope, limited, self._with_headers(_unless_known(headers.get("if-none-match", ""), send)))

    def _refuse(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if not (self._rules.public or self._rules.prefix) and _name_of(host) not in _LOCAL:
            return 403, "the map is for this machine only; open it as localhost, or start it with --public"
        if not self._knows_token(scope, headers):
            return 401, "open the address that `geoglot serve` printed: it holds a token"
        if scope["method"] not in _SAFE and not _same_origin(headers, host):
            return 403, "a page of another origin asked for this"
        length = headers.get("content-length", "0")
        most = self._most(scope)
        if not length.isdecimal() or len(length) > 15 or int(length) > most:
            return 413, f"the body of this request has at most {most:,} bytes"
        return None

    def _most(self, scope: Scope) -> int:
        """Bytes of the body of a request; a file has a form around it."""
        return self._rules.most_upload + MOST_BODY if scope["path"].startswith(_UPLOADS) else MOST_BODY

    def _knows_token(self, scope: Scope, headers: dict[str, str]) -> bool:
        given = [scope.get("geoglot.key", "")]
        given += parse_qs(scope["query_string"].decode("latin-1")).get("token", [])[:1]
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        given += [bearer] if scheme.lower() == "bearer" else []
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(_cookie_name(scope))
        except CookieError:
            morsel = None
        given += [morsel.value] if morsel else []
        own = self._rules.token.encode()
        return any(secrets.compare_digest(each.encode("utf-8", "replace"), own) for each in given)

    def _with_headers(self, send: Send) -> Send:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                known = {name for name, _ in message["headers"]}
                extra = self._headers | ({} if b"cache-control" in known else {"cache-control": "no-store"})
                message["headers"] = [
                    *message["headers"],
                    *((name.encode(), text.encode()) for name, text in extra.items()),
                ]
            await send(message)

        return answer

    async def _answer(self, send: Send, status: int, message: str, headers: dict[str, Any] | None = None) -> None:
        body = json.dumps({"error": {"kind": "Refused", "message": message}}).encode() if message else b""
        head = self._headers | {"content-type": "application/json", "content-length": str(len(body))} | (headers or {})
        lines = [(name.encode(), value.encode()) for name, value in head.items()]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": body})


def _unless_known(tags: str, send: Send) -> Send:
    """Leaves out the body of an answer whose tag the caller knows (RFC 9110, section 13.1.2)."""
    known = False

    async def answer(message: Message) -> None:
        nonlocal known
        if message["type"] == "http.response.start" and message["status"] == 200:
            tag = dict(message["headers"]).get(b"etag", b"").decode("latin-1")
            if known := bool(tag) and tag in tags:
                message["status"] = 304
                message["headers"] = [each for each in message["headers"] if each[0] != b"content-length"]
        elif known:
            message["body"] = b""
        await send(message)

    return answer


class TooLarge(Exception):
    """A body is longer than it may be."""


class _Limited:
    """Counts the bytes of a body, whose length a request need not say."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._left = receive, most

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise TooLarge
        return message


def _without_key(scope: Scope, rules: Rules) -> Scope:
    """The request as if it had not named the token in its path; the links of answers keep it."""
    root = rules.prefix
    if match := _KEY.fullmatch(scope["path"]):
        key, path = match[1], match[2] or "/"
        return {**scope, "path": path, "raw_path": path.encode(), "geoglot.key": key,
                "geoglot.base": f"{root}/key/{key}"}  # fmt: skip
    return {**scope, "geoglot.base": root}


def _cookie_name(scope: Scope) -> str:
    """Two maps on one machine have cookies of their own, since browsers do not tell ports apart."""
    return f"geoglot-{(scope.get('server') or ('', 0))[1]}"


def _name_of(host: str) -> str:
    return host.rpartition(":")[0] if re.search(r":\d+$", host) else host


def _same_origin(headers: dict[str, str], host: str) -> bool:
    """Browsers say where a request comes from; other programs say nothing."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("x-forwarded-host", host)
