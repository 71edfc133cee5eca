"""Many models on many data sets in one run: a table as Markdown, LaTeX and a picture.

name = "graft"
output = "scores"                      # a folder; a run that is repeated measures only what it lacks
models = ["mini", "graft-naip-image"]
[[sets]]
task = "classification"                # retrieval, segmentation, vqa, or probe
set = "eurosat"                        # of `geoglot datasets list`
data = "EuroSAT"
protocol = "graft"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from geoglot.aliases import Count, PathLike, Progress
from geoglot.errors import GeoglotError, InputError, OutputError
from geoglot.evaluation.evaluate import evaluate
from geoglot.evaluation.probe import probe
from geoglot.evaluation.score_files import write_tables
from geoglot.hashing import fingerprint
from geoglot.legible import message_of
from geoglot.models.card import Card
from geoglot.models.stored import card_of, find_model, resolve_model
from geoglot.models.zoo import Model, load_model
from geoglot.options import EvaluateOptions, ProbeOptions
from geoglot.outputs.atomic import disk_errors, write_json
from geoglot.outputs.notebook.page import Page, Table
from geoglot.outputs.notebook.shown import Shown
from geoglot.outputs.own import is_marked, mark
from geoglot.recipe import open_recipe
from geoglot.settings import load_settings
from geoglot.sources.listing import file_state, list_files
from geoglot.tables import parse_json
from geoglot.version import __version__

#: The figures that stand in the table; each measurement has one of them
MAIN = ("top1", "map@100", "mean_recall", "miou", "accuracy", "linear")


@dataclass(frozen=True)
class Measure:
    """A column of the table: a task on a data set by a protocol."""

    task: Literal["classification", "retrieval", "segmentation", "vqa", "probe"]
    set: str
    data: Path
    protocol: str = "default"
    split: str | None = None
    limit: Count | None = None

    def title(self, figure: str) -> str:
        """The head of the column; without a figure that of one that nothing could be measured for."""
        part = [f"split {self.split}"] if self.split else []
        part += [f"{self.limit} images"] if self.limit else []
        return f"{f'{self.set} {figure}'.strip()} ({', '.join([self.task, self.protocol, *part])})"


@dataclass(frozen=True)
class ManyRecipe:
    """Which models are measured on what."""

    name: str
    output: Path
    models: tuple[str, ...]
    """Names or folders."""
    sets: tuple[Measure, ...]


@dataclass(frozen=True)
class Scores(Shown):
    """The figures of all models, and the files that hold them."""

    name: str
    models: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[dict[str, Any], ...], ...]
    """The documents of `geoglot evaluate --json`, by model and column; `failed` says why there is none."""
    output: Path

    @property
    def failures(self) -> tuple[str, ...]:
        """What could not be measured, and why."""
        rows = zip(self.models, self.cells, strict=True)
        cells = ((model, *each) for model, row in rows for each in zip(self.columns, row, strict=True))
        return tuple(f"{model}, {column}: {cell['failed']}" for model, column, cell in cells if "failed" in cell)

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot evaluate scorecard --json`."""
        rows = zip(self.models, self.cells, strict=True)
        models = [{"model": model, "scores": list(row)} for model, row in rows]
        return {"name": self.name, "output": str(self.output), "columns": list(self.columns), "models": models}

    def page(self) -> Page:
        table = Table(("model", *self.columns), [tuple(row) for row in self.rows()])
        notes = sorted({note for row in self.cells for cell in row for note in cell.get("notes", ())})
        return Page(self.name, [table], [*self.failures, *notes], {"tables": self.output})

    def rows(self) -> list[list[str]]:
        """The name of each model and its figures in percent."""
        return [
            [model, *(_percent(_main(cell)) for cell in row)]
            for model, row in zip(self.models, self.cells, strict=True)
        ]

    def best(self) -> list[list[bool]]:
        """Whether a figure is the best of its column, by model and column."""
        figures = [[_main(cell) for cell in row] for row in self.cells]
        columns = zip(*figures, strict=True)
        tops = [max((value for value in column if value is not None), default=None) for column in columns]
        return [[value is not None and value == top for value, top in zip(row, tops, strict=True)] for row in figures]


