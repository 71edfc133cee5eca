"""One segmentation from start to finish, by any dense model.

The way: windows are read and scored a row at a time (`stream`), blended on the patch lattice (`blend`), enlarged to
pixels (`classmap`) and kept as strips in a journal; at the end strips become a COG and polygons (`outputs`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from geoglot.aliases import PathLike, Progress
from geoglot.errors import InputError, ReadError, SourceError
from geoglot.geo import Grid, Window
from geoglot.options import ReadOptions, SegmentOptions
from geoglot.outputs.cog import Layer, write_cog
from geoglot.outputs.journal import Journal, fingerprint
from geoglot.outputs.legend import Legend
from geoglot.outputs.overlay import MOST_LINES, SIDE, write_overlay
from geoglot.outputs.shapes import ClassStrip, trace
from geoglot.outputs.strips import Strips, encode_strip, read_block, read_strip
from geoglot.outputs.vector_files import write_polygons
from geoglot.scene.classmap import CONFIDENCE_STEPS, OTHER, Rule, Upsampler
from geoglot.scene.dense import Dense
from geoglot.scene.read import open_scene, reading_facts, reading_notes
from geoglot.scene.stream import describe_windows, resume_note, see
from geoglot.scene.windows import WindowPlan
from geoglot.sources.raster import Raster, check_bands
from geoglot.sources.read_ahead import FailedWindow
from geoglot.tasks.refine.map_refiner import MapRefiner
from geoglot.tasks.refine.refiner import Refiner
from geoglot.tasks.segment.map_files import Outputs
from geoglot.tasks.segment.shares import ClassShare, class_shares


@dataclass(frozen=True)
class SegmentResult:
    """What a segmentation made, and where."""

    model: str
    output: Path
    polygons: Path | None
    scores: Path | None
    overlay: Path | None
    manifest: Path
    classes: tuple[ClassShare, ...]
    windows: int
    failed: tuple[FailedWindow, ...]
    seconds: float
    notes: tuple[str, ...] = ()
    """What the user should know: no CRS, how pixels were stretched."""

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot segment --json`."""
        paths = {key: str(value) if (value := getattr(self, key)) else None for key in _PATHS}
        classes = [asdict(share) for share in self.classes]
        return {
            "model": self.model, **paths, "classes": classes,
            "windows": describe_windows(self.windows, self.failed),
            "seconds": self.seconds, "notes": list(self.notes),
        }  # fmt: skip


_PATHS = ("output", "polygons", "scores", "overlay", "manifest")


