"""The folder of an audit: `sample.csv`, which a person fills in, and `design.json`, which says how it was drawn.

An interval holds only for places that chance chose, so the design keeps every place, and seals itself by the sha256 of
its text. The table says nothing of the map: whoever decides a place should not know what the map says of it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
from affine import Affine
from pyproj.exceptions import CRSError

from geoglot.errors import InputError, SourceError
from geoglot.geo import Grid
from geoglot.tables import parse_json, read_text
from geoglot.tasks.audit.census import Stratum
from geoglot.tasks.audit.pick_places import Place
from geoglot.version import __version__

TABLE, DESIGN = "sample.csv", "design.json"
COLUMNS = ("id", "x", "y", "chip", "class", "note")
_SEAL = "seal"


@dataclass(frozen=True)
class Design:
    """How a sample was drawn."""

    map: str
    """Path of the map, when it was drawn."""
    sha256: str
    grid: Grid
    names: tuple[str, ...]
    """All classes that a place may really be of, those without a pixel in the map too."""
    strata: tuple[Stratum, ...]
    places: tuple[Place, ...]
    transitions: Mapping[str, tuple[str, str]]
    """From what to what each class of a map of change leads, by its name; empty for other maps."""
    options: Mapping[str, Any]

    @property
    def sizes(self) -> list[int]:
        """Places of each stratum."""
        counts = Counter(place.stratum for place in self.places)
        return [counts[index] for index in range(len(self.strata))]

    def coordinates(self) -> list[tuple[float, float]]:
        """Centres of the places: longitude and latitude to 0.1 mm or, without a CRS, column and row in pixels."""
        rows, cols = (np.array([getattr(place, axis) for place in self.places]) + 0.5 for axis in ("row", "col"))
        x, y = self.grid.to_lonlat(rows, cols) if self.grid.crs else (cols, rows)
        return [(round(float(a), 9), round(float(b), 9)) for a, b in zip(x, y, strict=True)]

    def to_text(self) -> str:
        """The text of `design.json`, sealed."""
        crs = self.grid.crs.to_wkt() if self.grid.crs else None
        grid = {"crs": crs, "transform": list(self.grid.transform)[:6], "shape": list(self.grid.shape)}
        document = {
            "geoglot": __version__,
            "design": "stratified random sample of pixels; the strata are the classes of the map",
            "map": self.map, "sha256": self.sha256, "grid": grid, "options": dict(self.options),
            "names": list(self.names),
            "strata": [asdict(stratum) for stratum in self.strata],
            "transitions": {name: list(ends) for name, ends in self.transitions.items()},
            "places": [[place.id, place.row, place.col, place.stratum] for place in self.places],
        }  # fmt: skip
        return json.dumps({**document, _SEAL: _seal_of(document)}, indent=1) + "\n"

    def table(self, chips: Sequence[str]) -> str:
        """The text of `sample.csv`: a row a place, with the name of its picture, and no class yet."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(COLUMNS)
        for place, (x, y), chip in zip(self.places, self.coordinates(), chips, strict=True):
            rows.writerow([place.id, f"{x:.9f}", f"{y:.9f}", chip, "", ""])
        return text.getvalue()


def read_design(path: Path) -> Design:
    """Read `design.json`; InputError for one that was changed since it was written, SourceError for a damaged one."""
    try:
        document = parse_json(read_text(path).body)
        if document.pop(_SEAL) != _seal_of(document):
            raise InputError(
                f"{path} was changed after the sample was drawn, so nobody knows by what chance its places were "
                "chosen, and no interval holds; restore the file, or draw a new sample"
            )
        grid = document["grid"]
        return Design(
            map=document["map"],
            sha256=document["sha256"],
            grid=Grid(
                pyproj.CRS.from_wkt(grid["crs"]) if grid["crs"] else None,
                Affine(*grid["transform"]),
                (int(grid["shape"][0]), int(grid["shape"][1])),
            ),
            names=tuple(document["names"]),
            strata=tuple(Stratum(**stratum) for stratum in document["strata"]),
            places=tuple(Place(*place) for place in document["places"]),
            transitions={name: (ends[0], ends[1]) for name, ends in document["transitions"].items()},
            options=document["options"],
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, CRSError) as error:
        raise SourceError(f"{path} is no design of an audit ({type(error).__name__}); draw the sample again") from error


def _seal_of(document: Mapping[str, Any]) -> str:
    """The sha256 of a document without its seal."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
