"""Plans what is to be done for some sources: the parts that an archive lacks, in units of work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from geoglot.errors import GridError, InputError, SourceError
from geoglot.index.build.known_sources import Known, Row
from geoglot.index.build.scales import AUTO, scale_of, why_too_coarse
from geoglot.index.build.units import CHIPS_A_PART, LARGE_BYTES, Part, Rules, Source, Unit, group_parts
from geoglot.models.card import Card
from geoglot.sources.analysis_grid import analysis_grid
from geoglot.sources.raster_guard import is_local


@dataclass
class Planned:
    """The units that are to be done, and what was found on the way."""

    units: list[Unit] = field(default_factory=list)
    there: int = 0
    """Sources of which everything is in the archive."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """(source, reason) of those that cannot be opened."""
    notes: list[str] = field(default_factory=list)


def plan_units(sources: Sequence[Source], rules: Rules, card: Card, known: Known) -> Planned:
    """Plan. A list is cut into units in the same way however much of it is done, so a killed run gives the same."""
    planned = Planned()
    counts = {(row.sha, row.asked): row.parts for row in known.parts.values()}
    before, scales = defaultdict[str, set[str]](set), dict[tuple[str, str], float | None]()
    for sha, asked in counts:
        before[sha].add(asked)

    def find(part: Part) -> Row | None:
        return known.find(part.key, scales[part.source.sha, part.asked])

    def is_there(part: Part) -> bool:
        row = find(part)
        return row is not None and not row.failed

    every = list[Part]()
    for source in sources:
        try:
            each = [
                Part(source, asked, number, count)
                for asked in rules.scales
                for count in [counts.get((source.sha, asked)) or _count_parts(source, asked, card)]
                for number in range(count)
            ]
            scales |= {
                (source.sha, asked): _scale_in(source, asked, before.get(source.sha, ()), card)
                for asked in rules.scales
            }
        except (SourceError, GridError, InputError) as error:
            planned.failed.append((source.uri, str(error)))
            continue
        planned.there += all(map(is_there, each))
        rows = [row for part in each if (row := find(part)) is not None]
        planned.notes += [*_other_reading(rows, rules), *_other_time(rows, source), *_moved(rows, source)]
        every += each
    for unit in group_parts(every):
        if left := tuple(part for part in unit.parts if not is_there(part)):
            planned.units.append(Unit(left))
    return planned


def _scale_in(source: Source, asked: str, before: Collection[str], card: Card) -> float | None:
    """The scale in metres of a source whose chips may be there, asked for otherwise; None if they are not."""
    if asked != AUTO:
        return float(asked.removesuffix("m"))
    if AUTO in before or not before:
        return None
    from geoglot.index.build.open_source import grid_of

    native = grid_of(source)
    return None if native.crs is None else scale_of(AUTO, native, card)


def _count_parts(source: Source, asked: str, card: Card) -> int:
    """The number of parts of a source; only a large one is opened."""
    if source.size <= LARGE_BYTES:
        return 1
    from geoglot.index.build.chips import find_places  # these import rasterio, and most sources are small
    from geoglot.index.build.open_source import grid_of

    native = grid_of(source)
    if native.crs is None:
        return 1
    scale, side = scale_of(asked, native, card), card.tile_size
    if why_too_coarse(native, scale, card):
        return 1
    places = find_places(analysis_grid(native, scale / side, source.uri), scale, side)
    return -(-len(places) // CHIPS_A_PART)


def _moved(rows: Sequence[Row], source: Source) -> Iterator[str]:
    """A sentence on a source that is there under a name at which no file lies any more."""
    known = next((row.source for row in rows if row.source != source.uri), None)
    if known and is_local(known) and not Path(known).exists():
        yield (
            f"{source.uri} is in the archive as {known}, which is gone, so its hits show no pictures; to name the new "
            f"place: geoglot index remove ARCHIVE {known}, then add it again"
        )


def _other_time(rows: Sequence[Row], source: Source) -> Iterator[str]:
    """A sentence on a source that is there with another time than a list or a catalogue says now."""
    said = source.time
    if said and rows and rows[0].time != datetime.fromisoformat(said):
        was = "without a time" if rows[0].time is None else f"with the time {rows[0].time.isoformat()}"
        yield (
            f"{rows[0].source} is in the archive {was}, and {said} is not taken; to give it that, remove it first: "
            "geoglot index remove"
        )


def _other_reading(rows: Sequence[Row], rules: Rules) -> Iterator[str]:
    if other := next((row for row in rows if row.reading != rules.reading), None):
        yield (
            f"{other.source} is in the archive, read with {other.reading}; to read it otherwise, remove it first: "
            "geoglot index remove"
        )
