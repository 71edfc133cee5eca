"""What may be asked of the map: the bodies of its jobs, made of the dataclasses of options."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from annotated_types import MaxLen, MinLen
from pydantic import AfterValidator, ConfigDict, TypeAdapter, ValidationError

from geoglot.errors import InputError
from geoglot.options import AuditOptions, ChangeOptions, FindOptions, ReadOptions, SearchOptions, SegmentOptions
from geoglot.scene.class_words import split_names

_STRICT = ConfigDict(extra="forbid")
#: Fields of options that name files. The map takes what they hold in the body, and never a path.
_PATHS = {"points", "area", "vectors"}
_KIND = re.compile(r"constrained-str|(list|dict)\[.*\]")  # how pydantic names kinds of values among the keys
_MOST_EXAMPLES = 1000
_MOST_DATES = 100
_MOST_TAUGHT = 20


def check_finite(document: dict[str, Any]) -> dict[str, Any]:
    """The document itself; ValueError for NaN and infinity, which Python reads although JSON has neither."""
    try:
        json.dumps(document, allow_nan=False)
    except ValueError:
        raise ValueError("all numbers must be finite") from None
    return document


Text = Annotated[str, MaxLen(2000)]
Words = Text | Annotated[list[Text], MaxLen(1000)] | dict[Text, Annotated[list[Text], MaxLen(100)]]
"""Names with commas, a list of names, or names with the words that mean each."""
Document = Annotated[dict[str, Any], AfterValidator(check_finite)]
"""JSON, of which nothing is known but that its numbers are finite."""
Geometry = Document | None
"""A polygon of GeoJSON in longitude and latitude, outside of which nothing counts."""


@dataclass(frozen=True)
class HeatBody:
    """Score words all over a scene, and find their objects by the threshold that the scene gives."""

    kind: ClassVar[str] = "heat"
    __pydantic_config__ = _STRICT
    scene: str
    words: Words
    model: str = "mini"
    options: FindOptions = FindOptions()
    read: ReadOptions = ReadOptions()


@dataclass(frozen=True)
class FindBody:
    """Find objects: with another threshold, in an area, or with refined outlines; by words, or at `places`.

    `places` is a FeatureCollection of points and boxes on the things that are to be outlined.
    """

    kind: ClassVar[str] = "find"
    __pydantic_config__ = _STRICT
    scene: str
    words: Words | None = None
    places: Document | None = None
    model: str = "mini"
    options: FindOptions = FindOptions()
    read: ReadOptions = ReadOptions()
    area: Geometry = None
    refine: Literal["none", "edges"] = "none"


@dataclass(frozen=True)
class SegmentBody:
    """Map classes: each place has one."""

    kind: ClassVar[str] = "segment"
    __pydantic_config__ = _STRICT
    scene: str
    words: Words
    model: str = "mini"
    also: Annotated[list[Text], MaxLen(_MOST_TAUGHT)] = field(default_factory=list)
    """Models that were taught on the same base, and whose classes count beside those of `model`."""
    options: SegmentOptions = SegmentOptions()
    read: ReadOptions = ReadOptions()
    area: Geometry = None


@dataclass(frozen=True)
class TeachBody:
    """Teach classes by points and polygons of GeoJSON, each with the property `class`."""

    kind: ClassVar[str] = "teach"
    __pydantic_config__ = _STRICT
    scene: str
    labels: Document
    name: Annotated[str, MaxLen(60)]
    model: str = "mini"
    read: ReadOptions = ReadOptions()


@dataclass(frozen=True)
class SearchBody:
    """Search an archive by words, by a picture, and by chips that are like what is meant, or unlike it."""

    kind: ClassVar[str] = "search"
    __pydantic_config__ = _STRICT
    archive: str
    text: Text | None = None
    image: Text | None = None
    """The id of a picture that was sent before."""
    like: Annotated[list[int], MaxLen(_MOST_EXAMPLES)] = field(default_factory=list)
    unlike: Annotated[list[int], MaxLen(_MOST_EXAMPLES)] = field(default_factory=list)
    options: SearchOptions = SearchOptions()
    area: Geometry = None


@dataclass(frozen=True)
class AskBody:
    """Ask a question about a scene in words."""

    kind: ClassVar[str] = "ask"
    __pydantic_config__ = _STRICT
    scene: str
    question: Annotated[str, MaxLen(2000)]
    model: str = "mini"
    read: ReadOptions = ReadOptions()
    area: Geometry = None


@dataclass(frozen=True)
class ChangeBody:
    """Compare dates of one place, oldest first, by words."""

    kind: ClassVar[str] = "change"
    __pydantic_config__ = _STRICT
    scenes: Annotated[list[Text], MinLen(2), MaxLen(_MOST_DATES)]
    words: Words
    model: str = "mini"
    options: ChangeOptions = ChangeOptions()
    read: ReadOptions = ReadOptions()
    area: Geometry = None


@dataclass(frozen=True)
class AuditBody:
    """Draw a random sample of a class map or a map of change, to be decided place by place."""

    kind: ClassVar[str] = "audit"
    __pydantic_config__ = _STRICT
    map: str
    """The job that made the map."""
    options: AuditOptions = AuditOptions()


Body = HeatBody | FindBody | SegmentBody | TeachBody | SearchBody | AskBody | ChangeBody | AuditBody
B = TypeVar("B", bound=Body)


def parse_body(kind: type[B], document: Any) -> B:
    """The body of a job from JSON that was written by `to_document`, or sent by a stranger; InputError."""
    try:
        body = TypeAdapter(kind).validate_python(document)
    except ValidationError as error:
        raise InputError(first_fault(error.errors())) from error
    check_no_paths(body)
    return body


def first_fault(found: Sequence[Any]) -> str:
    """Where the first of the errors of a document is, and what.

    Of several kinds of values that would do, the one that was meant has an error that is not about its kind.
    """
    fault = next((each for each in found if not each["type"].endswith("_type")), found[0])
    return f"{'.'.join(str(part) for part in fault['loc'] if not _KIND.fullmatch(str(part)))}: {fault['msg']}"


def to_document(body: Body) -> dict[str, Any]:
    """A body as JSON."""
    return asdict(body)


def check_no_paths(body: Body) -> None:
    """InputError for options that name a file of this machine."""
    options = getattr(body, "options", None)
    for each in fields(options) if options is not None else ():
        if each.name in _PATHS and getattr(options, each.name) is not None:
            raise InputError(f"options.{each.name} names a file, which the map never opens; send what it holds: area")


def names_of(words: Words) -> list[str] | dict[str, list[str]]:
    """Words as `parse_classes` takes them, never the name of a file; InputError if there are none."""
    names = split_names(words) if isinstance(words, str) else words
    if not any(name.strip() for name in names):
        raise InputError("words must name at least one thing to look for")
    return [name for name in names if name.strip()] if isinstance(names, list) else names
