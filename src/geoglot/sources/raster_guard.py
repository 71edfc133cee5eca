"""Refuses files that GDAL must not open: names that cannot be a raster's, and sizes that the file cannot hold."""

import os
import stat
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from geoglot.aliases import not_utf8
from geoglot.errors import SourceError

_MAX_BLOCK_BYTES = 2**29  # a block is decoded as a whole, and copied once
_MAX_BANDS = 4096  # rasterio looks through all bands to read the facts of each
_MAX_GAIN = 200_000  # bytes of pixels per byte of the file; sparse GeoTIFFs in tiles of 1024 px reach two thirds
_MAX_UNPACKED = 2**30  # bytes of pixels of a picture without tiles, unless it has few per byte of the file
_MAX_UNTILED_GAIN = 200
_CLOSE = 0.8  # of names, from 0 to 1: mostly a letter or two; less would take any two short names of one ending
_LOOKED_AT = 5000  # names of a folder that are compared with one that is not there
_MAX_SIDE = 2**23  # pixels; a row of windows is held in memory, and no mosaic is a fourth as wide


def is_local(uri: str) -> bool:
    """Whether a path lies on this machine's file system."""
    return "://" not in uri and not uri.startswith("/vsi")


def no_file(uri: str) -> SourceError:
    """There is no such file: the error names the nearest of its folder, or the folder that is missing, too."""
    folder, name = os.path.split(uri)
    try:
        near = get_close_matches(name, islice(os.listdir(folder or "."), _LOOKED_AT), 1, _CLOSE)  # noqa: PTH208
    except (OSError, ValueError):  # ValueError: a name that no folder can have
        return SourceError(f"No such file: {uri}; there is no folder {folder}")
    advice = f"did you mean {os.path.join(folder, near[0])}?" if near else "check the name, and the folder it is in"  # noqa: PTH118
    return SourceError(f"No such file: {uri}; {advice}")


def check_path(uri: str) -> None:
    """Refuse, before GDAL opens it, a path that is not a file, or whose format can name other files."""
    if shown := not_utf8(uri):
        raise SourceError(f"the name {shown!r} is not UTF-8; rename the file")
    if uri.lower().endswith(".vrt"):
        raise SourceError(f"{uri} is a VRT, which can point at any file and host; give the files that it names")
    if not is_local(uri):
        return
    if not os.path.exists(uri):  # noqa: PTH110 - Path raises for names that no file can have
        raise no_file(uri)
    kind = os.stat(uri).st_mode  # noqa: PTH116
    if stat.S_ISDIR(kind):
        raise SourceError(
            f"{uri} is a folder; give one of its rasters, or join its tiles: rio merge (geoglot.batch takes folders)"
        )
    if not stat.S_ISREG(kind):
        raise SourceError(f"{uri} is a device or a pipe; give the name of a file")


def check_header(dataset: Any, uri: str, packed: int | None = None) -> None:
    """Refuse an open dataset that declares no bands, complex numbers or an absurd size.

    packed: bytes of the file, if it is not a file of this machine.
    """
    if dataset.count == 0:
        raise SourceError(f"{uri} holds no bands of its own; name one of its subdatasets or convert it to GeoTIFF")
    if dataset.count > _MAX_BANDS:
        raise SourceError(
            f"{uri} declares {dataset.count:,} bands, and at most {_MAX_BANDS:,} are read; copy those that you need: "
            "gdal_translate -b 1 -b 2 -b 3"
        )
    if any(dtype.startswith("complex") for dtype in dataset.dtypes):
        raise SourceError(f"{uri} holds complex numbers; convert them first, for instance to amplitudes")
    bands = f" of {dataset.count:,} bands" if dataset.count > 1 else ""
    declares = f"{uri} declares {dataset.width:,} x {dataset.height:,} px{bands}"
    bytes_a_pixel = np.dtype(dataset.dtypes[0]).itemsize * dataset.count
    packed = Path(uri).stat().st_size if packed is None and is_local(uri) else packed
    if packed is not None:
        unpacked = dataset.width * dataset.height * bytes_a_pixel
        if unpacked > _MAX_GAIN * packed:
            raise SourceError(f"{declares} in a file of {packed:,} bytes: it is damaged; get it again")
        if dataset.driver != "GTiff" and unpacked > max(_MAX_UNPACKED, _MAX_UNTILED_GAIN * packed):
            raise SourceError(
                f"{declares} in a file of {packed:,} bytes, which is packed more closely than any picture; "
                "if it is one, write it in tiles: gdal_translate -co TILED=YES -co COMPRESS=DEFLATE"
            )
    if max(dataset.shape) > _MAX_SIDE:
        raise SourceError(
            f"{declares}, and no side may be over {_MAX_SIDE:,}; cut it into parts: gdal_translate -srcwin"
        )
    rows, cols = dataset.block_shapes[0]
    is_interleaved = str(dataset.interleaving) in ("Interleaving.pixel", "PIXEL")
    if rows * cols * (bytes_a_pixel if is_interleaved else bytes_a_pixel // dataset.count) > _MAX_BLOCK_BYTES:
        raise SourceError(
            f"{declares} in blocks of {cols:,} x {rows:,}, each over {_MAX_BLOCK_BYTES >> 20} MiB in memory; write "
            "it in tiles: gdal_translate -co TILED=YES"
        )
