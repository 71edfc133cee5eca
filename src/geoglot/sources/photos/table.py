"""A table of photos: CSV or Parquet with the columns path, lon and lat."""

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


@dataclass(frozen=True)
class PhotoTable:
    """Rows of the file and their places."""

    path: Path
    rows: Sequence[Mapping[str, Any]]
    places: Sequence[tuple[float, float]]
    """lon, lat of each row in degrees; NaN for an empty cell."""
    notes: tuple[str, ...]

    def file(self, index: int) -> str:
        """Path of a row's picture, relative to the table's folder; Windows separators are understood."""
        text = text_of(self.rows[index]["path"])
        return text if (self.path.parent / text).exists() else text.replace("\\", "/")

    def time(self, index: int) -> str:
        """Time of a photo in ISO 8601, which can be compared; InputError for another format."""
        text = text_of(self.rows[index].get("time"))
        try:
            return datetime.fromisoformat(text).isoformat() if text else ""
        except ValueError as error:
            row = _row_name(self.path, index)
            raise InputError(f"{row}: time must be ISO 8601, such as 2021-06-30T12:00:00, got {text!r}") from error


def read_photo_table(path: Path) -> PhotoTable:
    """Read all rows; InputError if no row has a possible place."""
    rows, notes = _read_rows(path)
    places = [
        (_number(row["lon"], "lon", path, index), _number(row["lat"], "lat", path, index))
        for index, row in enumerate(rows)
    ]
    off = [index for index, (lon, lat) in enumerate(places) if abs(lon) > 180 or abs(lat) > 90]
    if off:
        lon, lat = places[off[0]]
        known = [place for place in places if isfinite(place[0]) and isfinite(place[1])]
        swapped = all(abs(lon) <= 90 and abs(lat) <= 180 for lon, lat in known)
        ask = "are lon and lat swapped?" if swapped else "they must be degrees on WGS 84"
        note = f"{_row_name(path, off[0])} has lon {lon:g} and lat {lat:g}, which is no place on Earth: {ask}"
        if len(off) == len(known):
            raise InputError(note)
        notes += (f"{note} ({len(off):,} of {len(rows):,} photos are left)",)
    return PhotoTable(path, rows, places, notes)


def _read_rows(path: Path) -> tuple[Sequence[Mapping[str, Any]], tuple[str, ...]]:
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
    if missing := [name for name in ("path", "lon", "lat") if name not in columns]:
        raise InputError(f"{path} has no column {missing[0]!r}; it needs path, lon and lat")
    return rows, notes


def _number(value: Any, name: str, path: Path, index: int) -> float:
    try:
        return nan if text_of(value) == "" else parse_number(text_of(value))
    except ValueError as error:
        raise InputError(f"{_row_name(path, index)}: {name} must be a number of degrees, got {value!r}") from error


def _row_name(path: Path, index: int) -> str:
    return f"{path}, photo {index + 1}"


def text_of(value: Any) -> str:
    """A cell as text; empty if the cell is."""
    return "" if value is None or value != value else str(value)  # NaN differs from itself
