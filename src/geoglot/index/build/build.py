"""Adds imagery to an archive. A reader, the model and a writer work at once; what is there is not read again."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from geoglot.aliases import PathLike
from geoglot.errors import InputError, SourceError
from geoglot.figures import format_number
from geoglot.index.build.commit import commit, forget_old
from geoglot.index.build.find_sources import each_content_once, hash_sources, list_sources
from geoglot.index.build.known_sources import Known, forget
from geoglot.index.build.plan_units import plan_units
from geoglot.index.build.scales import parse_scales
from geoglot.index.build.units import Rules, Source, Unit, list_failures
from geoglot.index.store.archive import Archive, ModelFacts, is_archive
from geoglot.models.lazy_model import LazyModel
from geoglot.models.stored import BUNDLED
from geoglot.options import IndexOptions, ReadOptions

if TYPE_CHECKING:
    from geoglot.models.base import VisionLanguageModel

Report = Callable[[str, int, int, str], None]
"""Called with (the name of the step, how much of it is done, how much there is, a note on the rate)."""
_MB = 1_000_000
_NOTES = 20
_WRITTEN_BEHIND = 2  # units that wait for the writer


@dataclass
class Added:
    """What was added, and what could not be."""

    place: str
    model: str
    sources: int = 0
    """Sources that were found."""
    there: int = 0
    """Sources that were there before."""
    chips: int = 0
    area_km2: float = 0.0
    failed: list[tuple[str, str]] = field(default_factory=list)
    """(source, reason) of what could not be read or computed."""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot index add --json`."""
        facts = {key: value for key, value in vars(self).items() if key not in ("place", "failed")}
        return {"archive": self.place, **facts, "failed": list_failures(self.failed)}


@dataclass(frozen=True)
class Job:
    """What is to be added to an archive, and how."""

    archive: Archive
    model: LazyModel
    rules: Rules
    known: Known
    found: Sequence[Source]
    units: Sequence[Unit]
    added: Added
    report: Report


@dataclass
class Meter:
    """Counts chips and area into what was added, and gives their rates."""

    added: Added
    _began: float = field(default_factory=time.monotonic)

    def count(self, chips: int, area_m2: float) -> None:
        self.added.chips += chips
        self.added.area_km2 += area_m2 / 1e6

    def text(self) -> str:
        """Chips a second, and square kilometres an hour."""
        elapsed = max(1e-6, time.monotonic() - self._began)
        area = f", {format_number(self.added.area_km2 * 3600 / elapsed)} km²/h" if self.added.area_km2 else ""
        return f"{format_number(self.added.chips / elapsed)} chips/s{area}"


def add(
    place: PathLike,
    sources: PathLike | Sequence[PathLike],
    *,
    model: LazyModel | VisionLanguageModel | PathLike | None = None,
    read: ReadOptions = ReadOptions(),
    options: IndexOptions = IndexOptions(),
    progress: Report | None = None,
) -> Added:
    """Add rasters, folders, patterns and lists of these to the archive in a folder, which is made if it is missing.

    `model` None takes that of the archive, or mini for a new one. A source that cannot be read is reported, and the
    rest is added. A killed run goes on when it is run again, and gives the same bytes. SourceError if no source at all
    can be read.
    """
    began = time.monotonic()
    job = prepare(place, sources, model=model, read=read, options=options, progress=progress)
    run_here(job)
    return finish(job, time.monotonic() - began)