def evaluate_many(recipe: ManyRecipe | PathLike, device: str | None = None, progress: Progress | None = None) -> Scores:
    """Measure all models of a recipe on all of its sets, and write table.md, table.tex, table.png and scores.json.

    A figure whose model, data (names, sizes and times of files), protocol and version of geoglot did not change is read
    from the folder `cells` of the output. A figure that cannot be measured does not stop the others; the result and
    the next call know. Raises InputError for a recipe without models or sets and if nothing can be measured, and
    OutputError for an output folder of another program.
    """
    asked, folder = open_recipe(recipe, ManyRecipe)
    if not asked.models or not asked.sets:
        raise InputError("a scorecard needs models and [[sets]]; name at least one of each")
    names = [str(resolve_model(name, folder)) for name in asked.models]
    cards = [card_of(find_model(name)) for name in names]
    sets = [replace(measure, data=folder / measure.data) for measure in asked.sets]
    if asked.output.exists() and not is_marked(asked.output):
        raise OutputError(f"{asked.output} was not made by this command; give another output")
    with disk_errors(asked.output):
        (asked.output / "cells").mkdir(parents=True, exist_ok=True)
        mark(asked.output)
    states = {measure.data: _state_of(measure.data, asked.output) for measure in sets}
    cells = []
    for name, card in zip(names, cards, strict=True):
        paths = [_cell_path(asked.output, card, measure, states[measure.data]) for measure in sets]
        cells.append(_measure_model(name, sets, paths, device, progress))
    columns = tuple(map(_title, sets, zip(*cells, strict=True)))
    scores = Scores(asked.name, _row_names(asked.models, cards), columns, tuple(cells), asked.output)
    if len(scores.failures) == len(cards) * len(sets):
        raise InputError(f"nothing could be measured; {scores.failures[0]}")
    write_tables(asked.output, ["model", *columns], scores.rows(), scores.best(), scores.to_json())
    return scores


def _title(measure: Measure, column: Sequence[dict[str, Any]]) -> str:
    return measure.title(next((cell["main"] for cell in column if "main" in cell), ""))


def _row_names(asked: Sequence[str], cards: Sequence[Card]) -> tuple[str, ...]:
    """The names of models; as the recipe has them where several models have one name."""
    names = [card.name for card in cards]
    return tuple(name if names.count(name) == 1 else own for name, own in zip(names, asked, strict=True))


def _state_of(data: Path, output: Path) -> str:
    """Changes with the name, size or time of a file in a folder; files of this command's output do not count."""
    if not data.is_dir():
        return ""  # the measurement says what is missing
    here, made = data.resolve(), output.resolve()
    files = (path for path in list_files(here) if not path.is_relative_to(made))
    return fingerprint({path.relative_to(here).as_posix(): file_state(path) for path in files})


def _cell_path(output: Path, card: Card, measure: Measure, state: str) -> Path:
    """The file of a cell, whose name follows from everything that decides the figure."""
    asked = {name: value for name, value in asdict(measure).items() if name != "data"}
    facts = {"model": card.sha256, "precision": load_settings().precision, "asked": asked, "data": state}
    facts |= {"geoglot": __version__}
    return output / "cells" / f"{fingerprint(facts)}.json"


def _measure_model(
    name: str, sets: Sequence[Measure], paths: Sequence[Path], device: str | None, progress: Progress | None
) -> tuple[dict[str, Any], ...]:
    """The documents of the cells of one model, which is loaded once, and only if one of them is missing."""
    model: Model | None = None
    cells = list[dict[str, Any]]()
    for measure, path in zip(sets, paths, strict=True):
        cell = _read_cell(path)
        if cell is None:
            try:
                model = model or load_model(name, device=device, precision="auto")
                cell = _measure(model, measure, progress)
            except GeoglotError as error:
                cell = {"failed": message_of(error)}
            else:
                write_json(path, cell)
        cells.append(cell)
    return tuple(cells)


def _read_cell(path: Path) -> dict[str, Any] | None:
    """The document of a cell; None if it is missing or damaged."""
    try:
        cell = parse_json(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return cell if isinstance(cell, dict) and "main" in cell else None


def _measure(model: Model, measure: Measure, progress: Progress | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"model": model, "protocol": measure.protocol, "progress": progress}
    if measure.task == "probe":
        options = ProbeOptions(split=measure.split, limit=measure.limit)
        card = probe(measure.set, measure.data, options=options, **facts)
    else:
        asked = EvaluateOptions(split=measure.split, limit=measure.limit)
        card = evaluate(measure.task, measure.set, measure.data, options=asked, **facts)
    return card.to_json() | {"main": next(name for name in MAIN if name in card.metrics)}


def _main(cell: dict[str, Any]) -> float | None:
    value: float | None = cell["metrics"][cell["main"]]["value"] if "main" in cell else None
    return value


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"
