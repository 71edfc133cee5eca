"""How GDAL is used: few drivers, a bounded cache, no host that the caller did not name, one reader a handle.

A local file may carry hints (.ovr, .aux.xml) that point elsewhere, so while one is open no network path opens at
all. VRT is refused: it can name any file and any host.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from geoglot.errors import SourceError
from geoglot.settings import load_settings

DRIVERS = ("GTiff", "PNG", "JPEG", "WEBP", "JP2OpenJPEG")  # GTiff reads COG too
_opening = threading.Lock()  # warnings.catch_warnings changes the whole process


def is_local(uri: str) -> bool:
    """Whether a path lies on this machine's file system."""
    return "://" not in uri and not uri.startswith("/vsi")


def environment(uri: str, **more: str) -> rasterio.Env:
    """The options of GDAL under which one source is opened and read; they hold in the calling thread."""
    options: dict[str, Any] = {"GDAL_CACHEMAX": load_settings().raster_cache_mb * 2**20}
    options |= {"GDAL_ERROR_ON_LIBJPEG_WARNING": "TRUE"}  # else what a garbled JPEG lacks is filled with grey
    if is_local(uri):
        # World files and masks beside the image are looked for by name, without listing a large folder.
        options |= {"GDAL_DISABLE_READDIR_ON_OPEN": "TRUE", "CPL_VSIL_CURL_ALLOWED_FILENAME": "none"}
    else:
        # No other name than this one opens, sidecars least of all; what failed once is asked again by a new handle.
        name = uri if uri.startswith("/vsi") else f"/vsicurl/{uri}"
        options |= {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "CPL_VSIL_CURL_NON_CACHED": name}
        options |= {"GDAL_HTTP_MAX_RETRY": "3", "GDAL_HTTP_RETRY_DELAY": "1"}
        options |= {"GDAL_HTTP_CONNECTTIMEOUT": "30", "GDAL_HTTP_TIMEOUT": "120"}
    return rasterio.Env(**options | more)


def open_dataset(uri: str, **more: str) -> Any:
    """A GDAL handle of an image that geoglot can read; anything else is a SourceError in one sentence."""
    _check(uri)
    name = str(Path(uri).absolute()) if is_local(uri) else uri  # GDAL takes names apart that begin like its own
    try:
        with environment(uri, **more), _opening, warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = DatasetReader(name, driver=list(DRIVERS), sharing=False)
    except (RasterioError, OSError) as error:
        raise SourceError(
            f"{uri} cannot be opened as an image ({error}); geoglot reads GeoTIFF, COG, PNG, JPEG, WebP, JPEG 2000"
        ) from error
    if dataset.count == 0:
        raise SourceError(f"{uri} holds no bands of its own; name one of its subdatasets or convert it to GeoTIFF")
    if any(dtype.startswith("complex") for dtype in dataset.dtypes):
        raise SourceError(f"{uri} holds complex numbers; convert them first, for instance to amplitudes")
    return dataset


@contextmanager
def open_file(name: str, opener: Callable[[str], Any], driver: str = "GTiff") -> Iterator[Any]:
    """A GDAL handle of what a file of Python holds, closed at the end of the block; no other name opens meanwhile."""
    with environment(name, GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        with _opening, warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = rasterio.open(name, driver=driver, sharing=False, opener=opener)
        with dataset:
            yield dataset


class Handles:
    """Open handles of one source. A GDAL handle serves one thread at a time, so each reader borrows its own."""

    def __init__(self, open_handle: Callable[[], Any]) -> None:
        self._open = open_handle
        self._free: list[Any] = []
        self._closed = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def borrow(self) -> Iterator[Any]:
        """A handle that nobody else uses meanwhile."""
        with self._lock:
            if self._closed.is_set():
                raise SourceError("The raster is closed; open it again with open_raster")
            lent = self._free.pop() if self._free else None
        handle = lent or self._open()
        try:
            yield handle
        finally:
            with self._lock:
                self._free.append(handle)
            if self._closed.is_set():
                self.close()

    def close(self) -> None:
        """Close all handles; one that is lent now closes when it comes back."""
        with self._lock:
            self._closed.set()
            free, self._free = self._free, []
        for handle in free:
            handle.close()


def _check(uri: str) -> None:
    if not uri.isascii() and any("\ud800" <= letter <= "\udfff" for letter in uri):  # how Python holds other bytes
        shown = os.fsencode(uri).decode("utf-8", "backslashreplace")
        raise SourceError(f"the name {shown!r} is not UTF-8; rename the file")
    if uri.lower().endswith(".vrt"):
        raise SourceError(f"{uri} is a VRT, which can point at any file and host; give the files that it names")
    if is_local(uri) and not Path(uri).exists():
        raise SourceError(f"No such file: {uri}")
    if is_local(uri) and Path(uri).is_dir():
        raise SourceError(f"{uri} is a folder; give one of its rasters (classify takes whole folders)")
