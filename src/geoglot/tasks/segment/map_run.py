"""One segmentation from start to finish, by any dense model.

The way: windows are read and scored a row at a time (`stream`), blended on the patch lattice (`blend`), enlarged to
pixels (`classmap`) and kept as strips in a journal; at the end strips become a COG and polygons (`outputs`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from geoglot.aliases import PathLike, Progress
from geoglot.errors import InputError, ReadError, SourceError
from geoglot.geo import Window
from geoglot.options import ReadOptions, SegmentOptions
from geoglot.outputs.cog import Layer, write_cog
from geoglot.outputs.journal import Journal, fingerprint
from geoglot.outputs.legend import Legend
from geoglot.outputs.overlay import MOST_LINES, SIDE, write_overlay
from geoglot.outputs.shapes import ClassStrip, trace
from geoglot.outputs.strips import Strips, encode_strip, read_block, read_strip
from geoglot.outputs.vector_files import write_polygons
from geoglot.scene.classmap import CONFIDENCE_STEPS, OTHER, Rule, Upsampler
from geoglot.scene.dense import Dense, WordScores
from geoglot.scene.read import open_scene, reading_facts, reading_notes
from geoglot.scene.seen import EncodedScene
from geoglot.scene.stream import Row, describe_windows, resume_note, see
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


_KINDS, _REFINED = ("classes", "confidence"), ("refined", "refinedconfidence")  # strips that the map is made of
_PATHS = ("output", "polygons", "scores", "overlay", "manifest")


def segment_with(
    dense: Dense,
    legend: Legend,
    source: PathLike | Raster | EncodedScene,
    outputs: Outputs,
    *,
    read: ReadOptions = ReadOptions(),
    options: SegmentOptions = SegmentOptions(),
    refiner: Refiner | None = None,
    facts: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SegmentResult:
    """`segment` by any dense model of class logits.

    `facts` are kept in the manifest and decide whether a run is resumed; the user is shown the sentences under "notes".
    From an encoded scene of embeddings, `dense` must be the WordScores of the model that encoded it.
    """
    started = time.monotonic()
    scene = None
    if isinstance(source, EncodedScene):
        scene = source.narrowed(read, None, None)
        source = scene.raster
    with open_scene(source, read, dense.card.resolution) as raster:
        outputs.made.check(raster.uri)
        check_bands(raster, dense.card.bands, dense.card.name)
        plan = scene.plan if scene else dense.windows(raster.grid.shape, read.tile, read.overlap)
        ids = _class_ids(dense.labels, legend.names)
        facts = {
            **reading_facts(raster, plan),
            "model": {"name": dense.card.name, "sha256": dense.card.sha256, "ids": ids},
            "legend": legend.names,
            "options": {
                **(scene.read if scene else read).facts(),
                **asdict(options),
                "refiner": refiner.facts() if refiner else None,
            },
            **({"encoded": scene.facts} if scene else {}),
            **(facts or {}),
        }
        outputs.made.start(run := fingerprint(facts), overwrite)
        with closing(Journal(outputs.classes, run)) as journal:
            rows = _Run(raster, dense, legend, outputs, plan, ids, options, facts, journal, progress)
            failed, resumed = rows.compute(scene, read.batch)
            if len(failed) == len(plan):
                journal.clear()
                raise SourceError(f"no window of {raster.uri} could be mapped: {failed[0].reason}")
            kinds = rows.refine(refiner) if refiner else _KINDS
            return rows.write(kinds, failed, resumed, started)


def _class_ids(labels: tuple[str, ...], names: tuple[str, ...]) -> tuple[int, ...]:
    """The class id of each channel of the model."""
    if any(labels.count(name) != 1 for name in names):
        raise InputError(f"the model's channels {labels} must name each of the classes {names} once")
    return tuple(names.index(label) + 1 if label in names else OTHER for label in labels)


@dataclass(frozen=True)
class _Run:
    """One segmentation: first strips into the journal, then the journal into files."""

    raster: Raster
    dense: Dense
    legend: Legend
    outputs: Outputs
    plan: WindowPlan
    ids: tuple[int, ...]
    options: SegmentOptions
    facts: dict[str, Any]
    journal: Journal
    progress: Progress | None

    def compute(self, scene: EncodedScene | None, batch: int) -> tuple[Sequence[FailedWindow], tuple[str, ...]]:
        """Strips of classes, confidences and scores for every row of windows that the journal lacks.

        Windows that failed before a kill stay failed when the run is resumed; a complete run, done again, tries all.
        """
        rule = Rule(self.ids, self.options.threshold, self.legend.nodata)
        upsampler = Upsampler(rule, self.plan.patch, self.plan.shape)
        if scene:
            self._add_strips(map(self._score, scene.rows()), upsampler)
            return scene.failed, scene.resumed
        rows = see(
            self.raster, self.dense, self.plan, batch=batch, journal=self.journal, also=upsampler,
            progress=self.progress,
        )  # fmt: skip
        resumed = resume_note(rows.restored, len(self.plan), "windows")
        self._add_strips(rows, upsampler)
        return rows.failed, resumed

    def _score(self, row: Row) -> Row:
        """A row of an encoded scene as class logits."""
        if not isinstance(self.dense, WordScores):
            return row
        return replace(row, values=self.dense.score(torch.from_numpy(row.values)[None])[0].numpy())

    def _add_strips(self, rows: Iterable[Row], upsampler: Upsampler) -> None:
        named = [self.dense.labels.index(name) for name in self.legend.names]
        for row in rows:
            probabilities = torch.from_numpy(row.values).softmax(0).numpy()
            if self.outputs.scores:  # of the named classes; the rest to 1 belongs to the background words
                self.journal.add_strip("scores", row.first, encode_strip(probabilities[named]))
            if strip := upsampler.feed(probabilities, row.valid):
                self.journal.add_strip("classes", strip.row, encode_strip(strip.classes[None]))
                self.journal.add_strip("confidence", strip.row, encode_strip(strip.confidence[None]))

    def refine(self, refiner: Refiner) -> tuple[str, str]:
        """Strips of a map whose regions follow the picture; returns their kinds."""
        classes, confidence = (Strips(self.journal.strips(kind), read_block) for kind in _KINDS)
        skip = frozenset({OTHER, self.legend.nodata})
        refining = MapRefiner(self.raster, refiner, self.plan.patch, skip, CONFIDENCE_STEPS)
        done = len(self.journal.strips(_REFINED[-1]))  # by a run that was killed here

        def read(window: Window) -> tuple[np.ndarray, np.ndarray]:
            return classes.read(*window.slices), confidence.read(*window.slices)

        for row, *layers in refining.rows(read, done):
            for kind, layer in zip(_REFINED, layers, strict=True):
                self.journal.add_strip(kind, row, encode_strip(layer[None]))
            if self.progress:
                self.progress("outlines", row + len(layers[0]), self.plan.shape[0])
        return _REFINED

    def write(
        self, kinds: tuple[str, str], failed: Sequence[FailedWindow], resumed: tuple[str, ...], started: float
    ) -> SegmentResult:
        """Turn the journal's strips into the files that were asked for, and remove the journal."""
        self.raster.check_unchanged()
        grid, outputs, card = self.raster.grid, self.outputs, self.dense.card
        self._write_rasters(kinds[0])
        if outputs.polygons:
            shapes = trace(self._strips(kinds, "polygons"), frozenset({OTHER, self.legend.nodata}))
            with outputs.made.writing(outputs.polygons) as draft:
                write_polygons(shapes, grid, self.legend, CONFIDENCE_STEPS, draft, self.raster.footprint)
        shares = class_shares(self._strips(kinds, "areas"), grid, self.raster.footprint, self.legend)
        overlay, notes = self._picture(shares)
        if not any(share.pixels for share in shares):
            notes = (*notes, "no pixel of the scene is valid, so nothing was mapped; check --bands and --nodata")
        read_notes = reading_notes(self.raster, card.name, card.resolution)
        result = SegmentResult(
            model=card.name,
            output=outputs.classes,
            polygons=outputs.polygons,
            scores=outputs.scores,
            overlay=overlay,
            manifest=outputs.manifest,
            classes=shares,
            windows=len(self.plan),
            failed=tuple(failed),
            seconds=round(time.monotonic() - started, 2),
            notes=(*resumed, *self.facts.get("notes", ()), *read_notes, *notes),
        )
        outputs.made.finish(result.to_json() | {"run": self.facts})
        self.journal.clear()
        return result

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

    def _write_rasters(self, kind: str) -> None:
        grid = self.raster.grid
        if self.progress:
            self.progress("map", 0, 1)
        tags = tuple((f"CLASS_{index}", name) for index, name in enumerate((self.legend.rest, *self.legend.names)))
        layer = Layer(grid, self.legend.dtype, self.legend.nodata, ("class",), self.legend, tags)
        with self.outputs.made.writing(self.outputs.classes) as draft:
            write_cog(self.journal.strips(kind), layer, draft)
        if self.outputs.scores:
            lattice = grid.coarser(self.plan.patch)
            layer = Layer(lattice, "float32", float("nan"), self.legend.names)
            with self.outputs.made.writing(self.outputs.scores) as draft:
                write_cog(self.journal.strips("scores"), layer, draft)
        if self.progress:
            self.progress("map", 1, 1)

    def _strips(self, kinds: tuple[str, str], what: str) -> Iterator[ClassStrip]:
        row = 0
        paths = list(zip(*map(self.journal.strips, kinds), strict=True))
        for done, (classes_path, confidence_path) in enumerate(paths, 1):
            classes, confidence = read_strip(classes_path)[0], read_strip(confidence_path)[0]
            yield ClassStrip(row, classes, confidence)
            row += len(classes)
            if self.progress:
                self.progress(what, done, len(paths))