def prepare(
    place: PathLike,
    sources: PathLike | Sequence[PathLike],
    *,
    model: LazyModel | VisionLanguageModel | PathLike | None,
    read: ReadOptions,
    options: IndexOptions,
    progress: Report | None,
    mirrors: bool = False,
) -> Job:
    """Open or make the archive, find the sources, and plan the units that it lacks.

    What files showed before they were changed is forgotten first: else a file that was only renamed would count as
    there by its old name, at which another one may lie by now. So is what is not among the sources, if the archive
    `mirrors` them; a link to a picture may be gone, and the picture still be elsewhere.
    """
    report = progress or (lambda what, done, total, note: None)
    encoder = LazyModel.of(load_for(place, model) if model is None or isinstance(model, PathLike) else model)
    scales = parse_scales(options.scale, encoder.card)
    area = _read_area(options.area) if options.area else ""
    archive = _open_or_create(place, encoder, options.patches)
    rules = Rules(archive.model, scales, archive.keeps_patches, options.least, read, area)
    known = Known()
    known.update(archive)
    wanted, failed = list_sources([sources] if isinstance(sources, PathLike) else sources)
    if mirrors:
        named = {each.uri for each in wanted}
        archive = forget(archive, known, lambda row: row.source not in named)
    every, unread = hash_sources(wanted, known.hashes, lambda what, done, total: report(what, done, total, ""))
    archive, found = forget_old(archive, every, known), each_content_once(every)
    planned = plan_units(found, rules, encoder.card, known)
    failed += [*unread, *planned.failed]
    added = Added(archive.place, encoder.card.name, len(found), planned.there, failed=failed, notes=planned.notes)
    return Job(archive, encoder, rules, known, found, planned.units, added, report)


def _read_area(path: PathLike) -> str:
    from geoglot.scene.vector_features import read_lonlat_area  # GeoPandas takes a second, and most runs have no area

    return str(read_lonlat_area(path).wkt)


def run_here(job: Job) -> None:
    """Do the units in this process. A thread reads ahead, and another writes what is encoded."""
    if not job.units:
        return
    from geoglot.index.build.encode_units import Done, encode_units  # imports torch and rasterio

    meter, total = Meter(job.added), sum(unit.size for unit in job.units)
    finished, writing = 0, deque[Future[Archive]]()
    with ThreadPoolExecutor(1, "geoglot-writer") as writer:
        for event in encode_units(job.units, job.rules, job.model.loaded):
            if isinstance(event, Done):
                writing.append(writer.submit(commit, job.archive, event.batch, job.known))
                finished += event.unit.size
                job.added.failed += event.failed
                job.added.notes += event.notes
                if len(writing) > _WRITTEN_BEHIND:
                    writing.popleft().result()
            else:
                meter.count(event.chips, event.area_m2)
                job.report("MB of imagery", int((finished + event.bytes) / _MB), max(1, int(total / _MB)), meter.text())
        for left in writing:
            left.result()


def finish(job: Job, seconds: float = 0.0) -> Added:
    """Say what was done."""
    added = job.added
    added.failed = list(dict.fromkeys(added.failed))  # each part of a source may say the same
    if added.failed and len(added.failed) >= len(job.found) and not (added.chips or added.there):
        raise SourceError(f"nothing could be added: {added.failed[0][1]}")
    added.notes = list(dict.fromkeys(added.notes))
    if (more := len(added.notes) - _NOTES) > 0:
        added.notes[_NOTES:] = [f"and {more:,} more on how other sources were read"]
    added.seconds = round(seconds, 2)
    return added


def load_for(place: PathLike, model: PathLike | None, device: str | None = None) -> VisionLanguageModel:
    """Load a model; None takes that of the archive in a folder, or mini for a new one."""
    if model is None:
        model = Archive.open(place).model.name if is_archive(place) else BUNDLED
    from geoglot.models.zoo import load_word_model  # imports torch

    return load_word_model(model, device=device, precision="auto")


def _open_or_create(place: PathLike, model: LazyModel, patches: bool) -> Archive:
    """The archive, which must be of this model; InputError if it is of another."""
    facts = ModelFacts.of(model.space)
    if not is_archive(place):
        return Archive.create(place, facts, patches=patches)
    archive = Archive.open(place)
    if archive.model != facts:
        raise InputError(
            f"{place} holds vectors of {archive.model.name} ({archive.model.sha256[:8]}), and those of {facts.name} "
            f"({facts.sha256[:8]}) do not compare with them; leave out --model, or give another archive"
        )
    if patches and not archive.keeps_patches:
        raise InputError(f"{place} was made without --patches; leave it out, or give another archive")
    return archive
