"""Builds an archive on many machines: plan units of work, do them anywhere in any order, and join the results.

Anything that runs a command N times is a scheduler: xargs -P, GNU parallel, a job array of SLURM, Kubernetes or Batch.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geoglot.aliases import PathLike, Progress
from geoglot.errors import InputError
from geoglot.index.build.build import Job
from geoglot.index.build.commit import commit, forget_old
from geoglot.index.build.encode_units import Done, encode_units
from geoglot.index.build.find_sources import Wanted, hash_sources
from geoglot.index.build.known_sources import Known
from geoglot.index.build.unit_files import UNIT, list_units, make_folder, pack, read_file, result_of, unpack, write_file
from geoglot.index.build.units import Rules, Source, Unit, list_failures
from geoglot.index.store.archive import Archive, ModelFacts
from geoglot.models.base import VisionLanguageModel
from geoglot.sources.raster_guard import is_local


def write_plan(job: Job, place: PathLike) -> list[str]:
    """Write the units of a job into a folder, here or at a URL; returns their files. Units that lie there stay."""
    make_folder(place)
    files = list[str]()
    for unit in job.units:
        document = unit.to_json(job.rules)
        files.append(f"{str(place).rstrip('/')}/unit-{document['unit']}{UNIT}")
        write_file(files[-1], json.dumps(document, indent=1).encode())
    return files


def do_unit(file: PathLike, load: Callable[[str], VisionLanguageModel]) -> Done:
    """Do the unit in a file and write its result beside it. Doing it again gives the same bytes.

    `load` gives the model by its name; InputError if its weights are not those that the unit was planned for.
    """
    result = result_of(file)
    unit, rules = Unit.parse(read_file(file), str(file))
    done = encode_one(unit, rules, load(rules.model.name))
    write_file(result, pack(done))
    return done


def encode_one(unit: Unit, rules: Rules, model: VisionLanguageModel) -> Done:
    """Encode a unit with the model that it was planned for."""
    if ModelFacts.of(model.space) != rules.model:
        raise InputError(
            f"the unit was planned for {rules.model.name} ({rules.model.sha256[:8]}), and this is {model.space.name} "
            f"({model.space.sha256[:8]}); give the same weights: --model"
        )
    return next(event for event in encode_units([unit], rules, model) if isinstance(event, Done))


@dataclass
class Joined:
    """What was joined to an archive."""

    place: str
    units: int = 0
    missing: list[str] = field(default_factory=list)
    """Units without a result."""
    chips: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    """(source, reason) of what could not be read or computed."""

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot index commit --json`."""
        facts = {"archive": self.place, "units": self.units, "chips": self.chips, "missing": self.missing}
        return {**facts, "failed": list_failures(self.failed)}


def join_units(place: PathLike, plan: PathLike, progress: Progress | None = None) -> Joined:
    """Add the results in the folder of a plan to the archive in a folder; those that it holds change nothing.

    Of a file here that was overwritten between two plans, what it showed before is forgotten.
    """
    archive, known = Archive.open(place), Known()
    known.update(archive)
    done, missing = list_units(plan)
    joined, before = Joined(archive.place, len(done), missing), archive.rows
    for number, file in enumerate(done, 1):
        unit, rules = Unit.parse(read_file(file), file)
        if rules.model != archive.model or rules.patches != archive.keeps_patches:
            raise InputError(f"{file} was planned for another archive than {place}")
        result = unpack(read_file(result_of(file)), unit, result_of(file))
        archive = commit(archive, result.batch, known)
        joined.failed += result.failed
        if progress:
            progress("units", number, len(done))
    joined.chips = forget_old(archive, _overwritten(known), known).rows - before
    return joined


def _overwritten(known: Known) -> list[Source]:
    """The files here of which an archive holds more than one content, with that of now."""
    contents = defaultdict[str, set[str]](set)
    for row in known.parts.values():
        contents[row.source].add(row.sha)
    several = [uri for uri, shas in contents.items() if len(shas) > 1 and is_local(uri) and Path(uri).is_file()]
    return hash_sources([Wanted(uri) for uri in several], known.hashes)[0]
