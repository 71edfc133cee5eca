"""Responses of web services, the errors of requests, and readers of responses.

A reader is a function that turns a `Response` into a value. It raises RetryableError if a retry may help.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geoglot.errors import ServiceError, SourceError

if TYPE_CHECKING:
    import httpx2


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


class HTTPStatusError(SourceError):
    """A service refused a request with HTTP 4xx."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class TooLargeError(SourceError):
    """A body is larger than the limit."""


class RetryableError(Exception):
    """A request failed for now."""


class BusyError(RetryableError):
    """A service is busy for now: HTTP 429, 503 and the like."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(f"HTTP {response.status_code}")
        self.response = response


def json_of(response: Response) -> Any:
    """Parse the body as JSON; RetryableError if it is not."""
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError) as error:
        raise RetryableError(f"{response.content_type or 'an answer without type'} that is not JSON") from error


@contextmanager
def known_format(service: str) -> Iterator[None]:
    """Raise ServiceError if the code inside fails to read a response in the service's documented format."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ServiceError(
            f"{service} answers in an unknown format ({type(error).__name__}: {error}); run the same again later"
        ) from error


def shown_url(request: httpx2.Request) -> str:
    """The url of a request for messages; it may still hold a secret."""
    return str(request.extensions.get("shown", request.url))
