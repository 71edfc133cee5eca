"""What OGC API Features and STAC API ask of a list of features: a box, a time, and pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Any
from urllib.parse import urlencode

import shapely
from fastapi.responses import JSONResponse

from geoglot.errors import InputError
from geoglot.lonlat import ground_of, west_east_bounds

#: Features of one page
MOST = 10_000
DEFAULT = 100
GEOJSON = "application/geo+json"

Box = tuple[float, float, float, float]
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EVER = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))


class GeoJson(JSONResponse):
    """An answer of features."""

    media_type = GEOJSON


@dataclass(frozen=True)
class Page:
    """Some of the features that were asked for."""

    features: list[dict[str, Any]]
    matched: int
    next: int | None
    """The offset of the next page."""


@dataclass(frozen=True)
class Asked:
    """A box and a time; None for all."""

    box: Box | None = None
    times: tuple[datetime, datetime] | None = None
    limit: int = DEFAULT
    offset: int = 0
    given: Mapping[str, Any] = field(default_factory=dict)
    """Box and time as they were given, for the address of the next page."""

    @classmethod
    def of(cls, bbox: str | Sequence[Any] | None, moment: str | None, limit: int, offset: int) -> Asked:
        """InputError for a box or a time that cannot be read."""
        given = {"bbox": bbox, "datetime": moment}
        return cls(parse_box(bbox), parse_times(moment), min(max(limit, 1), MOST), offset, given)

    def page(self, features: Iterable[dict[str, Any]]) -> Page:
        """The page of the features that touch the box and the time."""
        found = [each for each in features if self._touches(each)]
        stop = self.offset + self.limit
        return Page(found[self.offset : stop], len(found), stop if stop < len(found) else None)

    def _touches(self, feature: Mapping[str, Any]) -> bool:
        if self.times is not None and not _meets(self.times, _times_of(feature["properties"])):
            return False
        if self.box is None:
            return True
        bounds = feature.get("bbox") or bounds_of(feature["geometry"])
        if bounds is None or not boxes_touch(self.box, bounds):
            return False
        west, south, east, north = self.box
        is_within = west <= bounds[0] <= bounds[2] <= east and south <= bounds[1] and bounds[3] <= north
        return is_within or bool(ground_of(self.box).intersects(shapely.from_geojson(json.dumps(feature["geometry"]))))


def check_known(given: Iterable[str], known: Iterable[str]) -> None:
    """InputError for a parameter that nobody reads: an answer without it would pass for one with it."""
    if unknown := {*given} - {*known, "limit", "offset", "bbox", "datetime", "f", "token"}:
        raise InputError(f"there is no parameter {min(unknown)[:40]!r} here")


def link(rel: str, href: str, kind: str = "application/json", **more: Any) -> dict[str, Any]:
    """A link of a document."""
    return {"rel": rel, "href": href, "type": kind, **more}


def answer(
    asked: Asked, found: Iterable[dict[str, Any]], own: str, links: list[dict[str, Any]],
    *, given: Mapping[str, Any] | None = None, post: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """A page of features that leads to the next one; `given` is what was asked besides a box and a time."""
    page = asked.page(found)
    links = [link("self", own, GEOJSON), *links]
    if page.next is not None:
        again = {key: value for key, value in {**asked.given, **(given or {})}.items() if value is not None}
        again |= {"limit": asked.limit, "offset": page.next}
        how = {"method": "POST", "body": again} if post else {"method": "GET"}
        links.append(link("next", own if post else f"{own}?{urlencode(again)}", GEOJSON, **how))
    return {"type": "FeatureCollection", "features": page.features, "links": links, "numberMatched": page.matched,
            "numberReturned": len(page.features)}  # fmt: skip


def parse_box(text: str | Sequence[Any] | None) -> Box | None:
    """West, south, east, north in degrees; of six numbers, heights are passed over. InputError."""
    if text is None:
        return None
    try:
        numbers = [float(part) for part in (text.split(",") if isinstance(text, str) else text)]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) == 6:
        numbers = [*numbers[:2], *numbers[3:5]]
    if len(numbers) != 4 or not all(map(isfinite, numbers)) or numbers[1] > numbers[3]:
        raise InputError("bbox must be west,south,east,north in degrees, with south below north")
    return numbers[0], numbers[1], numbers[2], numbers[3]


def parse_times(text: str | None) -> tuple[datetime, datetime] | None:
    """A moment, or two with a slash between, of which one may be "..". InputError."""
    if text is None:
        return None
    parts = text.split("/")
    if len(parts) > 2:
        raise InputError(f"datetime must be a moment or an interval, got {text[:60]!r}")
    if len(parts) == 2 and set(parts) <= {"..", ""}:
        raise InputError("datetime must have an end, or a beginning")
    first, last = (_moment(part, end) for part, end in zip((parts[0], parts[-1]), _EVER, strict=True))
    if first > last:
        raise InputError("datetime must not end before it begins")
    return first, last


def _moment(text: str, otherwise: datetime) -> datetime:
    if text in ("..", ""):
        return otherwise
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError("no moment of RFC 3339")
        return datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise InputError(f"datetime must be as 2024-05-31T10:00:00Z, with its time zone, got {text[:40]!r}") from error


def _times_of(facts: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    ends = facts.get("start_datetime") or facts.get("datetime"), facts.get("end_datetime") or facts.get("datetime")
    return None if None in ends else (datetime.fromisoformat(str(ends[0])), datetime.fromisoformat(str(ends[1])))


def _meets(asked: tuple[datetime, datetime], own: tuple[datetime, datetime] | None) -> bool:
    """A feature without a time is there at any."""
    return own is None or (own[0] <= asked[1] and asked[0] <= own[1])


def boxes_touch(box: Box, other: Sequence[float]) -> bool:
    """Whether two boxes in degrees share a point; west > east across the antimeridian."""
    if not (box[1] <= other[3] and other[1] <= box[3]):
        return False
    own, others = ([(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
                   for west, east in ((box[0], box[2]), (other[0], other[2])))  # fmt: skip
    return any(a <= d and c <= b for a, b in own for c, d in others)


def bounds_of(geometry: Mapping[str, Any] | None) -> Box | None:
    """The box of a geometry of GeoJSON; west > east across the antimeridian, where geometries are cut."""
    points = list(_points((geometry or {}).get("coordinates", ())))
    if not points:
        return None
    xs, ys = zip(*points, strict=True)
    if min(xs) == -180 and max(xs) == 180:
        return west_east_bounds(shapely.from_geojson(json.dumps(geometry)))
    return min(xs), min(ys), max(xs), max(ys)


def _points(nested: Any) -> Iterable[tuple[float, float]]:
    if nested and isinstance(nested[0], int | float):
        yield float(nested[0]), float(nested[1])
    else:
        for part in nested:
            yield from _points(part)
