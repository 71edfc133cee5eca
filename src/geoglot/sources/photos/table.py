"""A table of photos: CSV or Parquet with the columns path, lon and lat, as people save them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite, nan
from pathlib import Path
from typing import Any

import pandas as pd

from geoglot.errors import InputError, SourceError
from geoglot.tables import parse_number, read_table

_NEEDED = ("path", "lon", "lat")


@dataclass(frozen=True)
class PhotoTable:
    """Rows as they are in the file, with their places in degrees."""

    path: Path
    rows: Sequence[Mapping[str, Any]]
    places: Sequence[tuple[float, float]]
    """lon, lat of each row; not a number where a cell is empty."""
    notes: tuple[str, ...]

    def file(self, index: int) -> str:
        """The path of a row from the table's folder on; separators of Windows are understood."""
        text = text_of(self.rows[index]["path"])
        return text if (self.path.parent / text).exists() else text.replace("\\", "/")

    def time(self, index: int) -> str:
        """When a photo was taken, in a form that can be compared; InputError where it could only be guessed."""
        text = text_of(self.rows[index].get("time"))
        try:
            return datetime.fromisoformat(text).isoformat() if text else ""
        except ValueError as error:
            raise InputError(
                f"{_where(self.path, index)}: time is as 2021-06-30T12:00:00 (ISO 8601), not {text!r}"
            ) from error


def read_photo_table(path: Path) -> PhotoTable:
    """All rows; InputError where none can be meant as a place on Earth."""
    rows, notes = _rows(path)
    places = [
        (_number(row["lon"], "lon", path, index), _number(row["lat"], "lat", path, index))
        for index, row in enumerate(rows)
    ]
    off = [index for index, (lon, lat) in enumerate(places) if abs(lon) > 180 or abs(lat) > 90]
    if off:
        lon, lat = places[off[0]]
        swapped = all(abs(lon) <= 90 and abs(lat) <= 180 for lon, lat in places if isfinite(lon) and isfinite(lat))
        ask = "are lon and lat swapped?" if swapped else "they must be degrees on WGS 84"
        told = f"{_where(path, off[0])} has lon {lon:g} and lat {lat:g}, which is no place on Earth: {ask}"
        if len(off) == sum(isfinite(lon) and isfinite(lat) for lon, lat in places):
            raise InputError(told)
        notes += (f"{told} ({len(off):,} of {len(rows):,} photos are left)",)
    return PhotoTable(path, rows, places, notes)


def _rows(path: Path) -> tuple[Sequence[Mapping[str, Any]], tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    try:
        if path.suffix.lower() == ".parquet":
            frame = pd.read_parquet(path)
            columns, rows = list(frame.columns), frame.to_dict("records")
        else:
            table = read_table(path)
            columns, rows, notes = list(table.columns), list(table.rows), table.notes
    except (SourceError, ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as a table ({error})") from error
    if lacking := [name for name in _NEEDED if name not in columns]:
        raise InputError(f"{path} has no column {lacking[0]!r}; it needs path, lon and lat")
    return rows, notes


def _where(path: Path, index: int) -> str:
    return f"{path}, photo {index + 1}"


def _number(value: Any, name: str, path: Path, index: int) -> float:
    try:
        return nan if text_of(value) == "" else parse_number(text_of(value))
    except ValueError as error:
        raise InputError(f"{_where(path, index)}: {name} is a number of degrees, not {value!r}") from error


def text_of(value: Any) -> str:
    """A cell as text; empty where there is nothing in it."""
    return "" if value is None or value != value else str(value)  # NaN is not itself
