"""How GDAL is used: few drivers, a bounded cache, no host that the caller did not name, one reader a handle.

A local file may carry hints (.ovr, .msk, .aux.xml) that point elsewhere: overviews that are another raster are not
used, overviews and masks beside it must be TIFFs themselves, and while it is open no network path opens at all. VRT is
refused: it can name any file and any host. So is a size that no file of its length can hold.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, MemoryFile

from geoglot.aliases import not_utf8
from geoglot.errors import SourceError
from geoglot.settings import load_settings
from geoglot.silence import ignore_library_warnings

DRIVERS = ("GTiff", "PNG", "JPEG", "WEBP", "JP2OpenJPEG")  # GTiff reads COG too
#: All that a file can make rasterio raise: its own errors, GDAL's, and Python's where a declared size is absurd
GDAL_ERRORS = (RasterioError, CPLE_BaseError, OSError, MemoryError, OverflowError)
_PIXEL = ("Interleaving.pixel", "PIXEL")
_BESIDE = (".ovr", ".msk", ".OVR", ".MSK")
_MOST_BLOCK_BYTES = 2**30  # of one block in memory; it is decoded as a whole
_MOST_GAIN = 200_000  # bytes of pixels a byte of the file; of sparse GeoTIFFs in tiles of 1024 px two thirds of that
_MOST_UNPACKED, _MOST_PACKED = 2**30, 200  # bytes of pixels, in all and a byte of the file, of what has no tiles
_MOST_SIDE = 2**23  # pixels; a row of windows is held in memory, and no mosaic is a fourth as wide


def is_local(uri: str) -> bool:
    """Whether a path lies on this machine's file system."""
    return "://" not in uri and not uri.startswith("/vsi")


def gdal_options(uri: str, **more: str) -> rasterio.Env:
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
        options |= {"GDAL_PNG_WHOLE_IMAGE_OPTIM": "NO"}  # else what a PNG that was cut short lacks is left black
        options |= {"GDAL_HTTP_MAX_RETRY": "3", "GDAL_HTTP_RETRY_DELAY": "1"}
        options |= {"GDAL_HTTP_CONNECTTIMEOUT": "30", "GDAL_HTTP_TIMEOUT": "120"}
    return rasterio.Env(**options | more)


def open_dataset(uri: str, *, level: int | str | None = None, **more: str) -> Any:
    """A GDAL handle of an image that geoglot can read; anything else is a SourceError in one sentence.

    level: the index of an overview that is opened in place of the image, or "NONE" for the image without overviews.
    """
    _check(uri)
    with gdal_options(uri, **more):
        if is_local(uri):
            _check_beside(uri)
        dataset = _open(uri, DRIVERS, level)
        try:
            if _is_led_away(dataset):
                dataset = _without_overviews(dataset, uri)
            _check_contents(dataset, uri)
        except BaseException:
            dataset.close()
            raise
    return dataset


@contextmanager
def open_metadata(uri: str) -> Iterator[Any]:
    """An open dataset to ask what it says of itself; what its metadata make GDAL raise is a SourceError."""
    with open_dataset(uri) as dataset, gdal_options(uri):
        try:
            yield dataset
        except GDAL_ERRORS as error:
            raise SourceError(f"{uri} cannot be read ({error}); is it damaged, or a file beside it?") from error


def _open(uri: str, drivers: Sequence[str], level: int | str | None = None) -> Any:
    options = {} if level is None else {"OVERVIEW_LEVEL": level}
    name = str(Path(uri).absolute()) if is_local(uri) else uri  # GDAL takes names apart that begin like its own
    try:
        with ignore_library_warnings():
            return DatasetReader(name, driver=list(drivers), sharing=False, **options)
    except GDAL_ERRORS as error:
        raise SourceError(
            f"{uri} cannot be opened as an image ({error}); geoglot reads GeoTIFF, COG, PNG, JPEG, WebP, JPEG 2000"
        ) from error


def _check_beside(uri: str) -> None:
    """Overviews and a mask beside a file open by any driver of GDAL; here they are TIFFs that name no other file."""
    for beside in (*(uri + suffix for suffix in _BESIDE), *_world_files(uri)):
        if not Path(beside).exists():
            continue
        if not Path(beside).is_file():  # to open a pipe is to wait for somebody who writes
            raise SourceError(f"{beside} is in the place of a file about {uri}, and is none; take it away")
        if not beside.endswith(_BESIDE):
            continue
        _check_beside(beside)
        with _open(beside, ("GTiff",)) as dataset:
            if _is_led_away(dataset):
                raise SourceError(f"{beside} names another raster as its overviews; take it away")