def segment_with(
    dense: Dense,
    legend: Legend,
    source: PathLike | Raster,
    outputs: Outputs,
    *,
    read: ReadOptions = ReadOptions(),
    options: SegmentOptions = SegmentOptions(),
    refiner: Refiner | None = None,
    facts: dict[str, Any] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SegmentResult:
    """`segment` by any dense model of class logits.

    `facts` are kept in the manifest and decide whether a run is resumed; the user is shown the sentences under "notes".
    """
    started = time.monotonic()
    with open_scene(source, read, dense.card.resolution) as raster:
        outputs.made.check(raster.uri)
        check_bands(raster, dense.card.bands, dense.card.name)
        run = _Run(raster, dense, legend, outputs, read, options, refiner, facts or {}, overwrite)
        with closing(run.journal):
            failed = run.compute(progress)
            if len(failed) == len(run.plan):
                run.journal.clear()
                raise SourceError(f"no window of {raster.uri} could be mapped: {failed[0].reason}")
            return run.finish(failed, started, progress)


@dataclass
class _Run:
    """One segmentation: first strips into the journal, then the journal into files."""

    raster: Raster
    dense: Dense
    legend: Legend
    outputs: Outputs
    read: ReadOptions
    options: SegmentOptions
    refiner: Refiner | None
    facts: dict[str, Any]
    overwrite: bool
    plan: WindowPlan = field(init=False)
    ids: tuple[int, ...] = field(init=False)
    """Class id of each channel of the model."""
    channels: list[int] = field(init=False)
    """Channel of each class of the legend."""
    journal: Journal = field(init=False)
    strips: tuple[str, str] = ("classes", "confidence")
    """Kinds of strips that the map is made of."""
    resumed: tuple[str, ...] = ()
    """That the run goes on, in a sentence, if it does."""

    def __post_init__(self) -> None:
        self.plan = self.dense.windows(self.raster.grid.shape, self.read.tile, self.read.overlap)
        names, labels = self.legend.names, self.dense.labels
        if any(labels.count(name) != 1 for name in names):
            raise InputError(f"the model's channels {labels} must name each of the classes {names} once")
        self.ids = tuple(names.index(label) + 1 if label in names else OTHER for label in labels)
        self.channels = [labels.index(name) for name in names]
        self.facts = self._all_facts()
        self.outputs.made.start(run := fingerprint(self.facts), self.overwrite)
        self.journal = Journal(self.outputs.classes, run)

    def _all_facts(self) -> dict[str, Any]:
        """Everything that decides the result."""
        return {
            **reading_facts(self.raster, self.plan),
            "model": {"name": self.dense.card.name, "sha256": self.dense.card.sha256, "ids": self.ids},
            "legend": self.legend.names,
            "options": {
                **self.read.facts(),
                **asdict(self.options),
                "refiner": self.refiner.facts() if self.refiner else None,
            },
            **self.facts,
        }

    def compute(self, progress: Progress | None) -> list[FailedWindow]:
        """Strips of classes, confidences and scores for every row of windows that is not in the journal yet.

        Windows that failed before a kill stay failed when the run goes on; a complete run, done again, tries all anew.
        """
        rule = Rule(self.ids, self.options.threshold, self.legend.nodata)
        upsampler = Upsampler(rule, self.plan.patch, self.plan.shape)
        rows = see(
            self.raster, self.dense, self.plan, batch=self.read.batch, journal=self.journal, also=upsampler,
            progress=progress,
        )  # fmt: skip
        self.resumed = resume_note(rows.restored, len(self.plan), "windows")
        for row in rows:
            probabilities = torch.from_numpy(row.values).softmax(0).numpy()
            if self.outputs.scores:  # of the named classes; the rest to 1 belongs to the background words
                self.journal.add_strip("scores", row.first, encode_strip(probabilities[self.channels]))
            if strip := upsampler.feed(probabilities, row.valid):
                self.journal.add_strip("classes", strip.row, encode_strip(strip.classes[None]))
                self.journal.add_strip("confidence", strip.row, encode_strip(strip.confidence[None]))
        return rows.failed

    def finish(self, failed: list[FailedWindow], started: float, progress: Progress | None) -> SegmentResult:
        """The journal's strips as the files that were asked for; then the journal goes."""
        if self.refiner:
            self._refine(self.refiner, progress)
        self.raster.check_unchanged()
        grid, outputs = self.raster.grid, self.outputs
        self._write_rasters(grid, progress)
        if outputs.polygons:
            skip = frozenset({OTHER, self.legend.nodata})
            shapes = trace(self._strips("polygons", progress), skip)
            with outputs.made.writing(outputs.polygons) as draft:
                write_polygons(shapes, grid, self.legend, CONFIDENCE_STEPS, draft, self.raster.footprint)
        shares = class_shares(self._strips("areas", progress), grid, self.raster.footprint, self.legend)
        overlay, notes = self._picture(shares)
        if not any(share.pixels for share in shares):
            notes = (*notes, "no pixel of the scene is valid, so nothing was mapped; check --bands and --nodata")
        seconds = round(time.monotonic() - started, 2)
        told = (
            *self.resumed,
            *self.facts.get("notes", ()),
            *reading_notes(self.raster, self.dense.card.name, self.dense.card.resolution),
        )
        result = SegmentResult(
            self.dense.card.name, outputs.classes, outputs.polygons, outputs.scores, overlay,
            outputs.manifest, shares, len(self.plan), tuple(failed), seconds, (*told, *notes),
        )  # fmt: skip
        outputs.made.finish(result.to_json() | {"run": self.facts})
        self.journal.clear()
        return result

    def _refine(self, refiner: Refiner, progress: Progress | None) -> None:
        """Strips of a map whose regions follow the picture; they take the place of the others."""
        skip = frozenset({OTHER, self.legend.nodata})
        classes, confidence = (Strips(self.journal.strips(kind), read_block) for kind in self.strips)
        refining = MapRefiner(self.raster, refiner, self.plan.patch, skip, CONFIDENCE_STEPS)
        self.strips = ("refined", "refinedconfidence")
        done = len(self.journal.strips(self.strips[-1]))  # by a run that was killed here

        def read(window: Window) -> tuple[np.ndarray, np.ndarray]:
            return classes.read(*window.slices), confidence.read(*window.slices)

        for row, *layers in refining.rows(read, done):
            for kind, layer in zip(self.strips, layers, strict=True):
                self.journal.add_strip(kind, row, encode_strip(layer[None]))
            if progress:
                progress("outlines", row + len(layers[0]), self.plan.shape[0])

    def _picture(self, shares: tuple[ClassShare, ...]) -> tuple[Path | None, tuple[str, ...]]:
        """The overlay, or why there is none: a damaged scene that has a map may be without a picture."""
        if self.outputs.overlay is None:
            return None, ()
        try:
            thumbnail = self.raster.thumbnail(SIDE).pixels[:3]
        except ReadError as error:
            self.outputs.made.remove(self.outputs.overlay)  # of an earlier run: it would show another map
            return None, (f"no picture was made: {error}",)
        order = shares if len(shares) <= MOST_LINES else sorted(shares, key=lambda share: -share.pixels)
        lines = [f"{share.name}  {share.share:.1%}" for share in order]
        with self.outputs.made.writing(self.outputs.overlay) as draft:
            notes = write_overlay(thumbnail, self.outputs.classes, self.legend, lines, draft)
        return self.outputs.overlay, notes

    def _write_rasters(self, grid: Grid, progress: Progress | None) -> None:
        if progress:
            progress("map", 0, 1)
        tags = tuple((f"CLASS_{index}", name) for index, name in enumerate((self.legend.rest, *self.legend.names)))
        layer = Layer(grid, self.legend.dtype, self.legend.nodata, ("class",), self.legend, tags)
        with self.outputs.made.writing(self.outputs.classes) as draft:
            write_cog(self.journal.strips(self.strips[0]), layer, draft)
        if self.outputs.scores:
            lattice = grid.coarser(self.plan.patch)
            layer = Layer(lattice, "float32", float("nan"), self.legend.names)
            with self.outputs.made.writing(self.outputs.scores) as draft:
                write_cog(self.journal.strips("scores"), layer, draft)
        if progress:
            progress("map", 1, 1)

    def _strips(self, what: str, progress: Progress | None) -> Iterator[ClassStrip]:
        row = 0
        paths = list(zip(*map(self.journal.strips, self.strips), strict=True))
        for done, (classes_path, confidence_path) in enumerate(paths, 1):
            classes, confidence = read_strip(classes_path)[0], read_strip(confidence_path)[0]
            yield ClassStrip(row, classes, confidence)
            row += len(classes)
            if progress:
                progress(what, done, len(paths))
