"""Layers of an HTTP client. Each is an httpx2 transport that adds one rule to the transport below it:

    Retry(Pace(Redirects(AllowedHosts(Deadline(WholeBody(Network(...)))))))     in client.py
    Retry(Deadline(WholeBody(Network(...))))                                    in tasks/ask/chat.py

The `extensions` of a request hold options for the layers: Retry calls the function `read` with each response,
`paced=False` exempts the request from Pace, and `shown` is the url that messages show. This module needs httpx2, which
is optional, so other modules import it inside their functions.
"""

import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from fnmatch import fnmatch

import httpx2

from geoglot.errors import SourceError
from geoglot.web.response import HostError, TooLargeError, shown_url

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_FIRST_WORDS = 1000  # bytes of an error page
_BLOCK = 2**16  # bytes that are unpacked at once
_WIRE_HEADERS = (b"content-encoding", b"content-length", b"transfer-encoding")  # no longer true of a decoded body


class EndlessError(httpx2.ReadTimeout):
    """An answer, head and body, is not complete after so many seconds; it would not be at the next try either."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"an answer that does not end within {seconds:g} s")


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
    """Reads the body, which may be packed by gzip: TooLargeError beyond `most` bytes, EndlessError after `seconds`.

    It reads only the beginning of an error page, and no body of a redirect.
    """

    most: int
    seconds: float
    raised_by: str = ""
    """What raises the limit, to end a message: "; web.most_mb in the recipe allows more"."""

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
            for block in _unpacked(response):
                body += block
                if response.is_error and len(body) >= _FIRST_WORDS:
                    return bytes(body[:_FIRST_WORDS])
                if len(body) > self.most:
                    raise TooLargeError(f"{shown_url(request)} is larger than {self.most >> 20} MiB{self.raised_by}")
                if time.monotonic() > deadline:
                    raise EndlessError(self.seconds)
        except (httpx2.TransportError, httpx2.DecodingError):
            if not response.is_error:  # the status of an error says enough
                raise
        return bytes(body)


def _unpacked(response: httpx2.Response) -> Iterator[bytes]:
    """The body in blocks of at most 64 KiB and what the network gives at once, however closely it is packed."""
    if response.is_stream_consumed:  # made in this process
        yield response.content
        return
    packed = response.headers.get("content-encoding", "").strip().lower()
    if packed in ("", "identity"):
        yield from response.iter_raw()
        return
    if packed not in ("gzip", "x-gzip"):  # other decoders unpack any amount at once
        raise httpx2.DecodingError("an answer that is packed in another way than gzip", request=response.request)
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
    for block in response.iter_raw():
        while block and not unpack.eof:
            try:
                yield unpack.decompress(block, _BLOCK)
            except zlib.error as error:
                raise httpx2.DecodingError(str(error), request=response.request) from error
            block = unpack.unconsumed_tail
    if not unpack.eof:
        raise httpx2.DecodingError("an answer whose end is missing", request=response.request)


@dataclass(eq=False)
class Deadline(Layer):
    """Raises EndlessError if the whole response takes more than `seconds`; its thread stays behind until it ends."""

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
            raise EndlessError(self.seconds)
        return outcome.result()


@dataclass(eq=False)
class AllowedHosts(Layer):
    """Refuses other hosts; `*.example.org` stands for all hosts of that domain."""

    hosts: Collection[str]

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if not is_allowed(request.url, self.hosts):
            # The recipe may name the host of a request at the next run; the target of a redirect stays wrong.
            raise (SourceError if "redirected" in request.extensions else HostError)(
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
            kept = ("Range", "Accept-Encoding")
            headers = {key: request.headers[key] for key in kept if key in request.headers}
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
