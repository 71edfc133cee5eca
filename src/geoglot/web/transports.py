"""Layers of an HTTP client. Each is an httpx2 transport that adds one rule to the transport below it:

    Retry(Pace(Redirects(AllowedHosts(WholeBody(Network(...))))))        in client.py
    Retry(Deadline(WholeBody(Network(...))))                             in tasks/ask/chat.py

The `extensions` of a request hold options for the layers: Retry calls the function `read` with each response,
`paced=False` exempts the request from Pace, and `shown` is the url that messages show. This module needs httpx2, which
is optional, so other modules import it inside their functions.
"""

import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, wait
from dataclasses import dataclass
from fnmatch import fnmatch

import httpx2

from geoglot.errors import ServiceError, SourceError
from geoglot.web.response import TooLargeError, shown_url

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_FIRST_WORDS = 1000  # bytes of an error page
_WIRE_HEADERS = (b"content-encoding", b"content-length", b"transfer-encoding")  # no longer true of a decoded body


class Network(httpx2.BaseTransport):
    """Sends requests through an `httpx2.Client`, which handles connections, cookies, login and proxies.

    `make` is called at the first request, since a new client reads certificates slowly and many runs send nothing.
    """

    def __init__(self, make: Callable[[], httpx2.Client]) -> None:
        self._make, self._lock = make, threading.Lock()
        self._client: httpx2.Client | None = None

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        with self._lock:
            client = self._client = self._client or self._make()
        try:
            copy = client.build_request(request.method, request.url, headers=request.headers, content=request.read())
            return client.send(copy, stream=True, follow_redirects=False)
        except ValueError as error:
            raise httpx2.InvalidURL(str(error)) from error

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()


@dataclass(eq=False)
class Layer(httpx2.BaseTransport):
    """A transport on top of another one."""

    inner: httpx2.BaseTransport

    def close(self) -> None:
        self.inner.close()


@dataclass(eq=False)
class WholeBody(Layer):
    """Reads and decodes the body: TooLargeError beyond `most` bytes, ReadTimeout after `seconds`.

    It reads only the beginning of an error page, and no body of a redirect.
    """

    most: int
    seconds: float

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = self.inner.handle_request(request)
        try:
            body = b"" if response.status_code in _REDIRECTS else self._read(request, response)
        finally:
            response.close()
        headers = [(key, value) for key, value in response.headers.raw if key.lower() not in _WIRE_HEADERS]
        return httpx2.Response(response.status_code, headers=headers, content=body, request=request)

    def _read(self, request: httpx2.Request, response: httpx2.Response) -> bytes:
        body, deadline = bytearray(), time.monotonic() + self.seconds
        try:
            for block in response.iter_bytes():
                body += block
                if response.is_error and len(body) >= _FIRST_WORDS:
                    return bytes(body[:_FIRST_WORDS])
                if len(body) > self.most:
                    raise TooLargeError(f"{shown_url(request)} is larger than {self.most >> 20} MiB")
                if time.monotonic() > deadline:
                    raise httpx2.ReadTimeout("an answer that does not end")
        except (httpx2.TransportError, httpx2.DecodingError):
            if not response.is_error:  # the status of an error says enough
                raise
        return bytes(body)


@dataclass(eq=False)
class Deadline(Layer):
    """Raises ReadTimeout if the whole response takes more than `seconds`; its thread stays behind until it ends."""

    seconds: float

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        outcome: Future[httpx2.Response] = Future()

        def work() -> None:
            try:
                outcome.set_result(self.inner.handle_request(request))
            except BaseException as error:  # noqa: BLE001  `result` raises it in the thread that asked
                outcome.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        if not wait([outcome], self.seconds).done:
            raise httpx2.ReadTimeout("an answer that does not begin")
        return outcome.result()


@dataclass(eq=False)
class AllowedHosts(Layer):
    """Refuses other hosts; `*.example.org` stands for all hosts of that domain."""

    hosts: Collection[str]

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if not is_allowed(request.url, self.hosts):
            # The recipe may name the host of a request at the next run; the target of a redirect stays wrong.
            raise (SourceError if "redirected" in request.extensions else ServiceError)(
                f"the recipe does not allow {shown_url(request)}; to allow it, add its host to `hosts` of that source"
            )
        return self.inner.handle_request(request)


class Redirects(Layer):
    """Follows redirects with GET. Only the first host gets the body and headers such as Authorization."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        hop = request
        for _ in range(_MOST_REDIRECTS):
            response = self.inner.handle_request(hop)
            if response.status_code not in _REDIRECTS:
                return response
            url = hop.url.join(response.headers.get("location", ""))
            headers = {key: request.headers[key] for key in ("Range", "Accept-Encoding") if key in request.headers}
            hop = httpx2.Request("GET", url, headers=headers, extensions={"redirected": True})
        raise SourceError(f"{shown_url(hop)} redirects more than {_MOST_REDIRECTS} times")


@dataclass(eq=False)
class Pace(Layer):
    """Sends at most `per_second` requests, and none during a `rest`. Any number of threads may use it."""

    per_second: float
    sleep: Callable[[float], None]

    def __post_init__(self) -> None:
        self._lock, self._next, self._rest_until = threading.Lock(), 0.0, 0.0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.extensions.get("paced", True):
            with self._lock:
                now = time.monotonic()
                turn = max(now, self._next, self._rest_until)
                self._next = turn + 1 / self.per_second
            if turn > now:
                self.sleep(turn - now)
        return self.inner.handle_request(request)

    def rest(self, seconds: float) -> None:
        """Make all threads wait."""
        with self._lock:
            self._rest_until = max(self._rest_until, time.monotonic() + seconds)


def is_allowed(url: httpx2.URL, hosts: Collection[str]) -> bool:
    """Is this an http or https url of one of the hosts?"""
    names = (url.host, url.raw_host.decode("ascii"))  # in Unicode, and in punycode as it is sent
    return url.scheme in ("http", "https") and any(fnmatch(name, host) for name in names if name for host in hosts)
