"""Opens rasters safely by GDAL: few drivers, a bounded cache, only hosts that the caller names, one thread per handle.

Files beside a local file may point elsewhere: another raster is not used as its overviews, overviews and masks beside
it must be TIFFs themselves, and beside.py checks the others. No network path opens while it is open. VRT is refused,
since it can name any file and any host.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, MemoryFile

from geoglot.errors import SourceError
from geoglot.settings import load_raster_cache_mb
from geoglot.silence import ignore_library_warnings
from geoglot.sources.beside import check_is_file, check_needs_no_sidecars, check_texts_beside, find_erdas_aux
from geoglot.sources.raster_guard import check_header, check_path, is_local
from geoglot.sources.tiff_tags import check_tags

DRIVERS = ("GTiff", "PNG", "JPEG", "WEBP", "JP2OpenJPEG")  # GTiff reads COG too
GDAL_ERRORS = (RasterioError, CPLE_BaseError, OSError, MemoryError, OverflowError)
"""Errors that a file can make rasterio raise: its own, GDAL's, and Python's if a declared size is absurd."""
_held = threading.local()
"""The options that hold in a thread."""
_BESIDE = (".ovr", ".msk", ".OVR", ".MSK")


@contextmanager
def gdal_options(uri: str, **more: str) -> Iterator[None]:
    """The options of GDAL under which one source is opened and read.

    They hold in the calling thread. Options of the main thread also hold in every thread that does not set them itself,
    so both branches set the option that decides which names open.
    """
    options: dict[str, Any] = {"GDAL_CACHEMAX": load_raster_cache_mb() * 2**20}
    options |= {"GDAL_ERROR_ON_LIBJPEG_WARNING": "TRUE"}  # else GDAL fills the damaged part of a JPEG with grey
    if is_local(uri):
        # GDAL looks for world files and masks beside the image by name, and does not list a large folder.
        options |= {"GDAL_DISABLE_READDIR_ON_OPEN": "TRUE", "CPL_VSIL_CURL_ALLOWED_FILENAME": "none"}
    else:
        # GDAL looks for no sidecars, and a new handle sends a failed request again.
        name = uri if uri.startswith("/vsi") else f"/vsicurl/{uri}"
        options |= {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "CPL_VSIL_CURL_NON_CACHED": name}
        if name.startswith(("/vsicurl/http://", "/vsicurl/https://")):
            options |= {"CPL_VSIL_CURL_ALLOWED_FILENAME": name}
        options |= {"GDAL_PNG_WHOLE_IMAGE_OPTIM": "NO"}  # else GDAL leaves the missing part of a PNG black
        options |= {"GDAL_HTTP_MAX_RETRY": "3", "GDAL_HTTP_RETRY_DELAY": "1"}
        options |= {"GDAL_HTTP_CONNECTTIMEOUT": "30", "GDAL_HTTP_TIMEOUT": "120"}
    options |= more
    outside = getattr(_held, "options", None)
    if outside == options:  # the same again would cost as much as a small window
        yield
        return
    _held.options = options
    try:
        with rasterio.Env(**options):
            yield
    finally:
        _held.options = outside


@contextmanager
def open_dataset(uri: str, *, level: int | str | None = None) -> Iterator[Any]:
    """Open an image as `open_handle` does, under its GDAL options; GDAL's errors within the block are SourceErrors."""
    with open_handle(uri, level=level) as dataset, source_errors(uri):
        yield dataset


@contextmanager
def source_errors(uri: str) -> Iterator[None]:
    """The GDAL options of a source; GDAL's errors within the block are SourceErrors."""
    with gdal_options(uri):
        try:
            yield
        except GDAL_ERRORS as error:
            raise SourceError(f"{uri} cannot be read ({error}); is it damaged, or a file beside it?") from error


@contextmanager
def forgetting_errors(dataset: Any) -> Iterator[None]:
    """GDAL keeps the error of a damaged block, and rasterio would raise it again at the next call, whatever that is."""
    try:
        yield
    except GDAL_ERRORS:
        with suppress(*GDAL_ERRORS):
            _ = dataset.colorinterp
        raise


