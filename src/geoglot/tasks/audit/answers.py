"""What a person decided about the places of a sample, and whether it is still the sample that chance drew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from geoglot.aliases import PathLike
from geoglot.errors import InputError
from geoglot.figures import format_list, format_some
from geoglot.tables import Table, parse_number, read_table
from geoglot.tasks.audit.design import DESIGN, TABLE, Design, read_design
from geoglot.tasks.audit.pick_places import Place

_UNKNOWN = ("", "?")
_MOST_UNANSWERED = 0.1
"""Share of the map's ground above which open places make intervals worthless."""
_MOVED = 1e-6  # degrees or pixels that a spreadsheet may round away
_CHOSEN = (".gpkg", ".geojson", ".json", ".shp", ".kml", ".fgb", ".parquet")
_WHY = "an interval holds only for places that chance chose, each with a chance that is known"
_DRAW = "draw such a sample with: geoglot audit MAP -o FOLDER"


@dataclass(frozen=True)
class Answers:
    """The decided places of a sample."""

    path: Path
    """The table."""
    design: Design
    names: Mapping[int, str]
    """The true class of each decided place, by its id."""
    notes: tuple[str, ...]

    @property
    def places(self) -> list[Place]:
        """The decided places."""
        return [place for place in self.design.places if place.id in self.names]


def read_answers(sample: PathLike) -> Answers:
    """Read a filled sample: the folder of an audit, or its `sample.csv`.

    InputError, with the reason, for places that chance did not choose, that were removed, added or moved, for classes
    that the map does not have, and for too many open places.
    """
    path = Path(sample) / TABLE if Path(sample).is_dir() else Path(sample)
    if path.suffix.lower() in _CHOSEN:
        raise InputError(f"{path} holds places that somebody chose, such as clicks, and {_WHY}; {_DRAW}")
    design_file = path.with_name(DESIGN)
    table = read_table(path, ("id", "class"))
    if not design_file.exists():
        raise InputError(
            f"{design_file} is missing, so nobody knows how the places of {path} were chosen: {_WHY}; {_DRAW}"
        )
    design = read_design(design_file)
    _check_places(table, design)
    known = {name.casefold(): name for name in design.names} | {name: name for name in design.names}
    names = dict[int, str]()
    for index, row in enumerate(table.rows):
        if (answer := row["class"]) in _UNKNOWN:
            continue
        if (name := known.get(answer) or known.get(answer.casefold())) is None:
            raise InputError(
                f"{table.where(index)}: the class must be one of {format_some(list(design.names))}, got {answer!r}; "
                "write ? where it cannot be told"
            )
        names[int(row["id"])] = name
    return Answers(path, design, names, (*table.notes, *_check_open(design, names)))


def _check_places(table: Table, design: Design) -> None:
    """InputError unless the table has every place of the design once, where it was drawn."""
    ids = Counter(row["id"] for row in table.rows)
    drawn = {str(place.id): at for place, at in zip(design.places, design.coordinates(), strict=True)}
    wrong = {
        "lacks the places": [id_ for id_ in drawn if not ids[id_]],
        "has places that were not drawn:": [id_ for id_ in ids if id_ not in drawn],
        "has more than one row for the places": [id_ for id_, count in ids.items() if count > 1],
        "has other coordinates for the places": [
            row["id"] for row in table.rows if row["id"] in drawn and _is_moved(row, drawn[row["id"]])
        ],
    }
    for what, places in wrong.items():
        if places:
            raise InputError(
                f"{table.path} {what} {format_some(places, 10)}, so it is not the sample that was drawn, and {_WHY}; "
                "restore the rows as they were, and leave the class of a place that cannot be told as ?"
            )


def _is_moved(row: Mapping[str, str], place: tuple[float, float]) -> bool:
    try:
        return any(abs(parse_number(row[axis]) - at) > _MOVED for axis, at in zip("xy", place, strict=True))
    except (KeyError, ValueError):
        return True


def _check_open(design: Design, names: Mapping[int, str]) -> tuple[str, ...]:
    """Notes on the places without a class; InputError if what was decided no longer stands for the map.

    The order of places is random, so those after the last decided one were left by their number and not by their looks:
    what was decided before is a random sample too, only a smaller one.
    """
    last = max(names, default=0)
    asked = [place for place in design.places if place.id <= last]
    skipped = [place for place in asked if place.id not in names]
    decided = Counter(place.stratum for place in asked if place.id in names)
    if empty := [stratum.name for index, stratum in enumerate(design.strata) if not decided[index]]:
        raise InputError(
            f"no place is decided yet in {format_list(empty, 10)} of the map, so nothing is known of that ground; "
            f"decide more places: {len(design.places) - len(names):,} of {len(design.places):,} are open"
        )
    notes = list[str]()
    if later := len(design.places) - last:
        notes.append(f"the last {later:,} places are not decided yet; the others are a smaller random sample")
    if skipped:
        lost = _ground_of(skipped, asked, design)
        said = f"{len(skipped):,} of {len(asked):,} places have no class, which stand for {lost:.1%} of the map"
        if lost > _MOST_UNANSWERED:
            raise InputError(
                f"{said}, more than {_MOST_UNANSWERED:.0%}: places that are hard to decide differ from others, so no "
                f"interval holds; decide more of {format_some([str(place.id) for place in skipped], 10)}"
            )
        notes.append(f"{said}; they are taken to be like the decided ones of their class")
    return tuple(notes)


def _ground_of(some: Sequence[Place], asked: Sequence[Place], design: Design) -> float:
    """The share of the map that some of the places stand for."""
    parts, wholes = (Counter(place.stratum for place in places) for places in (some, asked))
    return sum(design.strata[index].weight * parts[index] / whole for index, whole in wholes.items())
