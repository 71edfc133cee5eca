"""What a picture's EXIF tags tell: where the camera stood, when, whose picture it is.

A place is taken only if it is told without doubt (Exif 3.0, section 4.6.6): a reference that cannot be read, or one
that a sign contradicts, would put a photo on the other side of the equator or of Greenwich.
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

_NORTH_SOUTH, _EAST_WEST = ("NORTH", "SOUTH"), ("EAST", "WEST")


def read_tags(path: Path) -> dict[str, Any]:
    """Fields of a Photo: place (not a number where it is not told), time, user, author and licence."""
    nowhere = {"lon": nan, "lat": nan, "time": "", "user": "", "author": ""}
    try:
        with ignore_library_warnings(), Image.open(path, formats=formats()) as picture:
            tags = picture.getexif()
            gps, more = tags.get_ifd(ExifTags.IFD.GPSInfo), tags.get_ifd(ExifTags.IFD.Exif)
        lon, lat = place_of(gps)
    except (OSError, *DAMAGE):
        return nowhere
    artist = _text(tags.get(ExifTags.Base.Artist))
    taken, licence = _text(more.get(ExifTags.Base.DateTimeOriginal)), _text(tags.get(ExifTags.Base.Copyright))
    return {"lon": lon, "lat": lat, "time": _time(taken), "user": artist, "author": artist, "licence": licence}


def place_of(gps: Mapping[int, Any]) -> tuple[float, float]:
    """lon, lat by the tags of the GPS directory; not a number where these do not tell it without doubt."""
    lat = _degrees(gps.get(ExifTags.GPS.GPSLatitude), gps.get(ExifTags.GPS.GPSLatitudeRef), _NORTH_SOUTH, 90.0)
    lon = _degrees(gps.get(ExifTags.GPS.GPSLongitude), gps.get(ExifTags.GPS.GPSLongitudeRef), _EAST_WEST, 180.0)
    return lon, lat


def _degrees(parts: Any, reference: Any, sides: tuple[str, str], most: float) -> float:
    """Degrees, negative on the second of the sides; not a number where the place is not told without doubt."""
    try:
        numbers = [float(part) for part in (parts if isinstance(parts, tuple | list) else (parts,))]
    except (TypeError, ValueError, ArithmeticError):
        return nan
    numbers += [0.0] * (3 - len(numbers))
    side = _side(reference, sides)
    degrees = abs(numbers[0]) + numbers[1] / 60 + numbers[2] / 3600
    is_whole = len(numbers) == 3 and all(isfinite(one) and 0 <= one <= 60 for one in numbers[1:])
    if side == 0 or not is_whole or not degrees <= most or (numbers[0] < 0 and side > 0):
        return nan
    return side * degrees


def _side(reference: Any, sides: tuple[str, str]) -> int:
    """1 for the first of two sides, -1 for the second, 0 for what is neither; a word or its first letter."""
    text = _text(reference).upper()
    named = [sign for sign, side in zip((1, -1), sides, strict=True) if text in (side, side[0])]
    return named[0] if named else 0


def _text(value: Any) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
    return text.strip("\0 \t\r\n")


def _time(text: str) -> str:
    try:
        return datetime.strptime(text, "%Y:%m:%d %H:%M:%S").isoformat()
    except ValueError:
        return ""
