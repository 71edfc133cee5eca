"""Files elsewhere, read by ranges of bytes through the one door to the network: GDAL itself asks nobody.

GDAL follows a redirect to any host and logs urls with what signs them, and no option of its own stops either.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rasterio.errors import RasterioError

from geoglot.errors import GeoglotError, SourceError
from geoglot.sources.gdal import open_file
from geoglot.web.client import WebClient
from geoglot.web.response import Response, RetryableError

_CHUNK = 1 << 14  # what is smaller is read so and kept: GDAL comes back to a file's head a hundred times
_PART = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_NAME = "scene.tif"  # for GDAL, which may tell it to anybody


@contextmanager
def opened(url: str, web: WebClient) -> Iterator[Any]:
    """A GDAL handle of a GeoTIFF; SourceError where it is none, and as `WebClient.fetch` where it cannot be had."""
    file = _File(url, web)
    try:
        with open_file(_NAME, file.open) as dataset:
            yield dataset
    except (RasterioError, SourceError) as error:
        if file.failed is None:
            raise SourceError(f"{web.clean(url)} cannot be read as a GeoTIFF ({error})") from error
    if file.failed is not None:  # also where GDAL went on without what it did not get
        raise file.failed


class _File:
    """The bytes at a url; what fails is kept in `failed`, since GDAL takes no exception."""

    def __init__(self, url: str, web: WebClient) -> None:
        self._url, self._web, self.size = url, web, 0
        self._chunks: dict[int, bytes] = {0: self._fetch(0, _CHUNK)}
        self.failed: GeoglotError | None = None

    def open(self, name: str, mode: str = "rb") -> _Handle:
        """A handle with a place of its own; there is no other file beside this one."""
        if name != _NAME:
            raise FileNotFoundError(name)
        return _Handle(self)

    def read(self, first: int, size: int) -> bytes:
        """Bytes from the first on, fewer at the end of the file; none where they cannot be had."""
        size = max(0, min(size, self.size - first))
        try:
            return self._fetch(first, size) if size >= _CHUNK else self._kept(first, size)
        except GeoglotError as error:
            self.failed = error
            return b""

    def _kept(self, first: int, size: int) -> bytes:
        start, end = first // _CHUNK, (first + size - 1) // _CHUNK + 1
        for number in range(start, end):
            if number not in self._chunks:
                self._chunks[number] = self._fetch(number * _CHUNK, _CHUNK)
        found = b"".join(self._chunks[number] for number in range(start, end))
        return found[first - start * _CHUNK :][:size]

    def _fetch(self, first: int, size: int) -> bytes:
        def read(response: Response) -> bytes:
            told = _PART.fullmatch(response.content_range)
            if told is None or int(told[1]) != first or len(response.body) != int(told[2]) - first + 1:
                raise RetryableError(
                    f"{response.content_type or 'an answer without type'} in place of a part of a file"
                )
            self.size = int(told[3])
            return response.body

        headers = {"Range": f"bytes={first}-{first + size - 1}", "Accept-Encoding": "identity"}
        return self._web.fetch(self._url, read, headers=headers, paced=False)


class _Handle(io.RawIOBase):
    """As GDAL wants a file."""

    def __init__(self, file: _File) -> None:
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
