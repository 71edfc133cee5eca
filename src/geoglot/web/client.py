"""A client for services on the network: paced, patient, bound to the hosts that a recipe names.

A request that fails for now (time-out, 429, 5xx, a body that breaks off or is not what was asked for) is sent again,
later each time and never before the service says; then it is a ServiceError. A request that will not get better (404, a
redirect to a foreign host, too large) is a SourceError at once. No message holds a secret.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar, Unpack

from geoglot.aliases import Amount, Count, Positive
from geoglot.errors import GeoglotError, MissingExtraError, ServiceError, SourceError
from geoglot.web.redaction import redact, unsigned_text
from geoglot.web.response import HTTPStatusError, Response, RetryableError, json_of, shown_url

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")
_MOST_BYTES = 64 * 2**20
_MOST_TIMEOUTS = 20  # a body may take so many time-outs in all, however steadily it drips
_MOST_REQUESTS = 20_000  # of one search: some millions of photos


@dataclass(frozen=True)
class RequestPolicy:
    """Pace, retries and time-outs of requests."""

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


class RequestArguments(TypedDict, total=False):
    """Of an `httpx2.Request`."""

    params: Mapping[str, Any] | None
    data: Mapping[str, Any]
    """Of a form."""
    json: Any
    headers: Mapping[str, str]


@dataclass(eq=False)
class WebClient:
    """Requests to some hosts. Any number of threads may use it."""

    hosts: Collection[str]
    """The only hosts that get requests; `*.example.org` names all below one."""
    policy: RequestPolicy = field(default_factory=RequestPolicy)
    secrets: Collection[str] = ()
    """Removed from every message."""
    agent: str = "geoglot"
    network: httpx2.BaseTransport | None = None
    """Sends the requests in place of the network, such as an `httpx2.MockTransport`."""
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        check_httpx2("pairs")
        logging.getLogger("httpx2").setLevel(logging.WARNING)  # it would log urls with their signatures
        from geoglot.web.retry import Retry
        from geoglot.web.transports import AllowedHosts, Network, Pace, Redirects, WholeBody

        body = WholeBody(Network(self._connect), _MOST_BYTES, _MOST_TIMEOUTS * self.policy.timeout_s)
        redirects = Redirects(AllowedHosts(body, self.hosts))
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
        """Send a request and give what `read` makes of the response; RetryableError from `read` is a new try.

        `paced=False` is for files, which the service's limit of requests does not count.
        """
        import httpx2

        from geoglot.web.retry import TRANSIENT

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
            failure = ServiceError(f"{url} failed {self.policy.retries + 1} times ({why}); run the same again later")
        except (httpx2.InvalidURL, UnicodeError) as error:
            failure = SourceError(f"{url} is or leads to no address ({error})")
        failure.args = (self.clean(str(failure)),)  # it may repeat what was sent, or what the service said
        raise failure from None

    def clean(self, text: str) -> str:
        """Remove secrets from a message, and signatures from the urls in it."""
        return unsigned_text(redact(text, self.secrets))

    def allows(self, url: str) -> bool:
        """Is the url on one of the hosts, by http or https?"""
        import httpx2

        from geoglot.web.transports import is_allowed

        try:
            return is_allowed(httpx2.URL(url), self.hosts)
        except httpx2.InvalidURL:
            return False

    def close(self) -> None:
        self._transport.close()

    def _connect(self) -> httpx2.Client:
        import httpx2

        headers = {"User-Agent": self.agent}
        return httpx2.Client(timeout=self.policy.timeout_s, headers=headers, transport=self.network)

    def _pause(self, request: httpx2.Request, attempt: int, asked: float) -> float:
        if asked > self.policy.longest_wait_s:
            raise ServiceError(f"{shown_url(request)} asks to be left alone for {asked:.0f} s; run the same again then")
        if attempt < self.policy.retries:
            self._pace.rest(asked)  # it is meant for all threads
        # At random, so that threads do not come back together.
        own = self.policy.wait_s * 2.0**attempt * random.uniform(0.5, 1.0)
        return max(min(own, self.policy.longest_wait_s), asked)


class SearchSession:
    """The requests of one search, bounded in number: a service may always have more."""

    def __init__(self, web: WebClient) -> None:
        self._web, self._left = web, _MOST_REQUESTS

    def fetch(
        self, url: str, read: Callable[[Response], T], *, method: str = "GET", **arguments: Unpack[RequestArguments]
    ) -> T:
        """As `WebClient.fetch`; ServiceError after too many requests."""
        self._left -= 1
        if self._left < 0:
            raise ServiceError(self._web.clean(f"{url} has no end: one search cost {_MOST_REQUESTS:,} requests"))
        return self._web.fetch(url, read, method=method, **arguments)


def check_httpx2(extra: str) -> None:
    """Raise MissingExtraError without httpx2, which comes with an extra of geoglot."""
    try:
        import httpx2  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("httpx2", extra) from error


class _Reader(Generic[T]):
    """Reads each response of one request, and keeps the value of the last."""

    value: T

    def __init__(self, client: WebClient, url: str, read: Callable[[Response], T]) -> None:
        self._client, self._url, self._read, self._last = client, url, read, b""

    def __call__(self, response: httpx2.Response) -> None:
        """Raise HTTPStatusError for a refusal, and SourceError for the same broken picture twice."""
        status, url = response.status_code, shown_url(response.request)
        if status >= 400:
            text = self._client.clean(response.content.decode("utf-8", "replace").strip())
            words = f": {text[:200]}" if text and not text.startswith("<") else ""
            raise HTTPStatusError(f"{url} answers HTTP {status}{words}", status)
        content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        part = response.headers.get("content-range", "") if status == 206 else ""
        try:
            self.value = self._read(Response(url, response.content, content_type, part))
        except RetryableError as error:
            if response.content and response.content == self._last and content_type.startswith("image/"):
                raise SourceError(f"{self._url} is no picture that can be read ({error})") from None
            self._last = response.content
            raise
