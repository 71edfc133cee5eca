"""A layer of an HTTP client, like those in transports.py, that retries and obeys Retry-After."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from geoglot.times import to_utc
from geoglot.web.response import BusyError, RetryableError
from geoglot.web.transports import EndlessError, Layer

_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
#: Network errors that may be gone at the next try
TRANSIENT = (httpx2.TransportError, httpx2.DecodingError, RetryableError)


@dataclass(eq=False)
class Retry(Layer):
    """Sends a request again after a `transient` error or a busy status; when no try is left, raises the last error.

    `pause(request, attempt, asked)` returns the seconds before the next try. `attempt` counts failed tries from 0, and
    `asked` is the seconds in Retry-After. It may raise an error instead.
    """

    retries: int
    pause: Callable[[httpx2.Request, int, float], float]
    sleep: Callable[[float], None]
    transient: tuple[type[Exception], ...] = TRANSIENT

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        read = request.extensions.get("read")
        attempt = 0
        while True:
            try:
                response = self.inner.handle_request(request)
                if response.status_code in _BUSY:
                    raise BusyError(response)
                if read:
                    read(response)
                return response
            except self.transient as error:
                asked = _retry_after(error.response) if isinstance(error, BusyError) else 0.0
                pause = self.pause(request, attempt, asked)
                if attempt == self.retries or isinstance(error, EndlessError):
                    raise
            self.sleep(pause)
            attempt += 1


def _retry_after(response: httpx2.Response) -> float:
    """Seconds to wait. A date is compared with the response's own Date header, since our clock may differ."""
    text = response.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    until = _date(text)
    if until is None:
        return 0.0
    now = _date(response.headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        return to_utc(parsedate_to_datetime(text))
    except (ValueError, OverflowError):
        return None
