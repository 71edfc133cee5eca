"""A scene encoded once: the numbers of every patch in files, to be asked any number of times.

Windows are read, computed and blended as `segment` does it (`stream`, `blend`); each finished row of windows is a
strip on disk, so memory is bounded by a row of windows and a killed run goes on where it was.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from shapely.geometry.base import BaseGeometry

from geoglot.aliases import PathLike, Progress
from geoglot.errors import InputError, SourceError
from geoglot.geo import Window
from geoglot.models.base import VisionLanguageModel
from geoglot.models.segmenter import Segmenter
from geoglot.options import ReadOptions
from geoglot.outputs.atomic import check_folder
from geoglot.outputs.journal import Journal, fingerprint
from geoglot.outputs.strips import Strips, encode_array, read_array
from geoglot.scene.area import Partial, read_area
from geoglot.scene.blend import Blender
from geoglot.scene.encoder import Encoder, ScorerEncoder, WordEncoder
from geoglot.scene.failures import failure_notes, restored_failures
from geoglot.scene.filled import Filled
from geoglot.scene.going_on import going_on
from geoglot.scene.read import open_scene, reading_facts
from geoglot.scene.segmenter_scorer import SegmenterScorer
from geoglot.scene.stream import score_rows
from geoglot.scene.windows import WindowPlan
from geoglot.sources.raster import Raster, check_bands
from geoglot.sources.read_ahead import FailedWindow, Readable
from geoglot.tasks.segment.segment import load_mapper

ModelLike = VisionLanguageModel | Segmenter | Encoder | PathLike


@dataclass(frozen=True, eq=False, repr=False)
class EncodedScene:
    """What an encoder saw of a whole scene, in files that live as long as this is open."""

    raster: Raster
    encoder: Encoder
    plan: WindowPlan
    failed: tuple[FailedWindow, ...]
    """Windows that could not be read or computed; what no other window covers is not known."""
    facts: dict[str, Any]
    """Everything that decides what was seen."""
    read: ReadOptions
    vectors: PathLike | None
    """The folder that keeps the vectors, if one was given."""
    area_file: PathLike | None
    area: BaseGeometry | None
    """What was asked for, in pixels; None: all of it."""
    resumed: tuple[str, ...]
    """That encoding went on after a run that was killed, in a sentence, if it did."""
    _seen: Strips
    _valid: Strips

    def __repr__(self) -> str:
        return f"EncodedScene({self.raster.uri} by {self.encoder.name}, {self.plan.lattice} patches)"

    def narrowed(self, read: ReadOptions, area: PathLike | None, vectors: PathLike | None) -> EncodedScene:
        """The scene within another area; InputError for options that differ from those of encoding."""
        wanted = read.facts() | {"vectors": vectors}
        for key, own in (self.read.facts() | {"vectors": self.vectors}).items():
            if wanted[key] is not None and wanted[key] != own:
                raise InputError(f"{key} is decided when a scene is encoded; give it to encode_scene")
        if area is None or area == self.area_file:
            return self
        area = read_area(Path(area), self.raster.grid)
        if self.area and not self.area.covers(area):
            raise InputError("the area of interest reaches beyond the one that the scene was encoded for")
        return replace(self, area=area)

    def seen(self, patches: Window) -> Float[np.ndarray, "channel rows cols"]:
        """The numbers of a block of the patch lattice; NaN where nothing is known."""
        block = self._seen.read(*patches.slices)
        return np.ascontiguousarray(np.moveaxis(block, 2, 0), np.float32)

    def valid(self, window: Window) -> Bool[np.ndarray, "rows cols"]:
        """Which pixels of a window inside the scene have data."""
        rows, cols = window.slices
        first = cols.start // 8
        bits = self._valid.read(rows, slice(first, -(-cols.stop // 8)))
        pixels = np.unpackbits(bits, axis=1).astype(bool)
        return pixels[:, cols.start - 8 * first : cols.stop - 8 * first]


@contextmanager
def encode_scene(
    source: PathLike | Raster,
    model: ModelLike = "mini",
    *,
    read: ReadOptions = ReadOptions(),
    area: PathLike | None = None,
    vectors: PathLike | None = None,
    output: Path | None = None,
    before: Callable[[dict[str, Any]], None] | None = None,
    progress: Progress | None = None,
) -> Iterator[EncodedScene]:
    """Encode a raster of any size, for as many questions as one likes: `find(scene, "pool")`.

    `area` is a file of polygons: windows that touch none are not computed. What is seen lies in `vectors`, if given,
    and stays there; else in a work folder beside `output`, which a killed run leaves behind for the same run to go on;
    else in a temporary folder. `before` is called with everything that decides what is seen, before any work. Raises
    SourceError if no window could be read or computed.
    """
    encoder = as_encoder(model)
    with ExitStack() as stack:
        raster = stack.enter_context(open_scene(source, read, encoder.resolution))
        check_bands(raster, encoder.bands, encoder.name)
        plan = encoder.plan(raster.grid.shape, read.tile, read.overlap)
        inside = read_area(Path(area), raster.grid) if area else None
        facts = {
            **reading_facts(raster, plan),
            "model": {"name": encoder.name, "sha256": encoder.sha256, "dtype": encoder.dtype},
            "area": inside.wkt if inside else None,
        }
        if before:
            before(facts)
        journal = _journal(stack, fingerprint(facts), output, vectors)
        # Things whose centre lies in the area reach beyond it.
        part = Partial(raster, inside.buffer(plan.tile / 2)) if inside else raster
        failed, resumed = _encode(Filled(part), encoder, plan, journal, read.batch, progress)
        raster.check_unchanged()
        if len(failed) == len(plan):
            journal.clear()
            raise SourceError(f"no window of {raster.uri} could be looked at: {failed[0].reason}")
        if vectors:
            journal.close()  # finished, and never changed again: others may read
        seen, valid = (Strips(journal.strips(kind), read_array) for kind in ("seen", "valid"))
        yield EncodedScene(
            raster, encoder, plan, tuple(failed), facts, read, vectors, area, inside, resumed, seen, valid
        )
        if output and not vectors:
            journal.clear()


def as_encoder(model: ModelLike) -> Encoder:
    """What was given as a model: its name or folder, a loaded one, or an encoder."""
    if isinstance(model, PathLike):
        model = load_mapper(model)
    if isinstance(model, Segmenter):
        scorer = SegmenterScorer(model)
        return ScorerEncoder(scorer, scorer.names)
    return WordEncoder(model) if isinstance(model, VisionLanguageModel) else model


def _journal(stack: ExitStack, run: str, output: Path | None, vectors: PathLike | None) -> Journal:
    """Where strips go, and whether they are there already."""
    if vectors:
        folder = Path(vectors)
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder} to keep vectors in; create it with: mkdir -p {folder}")
        place = folder / run
    elif output:
        place = output
    else:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="geoglot-"))) / "scene"
    check_folder(place)
    journal = Journal(place, run)
    stack.callback(journal.close)
    return journal


def _encode(
    raster: Readable,
    encoder: Encoder,
    plan: WindowPlan,
    journal: Journal,
    batch: int,
    progress: Progress | None,
) -> tuple[list[FailedWindow], tuple[str, ...]]:
    """Strips for every row of windows that is not in the journal yet; returns the windows that failed, and a note."""
    blender, failed, resumed = Blender(plan, encoder.channels), list[FailedWindow](), tuple[str, ...]()
    stored = journal.load()
    if stored and int(stored[0]["row"]) == len(plan.row_starts) and stored[1]["failed"]:
        journal.restart()  # a complete run tries anew what failed
        stored = None
    if stored:
        state, notes = stored
        blender.restore(state)
        failed = restored_failures(notes)
        if blender.row < len(plan.row_starts):  # else it was finished, and is asked again
            resumed = going_on(blender.row * len(plan.col_starts), len(plan), "windows")
    lattice_row = plan.row_starts[blender.row] // plan.patch if blender.row < len(plan.row_starts) else 0
    for row in score_rows(raster, encoder, blender, batch=batch, progress=progress):
        failed += row.failed
        seen = np.moveaxis(row.scores, 0, 2).astype(encoder.dtype)
        journal.add_strip("seen", lattice_row, encode_array(seen), ".npy")
        bits = np.packbits(row.valid, axis=1)
        journal.add_strip("valid", lattice_row * plan.patch, encode_array(bits), ".npy")
        lattice_row += len(seen)
        journal.save(blender.state(), failure_notes(failed))
    return failed, resumed
