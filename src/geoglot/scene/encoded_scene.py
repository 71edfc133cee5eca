"""A scene that is encoded once, into files, and asked any number of times.

Each finished row of windows is a strip on disk, so memory is bounded by a row of windows, and a killed run resumes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from shapely.geometry.base import BaseGeometry

from geoglot.aliases import PathLike, Progress
from geoglot.errors import InputError, SourceError
from geoglot.geo import Window
from geoglot.hashing import fingerprint
from geoglot.options import ReadOptions
from geoglot.outputs.atomic import check_folder
from geoglot.outputs.journal import Journal
from geoglot.outputs.notebook.page import Drawing, Page
from geoglot.outputs.notebook.shown import ShownOnMap
from geoglot.scene.area import Partial, read_area
from geoglot.scene.dense import Dense, ModelLike, dense_of, model_facts
from geoglot.scene.read import check_bands, open_scene, reading_facts
from geoglot.scene.scene_page import draw_scene, page_of_scene
from geoglot.scene.stored_rows import StoredRows, store_rows
from geoglot.scene.stream import Row, resume_note, see
from geoglot.scene.windows import WindowPlan
from geoglot.sources.raster import Raster
from geoglot.sources.read_ahead import FailedWindow, Readable


@dataclass(frozen=True, eq=False, repr=False)
class EncodedScene(ShownOnMap):
    """The values of a scene, in files that can be read until `encode_scene` ends.

    The values of a patch are its embedding, or the class logits of a model with classes of its own.
    """

    raster: Raster
    dense: Dense
    plan: WindowPlan
    failed: tuple[FailedWindow, ...]
    """Windows that could not be read or computed."""
    facts: dict[str, Any]
    """Everything that decides the values."""
    read: ReadOptions
    vectors: PathLike | None
    """The folder that keeps the values, if the user gave one; not a vector file."""
    area: BaseGeometry | None
    """The area of interest in pixels; None is the whole scene."""
    resumed: tuple[str, ...]
    """A note that a killed run was resumed, if it was."""
    _stored: StoredRows

    def __repr__(self) -> str:
        return f"EncodedScene({self.raster.uri} by {self.dense.card.name}, {self.plan.lattice} patches)"

    def page(self) -> Page:
        return page_of_scene(self)

    def draw(self) -> Drawing:
        return draw_scene(self.raster, self.raster.uri)

    def narrow(self, read: ReadOptions, area: PathLike | None, vectors: PathLike | None) -> EncodedScene:
        """The scene within a smaller area; `area` None leaves it as it is.

        Raises InputError for an area that reaches beyond the present one, and for options, unless None, that differ
        from those of encoding.
        """
        wanted, given = ({**asdict(each), "batch": None} for each in (read, self.read))
        for key, own in (given | {"vectors": self.vectors}).items():
            if (asked := (wanted | {"vectors": vectors})[key]) is not None and asked != own:
                raise InputError(f"{key} is decided when a scene is encoded; give it to encode_scene")
        if area is None:
            return self
        area = read_area(Path(area), self.raster.grid)
        if self.area and not self.area.covers(area):
            raise InputError("the area of interest reaches beyond the one that the scene was encoded for")
        return replace(self, area=area)

    def values(self, patches: Window) -> Float[np.ndarray, "channel rows cols"]:
        """The values of a block of the patch lattice; NaN where there is no data or a window failed."""
        return self._stored.values(patches)

    def rows(self) -> Iterator[Row]:
        """The whole scene from the top, in blocks of lattice rows; not the rows of windows of the stream."""
        whole, patch = self.plan.lattice_window, self.plan.patch
        for block in self.blocks():
            top = block.row * patch
            pixels = whole._replace(row=whole.row + top, height=min(block.height * patch, whole.height - top))
            yield Row(block.row, self.values(block), self.valid(pixels))

    def blocks(self) -> Iterator[Window]:
        """The patch lattice from the top, in blocks of whole rows whose values fit in memory."""
        return self._stored.blocks()

    def valid(self, window: Window) -> Bool[np.ndarray, "rows cols"]:
        """Which pixels of a window inside the scene have data; none of those that only the lattice reaches."""
        return self._stored.valid(window)


@contextmanager
def encode_scene(
    source: PathLike | Raster | EncodedScene,
    model: ModelLike = "mini",
    *,
    read: ReadOptions = ReadOptions(),
    area: PathLike | None = None,
    vectors: PathLike | None = None,
    output: Path | None = None,
    before: Callable[[dict[str, Any]], None] | None = None,
    blank: bool = False,
    finished: Callable[[EncodedScene, int], None] | None = None,
    progress: Progress | None = None,
) -> Iterator[EncodedScene]:
    """Encode a raster of any size, for any number of questions: `find(scene, "pool")`.

    `area` is a file of polygons; windows farther than half a window from all of them are not computed. The values are
    kept in the folder `vectors`, if it is given. Otherwise they lie in a work folder beside `output`, from which the
    same run resumes if it is killed, or in a temporary folder. `before` is called, before any work, with all that
    decides the values. A `blank` scene has no values, for when there is nothing to look for, and costs nothing.
    `finished` is called after each row of windows that is computed, with the scene so far and how many rows of its
    patch lattice have values. Raises SourceError if no window could be read or computed.

    An EncodedScene is not encoded again but narrowed to the area; InputError for other options than its own.
    """
    if isinstance(source, EncodedScene):
        scene = source.narrow(read, area, vectors)
        if before:
            before(scene.facts | {"area": scene.area.wkt if scene.area else None})
        yield scene
        return
    dense = dense_of(model)
    with ExitStack() as stack:
        raster = stack.enter_context(open_scene(source, read, dense.card.resolution))
        check_bands(raster, dense.card.bands, dense.card.name)
        plan = dense.windows(raster.grid.shape, read.tile, read.overlap).on(raster.grid)
        inside = read_area(Path(area), raster.grid) if area else None
        facts = {
            **reading_facts(raster, plan),
            "model": model_facts(dense) | {"dtype": stored_type(dense)},
            "area": inside.wkt if inside else None,
        }
        if before:
            before(facts)
        if blank:
            yield EncodedScene(raster, dense, plan, (), facts, read, vectors, inside, (), StoredRows.none(plan))
            return
        journal = _open_journal(stack, fingerprint(facts), output, vectors)
        # Objects whose centre lies in the area reach beyond it.
        part = Partial(raster, inside.buffer(plan.tile / 2)) if inside else raster

        def so_far(failed: Sequence[FailedWindow] = (), resumed: tuple[str, ...] = ()) -> EncodedScene:
            stored = StoredRows.of(journal, plan, dense.channels)
            return EncodedScene(raster, dense, plan, tuple(failed), facts, read, vectors, inside, resumed, stored)

        done = None if finished is None else lambda rows: finished(so_far(), rows)
        failed, resumed = _encode(part, dense, plan, journal, read.at_once(plan.tile), done, progress)
        raster.check_unchanged()
        if len(failed) == len(plan):
            journal.clear()
            raise SourceError(f"no window of {raster.uri} could be computed: {failed[0].reason}")
        if vectors:
            journal.close()  # the strips are complete and never change, so other processes may read them
        yield so_far(failed, resumed)
        if output and not vectors:
            journal.clear()


def stored_type(dense: Dense) -> str:
    """The type of stored values. Half precision is enough for embeddings, which have unit length."""
    return "float32" if dense.labels else "float16"


def _open_journal(stack: ExitStack, run: str, output: Path | None, vectors: PathLike | None) -> Journal:
    if vectors:
        folder = Path(vectors)
        if not os.path.isdir(folder):  # noqa: PTH112 - Path raises for names that no folder can have
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
    dense: Dense,
    plan: WindowPlan,
    journal: Journal,
    batch: int,
    finished: Callable[[int], None] | None,
    progress: Progress | None,
) -> tuple[list[FailedWindow], tuple[str, ...]]:
    """Add the rows of windows that the journal lacks; returns the failed windows, and a note if the run resumed."""
    stored = journal.load()
    if stored and int(stored[0]["row"]) == len(plan.row_spans) and stored[1]["failed"]:
        journal.restart()  # a complete run tries again what failed
    rows = see(raster, dense, plan, batch=batch, journal=journal, progress=progress)
    resumed = resume_note(rows.restored, len(plan), "windows") if rows.restored < len(plan) else ()
    store_rows(rows, journal, plan, stored_type(dense), finished)
    return rows.failed, resumed
