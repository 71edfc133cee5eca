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

import pyproj
from affine import Affine
from pydantic import TypeAdapter
from pyproj.exceptions import CRSError

from geoglot.errors import InputError, SourceError
from geoglot.geo import Grid
from geoglot.outputs.legend import check_names
from geoglot.tables import parse_json, read_text
from geoglot.tasks.audit.census import Stratum
from geoglot.tasks.audit.pick_places import Place, centres
from geoglot.version import __version__

TABLE, DESIGN = "sample.csv", "design.json"
COLUMNS = ("id", "x", "y", "chip", "class", "note")
_SEAL = "seal"
_WHOLE = 1e-6  # by which rounding may keep shares of the map from adding to 1


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
        rows, cols = centres(self.places)
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
        return _parse(document)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, CRSError) as error:
        raise SourceError(f"{path} is no design of an audit ({type(error).__name__}); draw the sample again") from error


def _parse(document: Mapping[str, Any]) -> Design:
    """A design from its document; ValueError, TypeError and the like for one that geoglot did not write."""
    grid = document["grid"]
    rows, cols = TypeAdapter(tuple[int, int]).validate_python(grid["shape"])
    design = Design(
        map=TypeAdapter(str).validate_python(document["map"]),
        sha256=TypeAdapter(str).validate_python(document["sha256"]),
        grid=Grid(
            pyproj.CRS.from_wkt(grid["crs"]) if grid["crs"] else None,
            Affine(*TypeAdapter(tuple[float, float, float, float, float, float]).validate_python(grid["transform"])),
            (rows, cols),
        ),
        names=TypeAdapter(tuple[str, ...]).validate_python(document["names"]),
        strata=TypeAdapter(tuple[Stratum, ...]).validate_python(document["strata"]),
        places=tuple(
            Place(*place) for place in TypeAdapter(list[tuple[int, int, int, int]]).validate_python(document["places"])
        ),
        transitions=TypeAdapter(dict[str, tuple[str, str]]).validate_python(document["transitions"]),
        options=TypeAdapter(dict[str, Any]).validate_python(document["options"]),
    )
    check_names((*design.names, *(stratum.name for stratum in design.strata)))
    numbered = [place.id for place in design.places] == list(range(1, len(design.places) + 1))
    inside = all(0 <= place.row < rows and 0 <= place.col < cols for place in design.places)
    known = all(0 <= place.stratum < len(design.strata) for place in design.places)
    whole = abs(sum(stratum.weight for stratum in design.strata) - 1) < _WHOLE
    sizes = design.sizes if known else []
    enough = all(
        0 <= stratum.weight <= 1 and 0 < size <= stratum.pixels <= rows * cols and (stratum.area_m2 or 0.0) >= 0
        for stratum, size in zip(design.strata, sizes, strict=False)
    )
    if not (design.places and numbered and inside and known and whole and enough):
        raise ValueError("places and strata do not fit")
    return design


def _seal_of(document: Mapping[str, Any]) -> str:
    """The sha256 of a document without its seal."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
