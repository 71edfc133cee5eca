"""One comparison from start to finish: it writes strips into the journal, then turns the journal into files."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import geopandas as gpd
import pandas as pd

from geoglot.aliases import Progress
from geoglot.errors import NO_PIXEL, SourceError
from geoglot.outputs.notebook.page import WrittenFile
from geoglot.scene.absence import absence_notes
from geoglot.scene.class_words import COMPETE
from geoglot.scene.question import TextQuestion
from geoglot.scene.read import reading_notes
from geoglot.scene.stored_rows import StoredRows, store_rows
from geoglot.scene.stream import resume_note, see
from geoglot.scene.visible import unseen_notes
from geoglot.sources.read_ahead import FailedWindow
from geoglot.tasks.change.align.dated_raster import DatedRaster
from geoglot.tasks.change.asked import Asked
from geoglot.tasks.change.change_files import ChangeFiles
from geoglot.tasks.change.history import History
from geoglot.tasks.change.measure import measure
from geoglot.tasks.change.objects import Kinds
from geoglot.tasks.change.polygons import Polygons
from geoglot.tasks.change.posterior import Posterior, Transitions
from geoglot.tasks.change.result import ChangeResult, sum_up
from geoglot.tasks.change.stack import Stacked, Views
from geoglot.tasks.change.time_series import chart_of, table_of


@dataclass(frozen=True)
class ChangeRun:
    """The run of one comparison."""

    asked: Asked
    files: ChangeFiles
    history: History
    kept: bool
    progress: Progress | None

    def compute(self) -> tuple[Sequence[FailedWindow], tuple[str, ...]]:
        """Decide all pixels; returns the windows that failed, and a note if the run resumed."""
        asked, journal = self.asked, self.history.journal
        views = Views(asked.dense, asked.question, asked.words, len(asked.aligned.dates))
        batch = max(1, asked.read.at_once(asked.plan.tile) // len(asked.aligned.dates))
        rows = see(Stacked(asked.aligned), views, asked.plan, batch=batch, journal=journal, progress=self.progress)
        resumed = resume_note(rows.restored, len(asked.plan), "windows")
        store_rows(rows, journal, asked.plan, "float32")
        if len(rows.failed) == len(asked.plan):
            journal.clear()
            raise SourceError(f"no window could be compared: {rows.failed[0].reason}")
        hidden = [number for number, entry in enumerate(asked.words, 1) if entry.name in asked.why]
        stored = StoredRows.of(journal, asked.plan, views.channels)
        posterior = Posterior(stored, [each.evidence for each in asked.bands], len(asked.states), hidden)
        self.history.decide(posterior, asked.gate)
        self.history.keep(asked.least)
        return rows.failed, resumed

    def finish(self, failed: Sequence[FailedWindow], resumed: tuple[str, ...], started: float) -> ChangeResult:
        """Measure what is kept, write the files that were asked for, and sum up."""
        asked, history, files, states = self.asked, self.history, self.files, self.asked.states
        aligned, grid = asked.aligned, asked.aligned.grid
        for date in aligned.dates:
            date.check_unchanged()
        dates = [date.name for date in aligned.dates]
        pairs = Transitions(len(states))
        tally = measure(history.strips("areas"), grid, len(dates), pairs)
        kinds = [Kinds.of(lambda: history.strips("objects"), step, len(states)) for step in range(len(dates) - 1)]
        classes, transitions = sum_up(tally, kinds, states, dates, on_earth=grid.crs is not None)
        across = (number for number, count in enumerate(tally.across.tolist()) if number and count)
        style = files.style(dict.fromkeys([*(each.number for each in transitions), *across]))
        files.write_maps(history, grid, states, dates, style)
        polygons = Polygons(history, kinds, states, dates, files.legend, grid)
        cut = files.write_polygons(polygons, style)
        periods = [date.period for date in aligned.dates]
        drawn = files.write_series(table_of(classes, dates, periods), chart_of(classes, dates, periods))
        known = int(tally.pixels[0].sum())
        seen = [each for each in classes if each.objects and each.name not in asked.why and known]
        nowhere = [each.name for each in seen if not any(each.pixels)]
        notes = [*resumed, *unseen_notes(asked.why), *absence_notes(nowhere), *aligned.notes, *asked.question.notes]
        notes += [COMPETE] if len(seen) > 1 and isinstance(asked.question, TextQuestion) else []
        notes += _told_of([reading_notes(date, asked.dense.card, asked.read) for date in aligned.dates], aligned.dates)
        notes += _told_of([each.notes for each in asked.bands], aligned.dates)
        notes += [*drawn, *cut]
        notes += files.draw(aligned, dates, tally.across)
        if not known:
            notes.append(NO_PIXEL)
        result = ChangeResult(
            model=asked.dense.card.name,
            dates=tuple(dates),
            classes=classes,
            transitions=transitions,
            alignment=tuple(aligned.to_json()),
            known=known / max(1, known + tally.unknown),
            outputs=files.named() if self.kept else {},
            changes=None if self.kept else _joined(polygons),
            windows=len(asked.plan),
            failed=tuple(failed),
            seconds=round(time.monotonic() - started, 2),
            scenes=tuple(date.reopened() for date in aligned.dates),
            area=aligned.common.area,
            map=WrittenFile.of(files.map) if self.kept else None,
            why=asked.why,
            notes=tuple(dict.fromkeys(notes)),
        )
        files.made.finish(result.to_json() | {"run": asked.facts})
        return result


def _told_of(notes: Sequence[Sequence[str]], dates: Sequence[DatedRaster]) -> Iterator[str]:
    """The notes on each date. One that neither names its file nor holds for all dates begins with the date."""
    for date, own in zip(dates, notes, strict=True):
        for note in own:
            yield note if date.uri in note or all(note in each for each in notes) else f"{date.name}: {note}"


def _joined(polygons: Polygons) -> gpd.GeoDataFrame:
    frames = list(polygons.frames())
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=frames[0].crs)
