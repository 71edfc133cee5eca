"""A client for web services that keeps their pace, retries, and only talks to the hosts that a recipe names.

A request that fails for now (time-out, 429, 5xx, a body that breaks off or cannot be read) is sent again after a pause
that grows, and never sooner than the service allows; when no try is left it is a ServiceError. A request that no retry
can help (404, a redirect to a foreign host, too large a body) is a SourceError at once. No message holds a secret.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar, Unpack
from urllib.parse import urlsplit

from geoglot.aliases import Amount, Count, Positive
from geoglot.errors import GeoglotError, InputError, MissingExtraError, ServiceError, SourceError
from geoglot.web.redaction import redact, unsigned, unsigned_text
from geoglot.web.response import HTTPStatusError, Response, RetryableError, json_of, shown_url

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")
_MOST_TIMEOUTS = 20  # an answer must be complete after this many time-outs, however steadily it drips
_MOST_REQUESTS = 20_000  # in one search: some millions of photos


@dataclass(frozen=True)
class RequestPolicy:
    """Pace, retries and time-outs of requests."""

    per_second: Positive = 1.0
    """Requests to one service; Flickr allows 3,600 an hour."""
    retries: Amount = 5
    """How often a failed request is sent again."""
    timeout_s: Positive = 30.0
    """The longest wait for the next byte; a whole answer may take 20 times as long."""
    wait_s: Positive = 1.0
    """The pause before the first retry; it doubles with each retry."""
    longest_wait_s: Positive = 300.0
    """The longest pause. A service that asks for a longer one is left alone until the next run."""
    parallel: Count = 4
    """Downloads at the same time."""
    most_mb: Count = 64
    """The largest answer in MiB."""


class RequestArguments(TypedDict, total=False):
    """Arguments of `httpx2.Request`."""

    params: Mapping[str, Any] | None
    data: Mapping[str, Any]
    """The fields of a form."""
    json: Any
    headers: Mapping[str, str]


@dataclass(eq=False)
class WebClient:
    """Requests to some hosts. Any number of threads may use it."""

    hosts: Collection[str]
    """The only hosts that get requests; `*.example.org` stands for all hosts of that domain."""
    policy: RequestPolicy = field(default_factory=RequestPolicy)
    secrets: Collection[str] = ()
    """Removed from every message."""
    agent: str = "geoglot"
    network: httpx2.BaseTransport | None = None
    """Sends the requests in place of the network, such as an `httpx2.MockTransport`."""
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        check_httpx2("pairs")
        if not (self.agent.isascii() and self.agent.isprintable()):
            raise InputError(f"a contact must consist of printable ASCII characters, got {self.agent[:200]!r}")
        import httpx2

        logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs urls with their signatures
        from geoglot.web.retry import Retry
        from geoglot.web.transports import AllowedHosts, Deadline, Network, Pace, Redirects, WholeBody

        # No other packing than gzip: a small body could hold any amount.
        timeout, headers = self.policy.timeout_s, {"User-Agent": self.agent, "Accept-Encoding": "gzip"}
        network = Network(lambda: httpx2.Client(timeout=timeout, headers=headers, transport=self.network))
        seconds, raised_by = _MOST_TIMEOUTS * timeout, "; web.most_mb in the recipe allows more"
        body = WholeBody(network, self.policy.most_mb * 2**20, seconds, raised_by)
        redirects = Redirects(AllowedHosts(Deadline(body, seconds), self.hosts))
        self._pace = Pace(redirects, self.policy.per_second, lambda seconds: self.sleep(seconds))
        self._transport = Retry(self._pace, self.policy.retries, self._pause, lambda seconds: self.sleep(seconds))

    def json(self, url: str, **arguments: Unpack[RequestArguments]) -> Any:
        return self.fetch(url, json_of, **arguments)

    def fetch(
        self,
        url: str,
        read: Callable[[Response], T],
        *,
        method: str = "GET",
        paced: bool = True,
        **arguments: Unpack[RequestArguments],
    ) -> T:
        """Send a request and return `read(response)`. It is sent again if `read` raises RetryableError.

        Use `paced=False` for files, which do not count towards the service's limit of requests.
        """
        import httpx2

        from geoglot.web.retry import TRANSIENT
        from geoglot.web.transports import EndlessError

        reader = _Reader(self, url, read)
        failure: GeoglotError
        try:
            extensions = {"shown": url, "paced": paced, "read": reader}
            self._transport.handle_request(httpx2.Request(method, url, **arguments, extensions=extensions))
            return reader.value
        except GeoglotError as error:
            failure = error
        except TRANSIENT as error:
            why = str(error) if isinstance(error, RetryableError) else f"{type(error).__name__}: {error}"
            times = "once" if isinstance(error, EndlessError) else f"{self.policy.retries + 1} times"
            more = ", or allow more: web.timeout_s in the recipe" if isinstance(error, httpx2.TimeoutException) else ""
            failure = ServiceError(f"{url} failed {times} ({why}); run the same again later{more}")
        except (httpx2.InvalidURL, UnicodeError) as error:
            failure = SourceError(f"{url} is not a valid address, or redirects to one that is not ({error})")
        failure.args = (self.clean(str(failure)),)  # it may quote the request or the service
        raise failure from None

    def clean(self, text: str) -> str:
        """Remove secrets from a message, and signatures from the urls in it."""
        return unsigned_text(redact(text, self.secrets))

    def allows(self, url: str) -> bool:
        import httpx2

        from geoglot.web.transports import is_allowed

        try:
            return is_allowed(httpx2.URL(url), self.hosts)
        except httpx2.InvalidURL:
            return False

    def close(self) -> None:
        self._transport.close()

    def _pause(self, request: httpx2.Request, attempt: int, asked: float) -> float:
        if asked > self.policy.longest_wait_s:
            raise ServiceError(f"{shown_url(request)} asks to be left alone for {asked:.0f} s; run the same again then")
        if attempt < self.policy.retries:
            self._pace.rest(asked)  # all threads must wait
        # Threads must not come back together, so the pause is random.
        own = self.policy.wait_s * 2.0 ** min(attempt, 64) * random.uniform(0.5, 1.0)
        return max(min(own, self.policy.longest_wait_s), asked)


class SearchSession:
    """The requests of one search, bounded in number: a service may always have more."""

    def __init__(self, web: WebClient) -> None:
        self._web, self._left = web, _MOST_REQUESTS

    def fetch(
        self, url: str, read: Callable[[Response], T], *, method: str = "GET", **arguments: Unpack[RequestArguments]
    ) -> T:
        """Call `WebClient.fetch`; ServiceError after too many requests."""
        self._left -= 1
        if self._left < 0:
            raise ServiceError(self._web.clean(f"{url} has no end: one search took {_MOST_REQUESTS:,} requests"))
        return self._web.fetch(url, read, method=method, **arguments)


def host_of(url: str, name: str) -> str:
    """The host of an address in a recipe; InputError unless it is one of http or https. `name` is that of the field."""
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port != 0 and parts.scheme in ("http", "https") else None
    except ValueError:
        host = None
    if not host or not url.isprintable():
        raise InputError(f"{name} must be an address such as https://example.org/api, got {unsigned(url)[:200]!r}")
    return host


def check_httpx2(extra: str) -> None:
    """Raise MissingExtraError if httpx2 is not installed; `extra` is the extra of geoglot that brings it."""
    try:
        import httpx2  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("httpx2", extra) from error


class _Reader(Generic[T]):
    """Reads the response to each try of one request, and keeps the last value."""

    value: T

    def __init__(self, client: WebClient, url: str, read: Callable[[Response], T]) -> None:
        self._client, self._url, self._read, self._last = client, url, read, b""

    def __call__(self, response: httpx2.Response) -> None:
        """Raise HTTPStatusError for status 4xx, and SourceError if the same broken picture comes twice."""
        status, url = response.status_code, shown_url(response.request)
        if status >= 400:
            text = self._client.clean(" ".join(response.content.decode("utf-8", "replace").split()))
            words = f": {text[:200]}" if text and not text.startswith("<") else ""
            raise HTTPStatusError(f"{url} answers HTTP {status}{words}", status)
        content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        part = response.headers.get("content-range", "") if status == 206 else ""
        try:
            etag = response.headers.get("etag", "")
            self.value = self._read(Response(url, response.content, content_type, part, etag))
        except RetryableError as error:
            if response.content and response.content == self._last and content_type.startswith("image/"):
                raise SourceError(f"{self._url} is not a picture that can be read ({error})") from None
            self._last = response.content
            raise
