"""Read remote GeoTIFFs by ranges of bytes through the web client; GDAL itself never uses the network.

GDAL follows redirects to any host and logs signed urls, and no option prevents either.
"""

from __future__ import annotations

import io
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from geoglot.errors import GeoglotError, GridError, ReadError, ServiceError, SourceError
from geoglot.sources.gdal import GDAL_ERRORS, open_file
from geoglot.web.client import WebClient
from geoglot.web.response import FORMAT_ERRORS, HostError, HTTPStatusError, Response, RetryableError, json_of

T = TypeVar("T")
_ATTEMPTS = 2
_GONE = (404, 410)
_RENEW_S = 120.0  # a token is renewed so long before it expires
_CHUNK = 1 << 14  # smaller reads are rounded up and kept, since GDAL reads the head of a file a hundred times
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
#: What a GeoTIFF of any content can make rasterio and the reader of its pixels raise
_READING = (*GDAL_ERRORS, GridError, IndexError, TypeError, ValueError)
_NAME = "scene.tif"  # GDAL sees this in place of the url, since it may log names


class SignedFiles:
    """Files of a service, whose urls are signed by a token from `token_url` if there is one."""

    def __init__(self, web: WebClient, token_url: str | None = None) -> None:
        self._web, self._token_url = web, token_url
        self._token, self._expiry, self._lock = "", 0.0, threading.Lock()

    def read(self, uri: str, read: Callable[[Any], T]) -> T:
        """Open a GeoTIFF and read it, once more with a new signature if it fails; no message shows a signature.

        SourceError for a file that is gone, ReadError for a file that is damaged or refused (object stores that do not
        list their files refuse missing ones with 403), ServiceError if the service does not respond.
        """
        if not self._web.allows(uri):
            raise HostError(f"the recipe names no host for {uri}; add it to imagery.stac.hosts if it is to be read")
        for _ in range(_ATTEMPTS):
            try:
                with open_remote(self._sign(uri), self._web) as dataset:
                    return read(dataset)
            except ServiceError as error:
                raise type(error)(self._clean(str(error))) from None
            except SourceError as error:
                failed = self._clean(str(error))
                if isinstance(error, HTTPStatusError) and error.status in _GONE:
                    raise SourceError(failed) from None
            self._expiry = 0.0  # the token may have expired by the service's clock
        raise ReadError(f"{failed}; run the same again later") from None

    def _sign(self, uri: str) -> str:
        if self._token_url is None:
            return uri
        with self._lock:
            if time.time() > self._expiry - _RENEW_S:
                try:
                    self._token, self._expiry = self._web.fetch(self._token_url, _read_token)
                except HTTPStatusError as error:  # this concerns all files, so no file is gone
                    raise ServiceError(f"{error}; run the same again later") from None
            return f"{uri}{'&' if '?' in uri else '?'}{self._token}"

    def _clean(self, text: str) -> str:
        return self._web.clean(text.replace(self._token, "***") if self._token else text)


def _read_token(response: Response) -> tuple[str, float]:
    document = json_of(response)
    try:
        expiry = datetime.fromisoformat(str(document["msft:expiry"]).replace("Z", "+00:00"))
        return str(document["token"]), expiry.timestamp()
    except FORMAT_ERRORS as error:
        raise RetryableError(f"a response that is no token ({type(error).__name__})") from None


@contextmanager
def open_remote(url: str, web: WebClient) -> Iterator[Any]:
    """Open a GeoTIFF as a GDAL dataset; SourceError if it is not a GeoTIFF, and errors of `WebClient.fetch`."""
    file = _RemoteFile(url, web)
    try:
        with open_file(_NAME, file.open, file.size) as dataset:
            yield dataset
    except (SourceError, *_READING) as error:
        if file.failed is None:
            raise SourceError(f"{web.clean(url)} cannot be read as a GeoTIFF ({error})") from error
    if file.failed is not None:  # GDAL may have gone on without the bytes
        raise file.failed


class _RemoteFile:
    """The bytes at a url; `failed` keeps a failure, since no exception passes through GDAL."""

    def __init__(self, url: str, web: WebClient) -> None:
        self._url, self._web, self.size, self._etag = url, web, -1, ""
        self._chunks: dict[int, bytes] = {0: self._fetch(0, _CHUNK)}
        self.failed: GeoglotError | None = None

    def open(self, name: str, mode: str = "rb") -> _Handle:
        if name != _NAME:  # GDAL asks for sidecar files
            raise FileNotFoundError(name)
        return _Handle(self)

    def read(self, first: int, size: int) -> bytes:
        """Bytes from `first` on, fewer at the end of the file; empty after a failure."""
        size = max(0, min(size, self.size - first))
        try:
            return self._fetch(first, size) if size >= _CHUNK else self._read_chunks(first, size)
        except GeoglotError as error:
            self.failed = error
            return b""

    def _read_chunks(self, first: int, size: int) -> bytes:
        numbers = range(first // _CHUNK, (first + size - 1) // _CHUNK + 1)
        for number in numbers:
            if number not in self._chunks:
                self._chunks[number] = self._fetch(number * _CHUNK, _CHUNK)
        return b"".join(self._chunks[number] for number in numbers)[first - numbers.start * _CHUNK :][:size]

    def _fetch(self, first: int, size: int) -> bytes:
        def read(response: Response) -> bytes:
            span = _CONTENT_RANGE.fullmatch(response.content_range)
            whole = span is not None and len(response.body) == int(span[2]) - first + 1 <= size
            if span is None or int(span[1]) != first or not whole:
                kind = response.content_type or "a response without type"
                raise RetryableError(f"{kind} in place of a part of a file")
            if self.size not in (-1, int(span[3])) or (self._etag and response.etag not in ("", self._etag)):
                raise ReadError(f"{self._web.clean(self._url)} has changed while it was read")
            self.size, self._etag = int(span[3]), response.etag or self._etag
            return response.body

        headers = {"Range": f"bytes={first}-{first + size - 1}", "Accept-Encoding": "identity"}
        return self._web.fetch(self._url, read, headers=headers, paced=False)


class _Handle(io.RawIOBase):
    """A file object for GDAL, with a position of its own."""

    def __init__(self, file: _RemoteFile) -> None:
        self._file, self._at = file, 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._at, size if size >= 0 else self._file.size)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._file.size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at
