"""Draw a random sample of a map, to be decided by a person: what it takes, and the folder with everything needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from geoglot.aliases import PathLike, Progress
from geoglot.errors import InputError, OutputError
from geoglot.figures import format_list
from geoglot.hashing import sha256_of
from geoglot.options import AuditOptions
from geoglot.outputs.atomic import check_folder, folder_appears
from geoglot.outputs.notebook.page import Drawing, Page
from geoglot.outputs.notebook.shown import ShownOnMap
from geoglot.sources.raster_guard import is_local
from geoglot.tables import read_text
from geoglot.tasks.audit.audit_page import draw_sample, page_of_sample
from geoglot.tasks.audit.census import Stratum, take_census
from geoglot.tasks.audit.class_raster import open_classes
from geoglot.tasks.audit.design import DESIGN, TABLE, Design
from geoglot.tasks.audit.map_facts import Shown, missing_of, read_map_facts, scenes_of, transitions_of, with_shifts
from geoglot.tasks.audit.pick_places import pick_places
from geoglot.tasks.audit.place_pictures import chip_of, write_pictures
from geoglot.tasks.audit.sample_size import allocate, expected_half_widths

_BLIND = "decide each place by what you see: the table and the pictures do not say what the map says of it"
_ALIGNED = "the pictures are moved by the shift that geoglot change found, so that all dates show the same ground"
_NO_PICTURES = "there are no pictures, since the scenes of the map are not known; name them with --scene"


@dataclass(frozen=True)
class Drawn(ShownOnMap):
    """A sample that is to be decided or, without a folder, what one would take."""

    map: str
    sample: Path | None
    """The table to fill in."""
    strata: tuple[Stratum, ...]
    sizes: tuple[int, ...]
    """Places of each stratum."""
    half_widths: tuple[float, ...]
    """Expected half-width of the 95 % interval of the area of each class, as a share of the map."""
    scenes: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def half_areas_m2(self) -> list[float | None]:
        """The half-widths in square metres; None without a CRS."""
        return [
            None if stratum.area_m2 is None else half * stratum.area_m2 / stratum.weight
            for stratum, half in zip(self.strata, self.half_widths, strict=True)
        ]

    def page(self) -> Page:
        return page_of_sample(self)

    def draw(self) -> Drawing:
        return draw_sample(self)

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot audit MAP --json`."""
        strata = [
            {**asdict(stratum), "places": size, "expected_half_width": half, "expected_half_width_m2": half_m2}
            for stratum, size, half, half_m2 in zip(
                self.strata, self.sizes, self.half_widths, self.half_areas_m2, strict=True
            )
        ]
        return {
            "map": self.map, "sample": str(self.sample) if self.sample else None, "places": sum(self.sizes),
            "strata": strata, "areas": [], "accuracy": {}, "scenes": list(self.scenes), "notes": list(self.notes),
        }  # fmt: skip


def draw_audit(
    map_: PathLike,
    output: PathLike | None = None,
    *,
    scenes: Sequence[PathLike] = (),
    names: PathLike | None = None,
    options: AuditOptions = AuditOptions(),
    progress: Progress | None = None,
) -> Drawn:
    """Draw a stratified random sample from a raster of classes, or tell what one would take if `output` is None.

    `output` is a new folder: `sample.csv` with a column `class` to fill in, a picture of each place, contact sheets,
    and `design.json`. `scenes` are what the pictures show, the oldest first; by default those that the map was made of.
    `names` is a table with the columns id and name, for a map that another program wrote. The same call again draws the
    same sample and changes no file, so what was decided stays. Raises InputError, SourceError or OutputError.
    """
    path, folder = Path(map_), Path(output) if output is not None else None
    if not is_local(str(map_)):
        raise InputError(f"the map must be a file on this machine, got {map_}; copy it here first")
    if folder is not None and not folder.exists():
        check_folder(folder)
    facts = read_map_facts(path)
    shown = with_shifts(tuple(map(str, scenes)) or scenes_of(facts), facts)
    uris = tuple(each.uri for each in shown)
    with open_classes(path, names, options.area) as raster:
        census = take_census(raster, progress)
        sizes = allocate(census.strata, options)
        half = expected_half_widths(census.strata, sizes, options.expected).tolist()
        sample = folder / TABLE if folder else None
        notes = (*census.notes, *_picture_notes(shown, () if scenes else missing_of(facts)))
        drawn = Drawn(str(map_), sample, census.strata, sizes, tuple(half), uris, notes)
        if folder is None:
            return drawn
        every = dict.fromkeys((*raster.names.values(), *(stratum.name for stratum in census.strata)))
        design = Design(
            map=str(path.resolve()),
            sha256=sha256_of(path),
            grid=raster.grid,
            names=tuple(every),
            strata=census.strata,
            places=pick_places(raster, census, sizes, options.seed),
            transitions=transitions_of(facts, every),
            options=asdict(options) | {"scenes": list(uris), "area": str(options.area) if options.area else None},
        )
    _write(design, shown, folder, progress)
    return drawn


def _picture_notes(shown: Sequence[Shown], missing: Sequence[str]) -> Iterator[str]:
    if not shown:
        yield _NO_PICTURES
        return
    yield _BLIND
    if any(each.down or each.right for each in shown):
        yield _ALIGNED
    if missing:
        yield (
            f"no picture shows {format_list(missing, 3)}, of which the map was made, since there is no such file here; "
            "name all dates with --scene"
        )


def _write(design: Design, shown: Sequence[Shown], folder: Path, progress: Progress | None) -> None:
    """Write the folder, completely or not at all; leave one that holds this sample, and refuse any other."""
    text = design.to_text()
    if folder.exists():
        if (folder / DESIGN).is_file() and read_text(folder / DESIGN).body == text and (folder / TABLE).is_file():
            return
        raise OutputError(f"{folder} exists already and holds something else; move it away, or give another name: -o")
    with folder_appears(folder) as draft:
        draft.mkdir()
        (draft / DESIGN).write_text(text, encoding="utf-8")
        chips = [chip_of(place) if shown else "" for place in design.places]
        (draft / TABLE).write_text(design.table(chips), encoding="utf-8")
        if shown:
            write_pictures(design.grid, shown, design.places, draft, progress)
