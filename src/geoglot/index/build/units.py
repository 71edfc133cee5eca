"""Units of work: parts of sources, which one process reads and encodes; as JSON for a cluster.

A source is known by a hash of its content and a model by a hash of its weights, so the same unit gives the same vectors
wherever and how often it is done.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from geoglot.errors import SourceError
from geoglot.hashing import fingerprint
from geoglot.index.store.archive import ModelFacts
from geoglot.options import ReadOptions
from geoglot.tables import parse_json

CHIPS_A_PART = 1024
"""Chips of a part at most; what a killed run does again."""
LARGE_BYTES = 16_000_000
"""A larger file is a part or more of its own; smaller ones share a unit."""
#: What a search of STAC begins with, in place of a file
PREFIX = "stac:"
_MOST_PARTS = 512  # of a unit
FORMAT = 1


@dataclass(frozen=True)
class Source:
    """A raster or picture, as it was found."""

    uri: str
    sha: str
    """Hash of the content."""
    state: str = ""
    """Size and time of a local file; empty for others."""
    size: int = 0
    """Bytes; an assumed number for a source on another machine."""
    time: str | None = None
    """ISO 8601 in UTC, from a list or a catalogue; None leaves it to the file."""
    cloud: float | None = None
    """Share of cloud, 0..1."""
    scene: dict[str, Any] | None = field(default=None, hash=False)
    """A scene of a service, as `stac_scenes` found it."""


@dataclass(frozen=True)
class Part:
    """Some chips of a source at one scale."""

    source: Source
    asked: str
    """The scale: "auto", or metres as "224m"."""
    number: int = 0
    parts: int = 1

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What it holds."""
        return self.source.sha, self.asked, self.number, self.parts

    @property
    def size(self) -> int:
        """About how many bytes of the source it reads."""
        return self.source.size // self.parts


@dataclass(frozen=True)
class Rules:
    """How chips are read and encoded: everything beside the source that decides the vectors."""

    model: ModelFacts
    scales: tuple[str, ...] = ("auto",)
    """As `Part.asked`."""
    patches: bool = False
    least: float = 0.5
    """Least share of valid pixels of a chip inside its scene."""
    read: ReadOptions = field(default_factory=ReadOptions)
    area: str = ""
    """Of interest, in longitude and latitude as WKT; empty for everywhere."""

    @property
    def reading(self) -> str:
        """JSON of what decides the pixels of a source."""
        area = fingerprint({"area": self.area}) if self.area else None
        facts = {
            "bands": self.read.bands,
            "sensor": self.read.sensor,
            "nodata": self.read.nodata,
            "least": self.least,
            "area": area,
        }
        return json.dumps({key: value for key, value in facts.items() if value is not None})


@dataclass(frozen=True)
class Unit:
    """Parts that are done together."""

    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    def to_json(self, rules: Rules) -> dict[str, Any]:
        """The document of `geoglot index plan`."""
        parts = [
            {"source": asdict(part.source), "scale": part.asked, "part": part.number, "parts": part.parts}
            for part in self.parts
        ]
        document = {"format": FORMAT, "rules": asdict(rules), "parts": parts}
        return {"unit": fingerprint(document), **document}

    @staticmethod
    def parse(content: bytes, where: str) -> tuple[Unit, Rules]:
        """The unit of a document, and its rules; SourceError if it is damaged or of another version."""
        try:
            document = parse_json(content)
            name = document.pop("unit")
            if document["format"] != FORMAT:
                raise ValueError(f"its format is {document['format']!r}, and {FORMAT} is read")
            if fingerprint(document) != name:
                raise ValueError("it was changed after it was planned")
            parts = tuple(
                Part(Source(**part["source"]), part["scale"], part["part"], part["parts"]) for part in document["parts"]
            )
            return Unit(parts), _parse_rules(document["rules"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceError(f"{where} is not a unit of work ({error}); plan again: geoglot index plan") from error


def _parse_rules(facts: dict[str, Any]) -> Rules:
    read: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in facts["read"].items()
    }
    model, scales = ModelFacts(**facts["model"]), tuple(facts["scales"])
    return Rules(model, scales, facts["patches"], facts["least"], ReadOptions(**read), facts.get("area", ""))


def list_failures(failed: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """(source, reason) of what could not be read, as documents have it."""
    return [{"source": source, "reason": reason} for source, reason in failed]


def group_parts(parts: Iterable[Part]) -> Iterator[Unit]:
    """Units of neighbouring parts. How a list is cut depends on nothing but the list."""
    group, size = list[Part](), 0
    for part in parts:
        if group and (len(group) == _MOST_PARTS or size + part.size > LARGE_BYTES):
            yield Unit(tuple(group))
            group, size = [], 0
        group.append(part)
        size += part.size
    if group:
        yield Unit(tuple(group))
