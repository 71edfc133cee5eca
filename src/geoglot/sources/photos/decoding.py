"""Decode the files of photos: refuse damaged ones and placeholders, shrink the rest, and read EXIF tags.

The place in the tags counts only if it is unambiguous (Exif 3.0, section 4.6.6): if its reference (N, S, E, W) is
unknown or contradicts its sign, the photo could land on the wrong side of the equator or of Greenwich.
"""

import io
import struct
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from math import isfinite, nan
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from geoglot.errors import SourceError
from geoglot.silence import ignore_library_warnings
from geoglot.sources.gdal import check_jpeg
from geoglot.sources.truncated import find_damage_in
from geoglot.web.response import Response, RetryableError

SHORT_SIDE = 256  # as the authors keep photos (graft-data-collection, get_images_new.py)
_LEAST_SIDE = 64
_FLAT = 2.0  # standard deviation in grey levels; below, a picture counts as of one colour
_QUALITY = 90
_MOST_PIXELS = 64 * 2**20  # JPEG may be larger, since it is decoded at reduced size
#: Errors of decoders for damaged files, besides OSError
DAMAGE = (
    Image.DecompressionBombError, SyntaxError, ValueError, LookupError, TypeError, ArithmeticError, EOFError,
    struct.error,
)  # fmt: skip
_LARGE = 2**24
_one_large = threading.Lock()  # several threads at once would need several times the memory
_JPEG = b"\xff\xd8"
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF")


def formats() -> tuple[str, ...]:
    """Formats that are read; AVIF only if Pillow supports it."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def decode_rgb(file: bytes | Path) -> Image.Image:
    """A whole picture of one of `formats` in RGB; OSError for another, a damaged or a too large one."""
    try:
        with (
            ignore_library_warnings(),
            Image.open(io.BytesIO(file) if isinstance(file, bytes) else file, formats=formats()) as picture,
        ):
            return picture.convert("RGB")
    except UnidentifiedImageError as error:
        raise OSError(f"cannot identify it as one of {', '.join(formats())}") from error
    except DAMAGE as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


def picture_of(response: Response) -> bytes:
    """The body of a response; RetryableError unless it is a complete picture."""
    if not response.content_type.startswith("image/") and response.content_type != "application/octet-stream":
        raise RetryableError(f"{response.content_type or 'no content type'} in place of a picture")
    try:
        shrink(response.body)
    except OSError as error:
        raise RetryableError(str(error)) from error
    return response.body


def shrink(body: bytes) -> bytes:
    """Encode a picture as JPEG with a short side of at most 256 px, upright, without tags.

    OSError if it is incomplete or damaged, SourceError for a placeholder: too small or of one colour.
    """
    if damage := find_damage_in(body):
        raise OSError(f"cut short or damaged ({damage})")  # decoders would fill it with grey
    with ignore_library_warnings():  # about damaged tags, which are dropped
        try:
            file: Image.Image = Image.open(io.BytesIO(body), formats=formats())
            if min(file.size) < _LEAST_SIDE:
                raise SourceError(f"a picture of {file.width} x {file.height} px, which is too small")
            if file.format != "JPEG" and file.width * file.height > _MOST_PIXELS:
                most = f"too large: at most {_MOST_PIXELS:,} pixels are read; store it as JPEG, or smaller"
                raise SourceError(f"a picture of {file.width} x {file.height} px, which is {most}")
            with _one_large if file.width * file.height > _LARGE else nullcontext():
                if body.startswith(_JPEG):
                    check_jpeg(body)
                file.draft("RGB", (2 * SHORT_SIDE, 2 * SHORT_SIDE))
                picture = _to_8_bits(ImageOps.exif_transpose(file)).convert("RGB")
        except UnidentifiedImageError as error:
            raise OSError(f"cannot identify it as one of {', '.join(formats())}") from error
        except DAMAGE as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
    if np.asarray(picture.resize((32, 32))).std(axis=(0, 1)).max() < _FLAT:
        raise SourceError("a picture of one colour")
    scale = SHORT_SIDE / min(picture.size)
    if scale < 1:
        size = (max(SHORT_SIDE, round(picture.width * scale)), max(SHORT_SIDE, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    small = io.BytesIO()
    picture.save(small, "JPEG", quality=_QUALITY)
    return small.getvalue()


def _to_8_bits(picture: Image.Image) -> Image.Image:
    if not picture.mode.startswith("I"):
        return picture
    # Pillow would clip, not shift.
    return Image.fromarray((np.asarray(picture).clip(0, 65_535) // 256).astype(np.uint8))


def read_tags(path: Path) -> dict[str, Any]:
    """Fields of a Photo: lon and lat (NaN if unknown), time, user, author and licence."""
    try:
        with ignore_library_warnings(), Image.open(path, formats=formats()) as picture:
            if picture.width * picture.height > _MOST_PIXELS and picture.format == "PNG":
                raise ValueError("a PNG is decoded as a whole to find its tags")
            tags = picture.getexif()
            gps, more = tags.get_ifd(ExifTags.IFD.GPSInfo), tags.get_ifd(ExifTags.IFD.Exif)
        lon, lat = place_of(gps)
    except (OSError, *DAMAGE):
        return {"lon": nan, "lat": nan, "time": "", "user": "", "author": ""}
    artist, licence = (_text(tags.get(tag)) for tag in (ExifTags.Base.Artist, ExifTags.Base.Copyright))
    try:
        taken = datetime.strptime(_text(more.get(ExifTags.Base.DateTimeOriginal)), "%Y:%m:%d %H:%M:%S").isoformat()
    except ValueError:
        taken = ""
    return {"lon": lon, "lat": lat, "time": taken, "user": artist, "author": artist, "licence": licence}


def place_of(gps: Mapping[int, Any]) -> tuple[float, float]:
    """(lon, lat) from the GPS directory; NaN unless they are unambiguous."""
    tags = ExifTags.GPS
    lat = _degrees(gps.get(tags.GPSLatitude), gps.get(tags.GPSLatitudeRef), ("NORTH", "SOUTH"), 90.0)
    lon = _degrees(gps.get(tags.GPSLongitude), gps.get(tags.GPSLongitudeRef), ("EAST", "WEST"), 180.0)
    return lon, lat


def _degrees(parts: Any, reference: Any, sides: tuple[str, str], most: float) -> float:
    """Degrees, negative on the second side. The reference names a side by its word or its first letter."""
    try:
        numbers = [float(part) for part in (parts if isinstance(parts, tuple | list) else (parts,))]
    except (TypeError, ValueError, ArithmeticError):
        return nan
    numbers += [0.0] * (3 - len(numbers))
    text = _text(reference).upper()
    sign = next((sign for sign, side in zip((1, -1), sides, strict=True) if text in (side, side[0])), 0)
    degrees = abs(numbers[0]) + numbers[1] / 60 + numbers[2] / 3600
    is_whole = len(numbers) == 3 and all(isfinite(part) and 0 <= part <= 60 for part in numbers[1:])
    if sign == 0 or not is_whole or not degrees <= most or (numbers[0] < 0 and sign > 0):
        return nan
    return sign * degrees


def _text(value: Any) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
    return text.strip("\0 \t\r\n")
