"""Responses of web services, the errors of requests, and readers of responses.

A reader is a function that turns a `Response` into a value. It raises RetryableError if a retry may help.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geoglot.errors import ServiceError, SourceError

if TYPE_CHECKING:
    import httpx2


_MOST_JSON = 16 * 2**20
_LONGEST = 1000
_UNPLAIN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
#: What a reader of a document in another format than the service's runs into
FORMAT_ERRORS = (AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True)
class Response:
    """A response with a status below 400."""

    url: str
    """The address after redirects."""
    body: bytes
    content_type: str
    """In lower case, without parameters."""
    content_range: str = ""
    """Empty unless the status is 206."""
    etag: str = ""
    """The version of the body, if the service names one."""


class HTTPStatusError(SourceError):
    """A service refused a request with HTTP 4xx."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class TooLargeError(SourceError):
    """A body is larger than the limit."""


class HostError(ServiceError):
    """The recipe does not name the host of a request, which the next run may; nothing was sent."""


class RetryableError(Exception):
    """A request failed for now."""


class BusyError(RetryableError):
    """A service is busy for now: HTTP 429, 503 and the like."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(f"HTTP {response.status_code}")
        self.response = response


def json_of(response: Response) -> Any:
    """Parse the body as JSON; RetryableError if it is not, TooLargeError beyond 16 MiB, which may take 500 MB."""
    if len(response.body) > _MOST_JSON:
        raise TooLargeError(f"{response.url} answers with more than {_MOST_JSON >> 20} MiB of JSON")
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError) as error:
        raise RetryableError(f"{response.content_type or 'an answer without type'} that is not JSON") from error


@contextmanager
def known_format(service: str) -> Iterator[None]:
    """Raise ServiceError if the code inside fails to read a response in the service's documented format."""
    try:
        yield
    except (RetryableError, *FORMAT_ERRORS) as error:
        raise ServiceError(
            f"{service} answers in an unknown format ({type(error).__name__}: {error}); run the same again later"
        ) from error


def plain(value: Any) -> str:
    """A text of a service without control characters and halves of characters, at most 1,000 characters long."""
    return _UNPLAIN.sub(" ", str(value)[:_LONGEST])


def shown_url(request: httpx2.Request) -> str:
    """The url of a request for messages; it may still hold a secret."""
    return str(request.extensions.get("shown", request.url))
