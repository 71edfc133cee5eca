"""Read place, time, author and licence of a photo from its EXIF tags.

A place counts only if it is unambiguous (Exif 3.0, section 4.6.6): if its reference (N, S, E, W) cannot be read or
contradicts its sign, the photo could land on the wrong side of the equator or of Greenwich.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from math import isfinite, nan
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from geoglot.silence import ignore_library_warnings
from geoglot.sources.photos.decoding import DAMAGE, formats


def read_tags(path: Path) -> dict[str, Any]:
    """Fields of a Photo: lon and lat (NaN if unknown), time, user, author and licence."""
    try:
        with ignore_library_warnings(), Image.open(path, formats=formats()) as picture:
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
