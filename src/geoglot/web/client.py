"""Services on the network, asked politely: at their pace, again when they falter, no host beyond those named.

What fails for now (time-outs, 429, 5xx, bodies that break off or are not what was asked for) is tried again, later each
time and never before the service says; what then still fails is a ServiceError. What will not get better (404, a
redirect to a foreign host, too large) is a SourceError at once. No message holds a secret.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from fnmatch import fnmatch
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from geoglot.aliases import Amount, Count, Positive
from geoglot.errors import GeoglotError, MissingExtraError, ServiceError, SourceError

T = TypeVar("T")
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_MOST_BYTES = 64 * 2**20
_MOST_TIMEOUTS = 20  # as long as so many time-outs an answer may take in all, however steadily it drips
_MOST_REQUESTS = 20_000  # of one search: some millions of photos
#: Parameters of a url that let their holder in: those of Azure, AWS, Google, Meta and what services call keys
_SIGNING = frozenset(
    {"sig", "signature", "token", "access_token", "api_key", "key", "st", "se", "sp", "sv", "sr", "skoid", "oh", "oe"}
)
_SIGNING_PREFIXES = ("x-amz-", "x-goog-", "awsaccesskeyid")


@dataclass(frozen=True)
class RequestPolicy:
    """How often and how long services are asked."""

    per_second: Positive = 1.0
    """Requests to one service; Flickr allows 3,600 an hour."""
    retries: Amount = 5
    """After the first request."""
    timeout_s: Positive = 30.0
    """Without a byte."""
    wait_s: Positive = 1.0
    """Before the first retry; twice as long before each next one."""
    longest_wait_s: Positive = 300.0
    """A service that asks for more is left alone until the next run."""
    parallel: Count = 4
    """Downloads at once."""


@dataclass(frozen=True)
class Response:
    """What a service sent."""

    url: str
    """Where it came from in the end, after redirects."""
    body: bytes
    content_type: str
    """Lower case, without parameters."""
    content_range: str = ""
    """Empty unless the status is 206."""


class HTTPStatusError(SourceError):
    """A service answers that it will not (HTTP 4xx)."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class RetryableError(Exception):
    """A request that failed for now, raised here and by readers of responses. It never leaves `fetch`."""

    def __init__(self, why: str, seconds: float = 0.0) -> None:
        super().__init__(why)
        self.seconds = seconds


@dataclass(eq=False)
class WebClient:
    """Requests to some hosts. Any number of threads may use it."""

    hosts: Collection[str]
    """Those that may be asked, `*.example.org` for all below one."""
    policy: RequestPolicy = field(default_factory=RequestPolicy)
    secrets: Collection[str] = ()
    """Blotted out of every message."""
    agent: str = "geoglot"

    def __post_init__(self) -> None:
        try:
            import httpx2
        except ImportError as error:
            raise MissingExtraError("httpx2", "pairs") from error
        logging.getLogger("httpx2").setLevel(logging.WARNING)  # it would log every url
        self._http = httpx2
        self._client: Any = None
        self._lock, self._next, self._rest_until = threading.Lock(), 0.0, 0.0
        self.sleep: Callable[[float], None] = time.sleep

    def json(self, url: str, **request: Any) -> Any:
        """The document at a url."""
        return self.fetch(url, json_of, **request)

    def fetch(self, url: str, read: Callable[[Response], T], **request: Any) -> T:
        """What `read` makes of the answer; it raises RetryableError for what is worth another try.

        request: method, params, data (a form), document (as JSON), headers. `limited=False` is for files, which the
        service's limit of requests does not count.
        """
        limited, failed = request.pop("limited", True), ""
        last: bytes | None = None
        for attempt in range(self.policy.retries + 1):
            if limited:
                self._take_turn()
            try:
                response = self._once(url, request)
            except RetryableError as later:
                failed = str(later)
                self._wait(attempt, later.seconds, url)
                continue
            try:
                return read(response)
            except RetryableError as error:
                failed = str(error)
                if response.body and response.body == last and response.content_type.startswith("image/"):
                    raise SourceError(self.clean(f"{url} is no picture that can be read ({error})")) from None
                last = response.body
                self._wait(attempt, 0.0, url)
            except GeoglotError as error:  # what a service says may hold what it was sent
                raise type(error)(self.clean(str(error))) from None
        raise ServiceError(
            self.clean(f"{url} failed {self.policy.retries + 1} times ({failed}); run the same again later")
        )

    def clean(self, text: str) -> str:
        """A message without secrets, and urls in it without what signs them."""
        for secret in self.secrets:
            text = text.replace(secret, "***") if secret else text
        return unsigned_text(text)

    def allows(self, url: str) -> bool:
        """Whether a url is on one of the hosts, by http or https."""
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and any(fnmatch(host, one) for one in self.hosts)

    def close(self) -> None:
        """Give back the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()

    def _open(self) -> Any:
        """The connections, from the first request on: certificates take a while to read, and most stages ask nobody."""
        with self._lock:
            if self._client is None:
                self._client = self._http.Client(timeout=self.policy.timeout_s, headers={"User-Agent": self.agent})
            return self._client

    def _once(self, url: str, request: Mapping[str, Any]) -> Response:
        """One request and its redirects."""
        arguments = {new: request[old] for old, new in _ARGUMENTS.items() if old in request}
        method, first = request.get("method", "GET"), url
        for _ in range(_MOST_REDIRECTS):
            if not self.allows(url):
                # A recipe may name it tomorrow; where one photo leads astray nothing will.
                raise (ServiceError if url == first else SourceError)(
                    f"the recipe names no host for {self.clean(url)}; add it to `hosts` of that source if it is to be "
                    "asked"
                )
            try:
                with self._open().stream(method, url, **arguments) as response:
                    if response.status_code not in _REDIRECTS:
                        return self._received(url, response)
                    url = urljoin(url, response.headers.get("location", ""))
            except (self._http.TransportError, self._http.DecodingError) as error:
                raise RetryableError(f"{type(error).__name__}: {error}") from error
            except (self._http.InvalidURL, ValueError) as error:
                raise SourceError(self.clean(f"{url} is or leads to no address ({error})")) from None
            # What was sent, keys among it, is for the first host alone.
            method, arguments = "GET", {"headers": _harmless(arguments.get("headers", {}))}
        raise SourceError(f"{self.clean(url)} redirects more than {_MOST_REDIRECTS} times")

    def _received(self, url: str, response: Any) -> Response:
        status = response.status_code
        if status in _LATER:
            raise RetryableError(f"HTTP {status}", _retry_after(response.headers))
        if status >= 400:
            text = _first_words(response)
            raise HTTPStatusError(self.clean(f"{url} answers HTTP {status}{text}"), status)
        body, longest = bytearray(), time.monotonic() + _MOST_TIMEOUTS * self.policy.timeout_s
        for block in response.iter_bytes():
            body += block
            if len(body) > _MOST_BYTES:
                raise SourceError(f"{self.clean(url)} is larger than {_MOST_BYTES >> 20} MiB")
            if time.monotonic() > longest:
                raise RetryableError("an answer that does not end")
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Response(url, bytes(body), kind, response.headers.get("content-range", "") if status == 206 else "")

    def _take_turn(self) -> None:
        """Wait until this thread's request is due."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next, self._rest_until)
            self._next = turn + 1 / self.policy.per_second
        if turn > now:
            self.sleep(turn - now)

    def _wait(self, attempt: int, asked: float, url: str) -> None:
        """Before the next attempt; what the service asks for holds for all threads."""
        if asked > self.policy.longest_wait_s:
            raise ServiceError(self.clean(f"{url} asks to be left alone for {asked:.0f} s; run the same again then"))
        if attempt == self.policy.retries:
            return
        own = (
            self.policy.wait_s * 2**attempt * random.uniform(0.5, 1.0)
        )  # apart, so that threads do not come back together
        pause = max(min(own, self.policy.longest_wait_s), asked)
        with self._lock:
            self._rest_until = max(self._rest_until, time.monotonic() + asked)
        self.sleep(pause)