def _world_files(uri: str) -> list[str]:
    """The names under which GDAL looks for one."""
    image, ending = Path(uri), Path(uri).suffix[1:].lower()
    endings = [f"{ending[:1]}{ending[-1:]}w", f"{ending}w", "wld"]
    return [str(image.with_suffix(f".{name}")) for one in endings for name in (one, one.upper())] if ending else []


def _is_led_away(dataset: Any) -> bool:
    """Whether metadata name another raster as the overviews, as is asked first of all.

    GDAL opens it, by any driver, at the first look at overviews or at the list of files.
    """
    return any(key.upper() == "OVERVIEW_FILE" for key in dataset.tags(ns="OVERVIEWS"))


def _without_overviews(dataset: Any, uri: str) -> Any:
    if dataset.transform.is_identity:  # GDAL gives none to an image without a place that is opened without overviews
        raise SourceError(
            f"{uri} names another raster as its overviews (OVERVIEW_FILE in its metadata); copy its pixels"
        )
    dataset.close()
    return _open(uri, DRIVERS, "NONE")


def _check_contents(dataset: Any, uri: str) -> None:
    if dataset.count == 0:
        raise SourceError(f"{uri} holds no bands of its own; name one of its subdatasets or convert it to GeoTIFF")
    if any(dtype.startswith("complex") for dtype in dataset.dtypes):
        raise SourceError(f"{uri} holds complex numbers; convert them first, for instance to amplitudes")
    bands = f" of {dataset.count:,} bands" if dataset.count > 1 else ""
    size = f"{uri} declares {dataset.width:,} x {dataset.height:,} px{bands}"
    bytes_a_pixel = np.dtype(dataset.dtypes[0]).itemsize * dataset.count
    if is_local(uri) and dataset.width * dataset.height * bytes_a_pixel > _MOST_GAIN * Path(uri).stat().st_size:
        raise SourceError(f"{size} in a file of {Path(uri).stat().st_size:,} bytes: it is damaged; get it again")
    if is_local(uri) and dataset.driver != "GTiff" and _is_bomb(dataset.width * dataset.height * bytes_a_pixel, uri):
        raise SourceError(
            f"{size} in a file of {Path(uri).stat().st_size:,} bytes, which is packed more closely than any picture; "
            "if it is one, write it in tiles: gdal_translate -co TILED=YES -co COMPRESS=DEFLATE"
        )
    if max(dataset.shape) > _MOST_SIDE:
        raise SourceError(
            f"{size}, and no side may be over {_MOST_SIDE:,}; if that is so, cut it: gdal_translate -srcwin"
        )
    rows, cols = dataset.block_shapes[0]
    together = bytes_a_pixel if str(dataset.interleaving) in _PIXEL else bytes_a_pixel // dataset.count
    if rows * cols * together > _MOST_BLOCK_BYTES:
        raise SourceError(
            f"{size} in blocks of {cols:,} x {rows:,}, each over {_MOST_BLOCK_BYTES / 2**30:g} GiB in memory; write it "
            "in tiles: gdal_translate -co TILED=YES"
        )


def _is_bomb(unpacked: int, uri: str) -> bool:
    """Whether an image that is unpacked from its start at every look is large by being empty."""
    return unpacked > _MOST_UNPACKED and unpacked > _MOST_PACKED * Path(uri).stat().st_size


@contextmanager
def open_file(name: str, opener: Callable[[str], Any], driver: str = "GTiff") -> Iterator[Any]:
    """A GDAL handle of what a file of Python holds, closed at the end of the block; no other name opens meanwhile."""
    with gdal_options(name, GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        with ignore_library_warnings():
            dataset = rasterio.open(name, driver=driver, sharing=False, opener=opener)
        with dataset:
            yield dataset


def check_jpeg(body: bytes) -> None:
    """OSError for a JPEG that is garbled inside, which other decoders fill with grey. It is decoded at an eighth."""
    try:
        with gdal_options("photo.jpg"), MemoryFile(body) as file:
            with ignore_library_warnings():
                dataset = file.open(driver="JPEG")
            with dataset:
                dataset.read(1, out_shape=(-(-dataset.height // 8), -(-dataset.width // 8)))
    except RasterioError as error:
        raise OSError("cut short or damaged (it is garbled inside)") from error


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
    if shown := not_utf8(uri):
        raise SourceError(f"the name {shown!r} is not UTF-8; rename the file")
    if uri.lower().endswith(".vrt"):
        raise SourceError(f"{uri} is a VRT, which can point at any file and host; give the files that it names")
    if is_local(uri) and not os.path.exists(uri):  # noqa: PTH110 - Path raises for names that no file can have
        raise SourceError(f"No such file: {uri}")
    if is_local(uri) and Path(uri).is_dir():
        raise SourceError(f"{uri} is a folder; give one of its rasters (classify takes whole folders)")
    if is_local(uri) and not Path(uri).is_file():
        raise SourceError(f"{uri} is a device or a pipe; give the name of a file")
