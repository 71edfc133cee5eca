"""One segmentation from start to finish, by any dense model.

Windows are read and scored a row at a time (`stream`), blended on the patch lattice (`blend`), upsampled to pixels
(`classmap`) and kept as strips in a journal; in the end the strips become files (`map_files`).
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeGuard

import numpy as np
import torch

from geoglot.aliases import PathLike, Progress
from geoglot.errors import NO_PIXEL, SourceError
from geoglot.geo import Window
from geoglot.hashing import fingerprint
from geoglot.options import ReadOptions, SegmentOptions
from geoglot.outputs.journal import Journal
from geoglot.outputs.legend import Legend
from geoglot.outputs.notebook.page import WrittenFile
from geoglot.outputs.shapes import ClassStrip
from geoglot.outputs.strips import Strips, encode_strip, read_block, read_strip
from geoglot.outputs.styles import make_style
from geoglot.outputs.vector_names import check_placed
from geoglot.scene.averaged import Averaged
from geoglot.scene.class_words import ClassWords
from geoglot.scene.classmap import CONFIDENCE_STEPS, OTHER, Rule, Upsampler, class_ids
from geoglot.scene.consult_bands import Consulted, consult_bands
from geoglot.scene.dense import Dense, OfEmbeddings, WordDense
from geoglot.scene.encoded_scene import EncodedScene
from geoglot.scene.read import check_bands, open_scene, out_of_reach, reading_facts, reading_notes
from geoglot.scene.stream import Row, resume_note, see, split_rows
from geoglot.scene.text_vectors import MANY
from geoglot.scene.windows import WindowPlan
from geoglot.scene.word_scores import WordScores
from geoglot.sources.raster import Raster
from geoglot.sources.read_ahead import FailedWindow
from geoglot.tasks.refine.refiner import Refiner
from geoglot.tasks.segment.class_absence import keep_peaks, tell_absent
from geoglot.tasks.segment.map_area import MapArea
from geoglot.tasks.segment.map_files import Outputs, SegmentResult
from geoglot.tasks.segment.shares import class_shares

_KINDS, _REFINED = ("classes", "confidence"), ("refined", "refinedconfidence")  # strips that the map is made of
_COSINES = 10_000_000  # computed at once for many words, which bounds memory


def segment_with(
    dense: Dense,
    legend: Legend,
    source: PathLike | Raster | EncodedScene,
    outputs: Outputs,
    *,
    read: ReadOptions = ReadOptions(),
    options: SegmentOptions = SegmentOptions(),
    refiner: Refiner | None = None,
    words: Sequence[ClassWords] = (),
    facts: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SegmentResult:
    """`segment` by any dense model of class logits. `words` are those of its channels, which other bands judge.

    `facts` are kept in the manifest and decide whether a run is resumed; the user is shown the sentences under "notes".
    Those under "why" say, by name, why pixels of a class are left as "other". For an encoded scene of embeddings,
    `dense` must be the scores of the model that encoded it.
    """
    started = time.monotonic()
    scene = source.narrow(read, options.area, None) if isinstance(source, EncodedScene) else None
    raster_like = source.raster if isinstance(source, EncodedScene) else source
    with open_scene(raster_like, read, dense.card.resolution) as raster:
        outputs.made.check(raster.uri)
        check_placed(outputs.polygons, raster.grid.crs)
        check_bands(raster, dense.card.bands, dense.card.name)
        plan = scene.plan if scene else dense.windows(raster.grid.shape, read.tile, read.overlap).on(raster.grid)
        outputs.check_scores(len(legend.names))
        facts, read = facts or {}, scene.read if scene else read
        rule = Rule(class_ids(dense.labels, legend.names, facts.get("why", {})), options.threshold, legend.nodata)
        area = MapArea(scene.area) if scene else MapArea.of(options.area, raster.grid)
        bands = consult_bands(raster, words, options.evidence, compete=True, hidden=facts.get("why", {}))
        if bands.evidence and isinstance(dense, WordScores | Averaged):
            dense = dense.beside_bands()
        facts = {
            **reading_facts(raster, plan),
            "model": {"name": dense.card.name, "sha256": dense.card.sha256, "ids": rule.ids},
            "legend": legend.names,
            "options": {**read.facts(), **asdict(options), "refiner": refiner.facts() if refiner else None},
            **({"encoded": scene.facts} if scene else {}),
            **({"blended": "embeddings"} if _blends_embeddings(dense) else {}),
            **bands.facts(),
            **area.facts(),
            **({"beyond": far} if (far := out_of_reach(raster, dense.card, read)) else {}),
            **facts,
            "notes": [*facts.get("notes", ()), *reading_notes(raster, dense.card, read)],
        }
        outputs.made.start(run := fingerprint(facts), overwrite)
        with closing(Journal(outputs.classes, run)) as journal:
            rows = _Run(raster, dense, legend, outputs, plan, rule, bands, facts, area, journal, progress)
            failed, resumed = rows.compute(scene, read.at_once(plan.tile))
            if len(failed) == len(plan):
                journal.clear()
                raise SourceError(f"no window of {raster.uri} could be mapped: {failed[0].reason}")
            kinds = rows.refine(refiner) if refiner else _KINDS
            return rows.write(kinds, failed, resumed, started)


def _blends_embeddings(dense: Dense) -> TypeGuard[OfEmbeddings]:
    """Whether embeddings are blended, and made logits after.

    Logits of so many words need more memory; and one class alone is mapped where a search, which blends embeddings,
    finds it: where windows overlap, the mean of logits, which are not linear in them, may say something else.
    """
    is_alone = isinstance(dense, WordScores) and dense.is_alone
    return isinstance(dense, OfEmbeddings) and (is_alone or len(dense.texts) > max(MANY, dense.card.dim))


@dataclass(frozen=True)
class _Run:
    """One segmentation: it writes strips into the journal, then turns the journal into files."""

    raster: Raster
    dense: Dense
    legend: Legend
    outputs: Outputs
    plan: WindowPlan
    rule: Rule
    bands: Consulted
    facts: dict[str, Any]
    area: MapArea
    journal: Journal
    progress: Progress | None

    def compute(self, scene: EncodedScene | None, batch: int) -> tuple[Sequence[FailedWindow], tuple[str, ...]]:
        """Add strips of classes, confidences and scores for every row of windows that the journal lacks.

        Windows that failed before a run was killed stay failed when it resumes. A complete run that is repeated tries
        all windows. Returns the failed windows, and a note if the run resumed.
        """
        upsampler = Upsampler(
            self.rule, self.plan.patch, self.plan.shape, inset=self.plan.inset, evidence=self.bands.evidence
        )
        if scene:
            self._add_strips(self._score(scene.rows()), upsampler)
            return scene.failed, scene.resumed
        dense = self.dense
        seen = WordDense(dense.model) if _blends_embeddings(dense) else dense
        part = self.area.readable(self.raster, self.plan)
        rows = see(part, seen, self.plan, batch=batch, journal=self.journal, also=upsampler, progress=self.progress)
        resumed = resume_note(rows.restored, len(self.plan), "windows")
        self._add_strips(rows if seen is dense else self._score(rows), upsampler)
        return rows.failed, resumed

    def _score(self, rows: Iterable[Row]) -> Iterable[Row]:
        """Rows of embeddings as class logits; for many words in parts, which bounds memory."""
        if not isinstance(dense := self.dense, OfEmbeddings):
            return rows
        if _blends_embeddings(dense):
            rows = split_rows(rows, self.plan.patch, max(1, _COSINES // (len(dense.texts) * self.plan.lattice[1])))
        return (replace(row, values=dense.score(torch.from_numpy(row.values)[None])[0].numpy()) for row in rows)

    def _add_strips(self, rows: Iterable[Row], upsampler: Upsampler) -> None:
        places = {label: place for place, label in enumerate(self.dense.labels)}
        named = [places[name] for name in self.legend.names]
        for row in rows:
            probabilities = torch.from_numpy(row.values).softmax(0).numpy()
            inside = self.area.cut_row(row, self.plan)
            keep_peaks(self.journal, self.dense, inside)
            if self.outputs.scores:  # the background words have the rest to 1
                scores = self.bands.of_patches(probabilities, row.first, self.plan)
                known = np.where(np.isnan(inside.values).all(0), np.float32(np.nan), scores[named])
                self.journal.add_strip("scores", row.first, encode_strip(known))
            if strip := upsampler.feed(probabilities, inside.valid):
                self.journal.add_strip("classes", strip.row, encode_strip(strip.classes[None]))
                self.journal.add_strip("confidence", strip.row, encode_strip(strip.confidence[None]))

    def refine(self, refiner: Refiner) -> tuple[str, str]:
        """Add strips of a map whose regions follow the picture; returns their kinds."""
        from geoglot.tasks.refine.map_refiner import MapRefiner

        classes, confidence = (Strips(self.journal.strips(kind), read_block) for kind in _KINDS)
        skip = frozenset({OTHER, self.legend.nodata})
        refining = MapRefiner(self.raster, refiner, self.plan.patch, skip, CONFIDENCE_STEPS)
        done = len(self.journal.strips(_REFINED[-1]))  # strips of a run that was killed here

        def read(window: Window) -> tuple[np.ndarray, np.ndarray]:
            return classes.read(*window.slices), confidence.read(*window.slices)

        for row, *layers in refining.rows(read, done):
            self.area.cut_strip(row, layers[0], layers[1], self.legend.nodata)
            for kind, layer in zip(_REFINED, layers, strict=True):
                self.journal.add_strip(kind, row, encode_strip(layer[None]))
            self._tell("outlines", row + len(layers[0]), self.plan.shape[0])
        return _REFINED

    def write(
        self, kinds: tuple[str, str], failed: Sequence[FailedWindow], resumed: tuple[str, ...], started: float
    ) -> SegmentResult:
        """Turn the journal's strips into the files that were asked for, and remove the journal."""
        self.raster.check_unchanged()
        raster, outputs, legend, card = self.raster, self.outputs, self.legend, self.dense.card
        shares = class_shares(self._strips(kinds, "areas"), raster.grid, raster.footprint, legend)
        covered = {share.name for share in shares if share.pixels}
        style = make_style(legend, (number for number, name in enumerate(legend.names, 1) if name in covered))
        self._tell("map", 0, 1)
        outputs.write_classes(self.journal.strips(kinds[0]), raster.grid, legend, style)
        outputs.write_scores(
            self.journal.strips("scores"), raster.grid.window(self.plan.lattice_window).coarser(self.plan.patch), legend
        )
        self._tell("map", 1, 1)
        cut = outputs.write_polygons(self._strips(kinds, "polygons"), raster, legend, style)
        hidden = legend.names if "beyond" in self.facts else self.facts.get("why", {})
        absent = tell_absent(self.journal, shares, hidden, self.bands.shown)
        notes = [*resumed, *absent, *self.facts["notes"], *self.bands.notes, *cut]
        notes += outputs.draw(raster, shares, legend, self.area.area)
        if not any(share.pixels for share in shares):
            notes.append(NO_PIXEL)
        result = SegmentResult(
            model=card.name,
            output=outputs.classes,
            polygons=outputs.polygons,
            scores=outputs.scores,
            overlay=outputs.overlay if outputs.overlay and outputs.overlay.exists() else None,
            manifest=outputs.made.record,
            classes=shares,
            windows=len(self.plan),
            failed=tuple(failed),
            seconds=round(time.monotonic() - started, 2),
            legend=legend,
            scene=raster.reopened(),
            map=WrittenFile.of(outputs.classes),
            area=self.area.area,
            why=self.facts.get("why", {}),
            notes=tuple(notes),
        )
        outputs.made.finish(result.to_json() | {"run": self.facts})
        self.journal.clear()
        return result

    def _strips(self, kinds: tuple[str, str], what: str) -> Iterator[ClassStrip]:
        row = 0
        paths = list(zip(*map(self.journal.strips, kinds), strict=True))
        for done, (classes_path, confidence_path) in enumerate(paths, 1):
            classes, confidence = read_strip(classes_path)[0], read_strip(confidence_path)[0]
            yield ClassStrip(row, classes, confidence)
            row += len(classes)
            self._tell(what, done, len(paths))

    def _tell(self, what: str, done: int, total: int) -> None:
        if self.progress:
            self.progress(what, done, total)