def open_handle(uri: str, *, level: int | str | None = None) -> Any:
    """Open a GDAL handle of an image that geoglot can read; SourceError, in one sentence, for anything else.

    level: the index of an overview that is opened in place of the image, or "NONE" for the image without overviews.
    """
    check_path(uri)
    alone = {}
    if is_local(uri):
        check_tags(Path(uri))
        check_texts_beside(uri)
        if erdas := find_erdas_aux(uri):  # GDAL would open it; sidecars.py still reads where the image lies
            check_needs_no_sidecars(uri, erdas)
            alone = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
    with gdal_options(uri, **alone):
        if is_local(uri):
            _check_rasters_beside(uri)
        dataset = _open(uri, DRIVERS, level)
        try:
            if _names_overviews(dataset):
                dataset = _reopen_without_overviews(dataset, uri)
            check_header(dataset, uri)
        except BaseException:
            dataset.close()
            raise
    return dataset


def _open(uri: str, drivers: Sequence[str], level: int | str | None = None) -> Any:
    options = {} if level is None else {"OVERVIEW_LEVEL": level}
    name = str(Path(uri).absolute()) if is_local(uri) else uri  # GDAL parses relative names that begin like its own
    try:
        with ignore_library_warnings():
            return DatasetReader(name, driver=list(drivers), sharing=False, **options)
    except GDAL_ERRORS as error:
        raise SourceError(
            f"{uri} cannot be opened as an image ({error}); geoglot reads GeoTIFF, COG, PNG, JPEG, WebP, JPEG 2000"
        ) from error


def _check_rasters_beside(uri: str) -> None:
    """Refuse overviews and masks beside a file that are not TIFFs: GDAL would open them by any driver."""
    for beside in (uri + suffix for suffix in _BESIDE):
        if Path(beside).exists():
            check_is_file(Path(beside), uri)
            check_texts_beside(beside)
            if erdas := find_erdas_aux(beside):
                raise SourceError(f"{erdas} is a file of ERDAS, which names other files; move it to another folder")
            _check_rasters_beside(beside)
            with _open(beside, ("GTiff",)) as dataset:
                if _names_overviews(dataset):
                    raise SourceError(f"{beside} names another raster as its overviews; remove it")


def _names_overviews(dataset: Any) -> bool:
    """Whether metadata name another raster as the overviews.

    This is checked first: GDAL opens that raster, by any driver, as soon as it is asked for overviews or files.
    """
    return any(key.upper() == "OVERVIEW_FILE" for key in dataset.tags(ns="OVERVIEWS"))


def _reopen_without_overviews(dataset: Any, uri: str) -> Any:
    # Only the driver of TIFFs does without the overviews, and GDAL refuses it without a transform.
    if dataset.driver != "GTiff" or dataset.transform.is_identity:
        raise SourceError(
            f"{uri} names another raster as its overviews (OVERVIEW_FILE in its metadata); "
            + (f"remove {uri}.aux.xml" if Path(f"{uri}.aux.xml").exists() else "copy its pixels")
        )
    dataset.close()
    return _open(uri, DRIVERS, "NONE")


@contextmanager
def open_file(name: str, opener: Callable[[str], Any], size: int) -> Iterator[Any]:
    """Open a Python file of `size` bytes as a GeoTIFF until the end of the block; no other name can be opened in it.

    SourceError if it names another raster as its overviews, or declares a size that it cannot have.
    """
    with gdal_options(name, GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        with ignore_library_warnings():
            dataset = rasterio.open(name, driver="GTiff", sharing=False, opener=opener)
        with dataset:
            if _names_overviews(dataset):
                raise SourceError("it names another raster as its overviews")
            check_header(dataset, name, size)
            yield dataset


def check_jpeg(body: bytes) -> None:
    """OSError for a JPEG that is damaged inside, which other decoders fill with grey. It is decoded at 1/8 size."""
    try:
        with gdal_options("photo.jpg"), MemoryFile(body) as file:
            with ignore_library_warnings():
                dataset = file.open(driver="JPEG")
            with dataset:
                dataset.read(1, out_shape=(-(-dataset.height // 8), -(-dataset.width // 8)))
    except RasterioError as error:
        raise OSError("cut short or damaged (it is garbled inside)") from error