class SearchSession:
    """The requests of one search. They end: a service that always has more is left."""

    def __init__(self, web: WebClient) -> None:
        self._web, self._left = web, _MOST_REQUESTS

    def fetch(self, url: str, read: Callable[[Response], T], **request: Any) -> T:
        """As `WebClient.fetch`; ServiceError where a search costs too many."""
        self._left -= 1
        if self._left < 0:
            raise ServiceError(self._web.clean(f"{url} has no end: one search cost {_MOST_REQUESTS:,} requests"))
        return self._web.fetch(url, read, **request)


@contextmanager
def known_format(service: str) -> Iterator[None]:
    """ServiceError for what comes in another form than a service's documents say."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ServiceError(
            f"{service} answers in a form that is not known ({type(error).__name__}: {error}); run the same again later"
        ) from error


_ARGUMENTS = {"params": "params", "data": "data", "document": "json", "headers": "headers"}


def _harmless(headers: Mapping[str, str]) -> dict[str, str]:
    """Those that any host may see: which part of a file is wanted, and in what form."""
    return {name: value for name, value in headers.items() if name in ("Range", "Accept-Encoding")}


def unsigned(url: str) -> str:
    """A url without the parameters that let its holder in, such as an expiring signature."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition("?")[0]
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if not _signs(name.lower())]
    if len(kept) == len(pairs):
        return url
    return urlunsplit(parts._replace(query=urlencode(kept)))


def unsigned_text(text: str) -> str:
    """A text in which urls have no such parameters."""
    return " ".join(unsigned(word) if "://" in word and "?" in word else word for word in text.split(" "))


def _signs(name: str) -> bool:
    return name in _SIGNING or name.startswith(_SIGNING_PREFIXES)


def json_of(response: Response) -> Any:
    """The document of an answer; RetryableError where it is none."""
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError) as error:
        raise RetryableError(f"{response.content_type or 'an answer without type'} that is no JSON") from error


def _retry_after(headers: Any) -> float:
    """Seconds of Retry-After; a date is told by the service's own clock where it shows that, since ours may differ."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    until = _date(text)
    if until is None:
        return 0.0
    now = _date(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _first_words(response: Any) -> str:
    """What a refusal says, if that is short and for people."""
    body = next(response.iter_bytes(200), b"").decode("utf-8", "replace").strip()
    return f": {body}" if body and not body.startswith("<") else ""
