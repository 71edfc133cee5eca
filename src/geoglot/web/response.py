"""A response of a service, the errors of a request, and readers of responses.

A reader is a function that turns a `Response` into a value. It raises RetryableError for a response that may be right
the next time.
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
    """After redirects."""
    body: bytes
    content_type: str
    """Lower case, without parameters."""
    content_range: str = ""
    """Empty unless the status is 206."""


class HTTPStatusError(SourceError):
    """A service refuses a request with HTTP 4xx."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class TooLargeError(SourceError):
    """A body is larger than the limit."""


class RetryableError(Exception):
    """A request failed for now."""


class BusyError(RetryableError):
    """A service answers with a status that passes, such as 429 or 503."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(f"HTTP {response.status_code}")
        self.response = response


def json_of(response: Response) -> Any:
    """Parse the body as JSON; RetryableError if it is not."""
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError) as error:
        raise RetryableError(f"{response.content_type or 'an answer without type'} that is no JSON") from error


@contextmanager
def known_format(service: str) -> Iterator[None]:
    """Raise ServiceError where a response does not have the form that the service documents."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ServiceError(
            f"{service} answers in a form that is not known ({type(error).__name__}: {error}); run the same again later"
        ) from error


def shown_url(request: httpx2.Request) -> str:
    """The url for messages; a secret may still be in it."""
    return str(request.extensions.get("shown", request.url))
