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

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from PIL import Image, ImageDraw

from geoglot.aliases import Count, PathLike, Progress
from geoglot.errors import InputError, OutputError
from geoglot.evaluation.evaluate import evaluate
from geoglot.evaluation.probe import probe
from geoglot.models.zoo import card_of, find_model, load_model, resolve_model
from geoglot.options import EvaluateOptions, ProbeOptions
from geoglot.outputs.atomic import disk_errors, write_bytes
from geoglot.outputs.lettering import load_font
from geoglot.outputs.notebook.page import Page, Table
from geoglot.outputs.notebook.shown import Shown
from geoglot.outputs.own import is_marked, mark
from geoglot.recipe import open_recipe

#: The figure of each task that stands in the table
MAIN = {
    "classification": "top1", "retrieval": "map@100", "segmentation": "miou", "vqa": "accuracy", "probe": "linear",
}  # fmt: skip
_LINE, _PAD = 26, 12  # pixels of the picture
_SPECIAL = str.maketrans({each: f"\\{each}" for each in "&%$#_{}"})


@dataclass(frozen=True)
class Measure:
    """A column of the table: a task on a data set by a protocol."""

    task: Literal["classification", "retrieval", "segmentation", "vqa", "probe"]
    set: str
    data: Path
    protocol: str = "default"
    split: str | None = None
    limit: Count | None = None

    @property
    def title(self) -> str:
        return f"{self.set} {MAIN[self.task]} ({self.task}, {self.protocol})"


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
    """The documents of `geoglot evaluate --json`, by model and column."""
    output: Path

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot evaluate scorecard --json`."""
        rows = zip(self.models, self.cells, strict=True)
        models = [{"model": model, "scores": list(row)} for model, row in rows]
        return {"name": self.name, "output": str(self.output), "columns": list(self.columns), "models": models}

    def page(self) -> Page:
        table = Table(("model", *self.columns), [tuple(row) for row in self.rows()])
        notes = sorted({note for row in self.cells for cell in row for note in cell["notes"]})
        return Page(self.name, [table], notes, {"tables": self.output})

    def rows(self, mark_best: str = "{}") -> list[list[str]]:
        """The name of each model and its figures in percent; the best of each column in `mark_best`."""
        figures = [[_main(cell) for cell in row] for row in self.cells]
        best = [
            max((value for value in column if value is not None), default=None) for column in zip(*figures, strict=True)
        ]
        return [
            [
                model,
                *(_percent(value, mark_best if value == top else "{}") for value, top in zip(row, best, strict=True)),
            ]
            for model, row in zip(self.models, figures, strict=True)
        ]


def evaluate_many(recipe: ManyRecipe | PathLike, device: str | None = None, progress: Progress | None = None) -> Scores:
    """Measure all models of a recipe on all of its sets, and write table.md, table.tex, table.png and scores.json.

    A figure whose model, data and protocol did not change is read from the folder `cells` of the output. Raises
    InputError for a recipe without models or sets, and OutputError for an output folder of another program.
    """
    asked, folder = open_recipe(recipe, ManyRecipe)
    if not asked.models or not asked.sets:
        raise InputError("a scorecard needs models and [[sets]]; name at least one of each")
    if asked.output.exists() and not is_marked(asked.output):
        raise OutputError(f"{asked.output} was not made by this command; give another output")
    with disk_errors(asked.output):
        (asked.output / "cells").mkdir(parents=True, exist_ok=True)
        mark(asked.output)
    names = [str(resolve_model(name, folder)) for name in asked.models]
    sets = [replace(measure, data=folder / measure.data) for measure in asked.sets]
    cells = [[_measure(asked.output, name, measure, device, progress) for measure in sets] for name in names]
    titles = tuple(card_of(find_model(name)).name for name in names)
    columns = tuple(measure.title for measure in asked.sets)
    scores = Scores(asked.name, titles, columns, tuple(map(tuple, cells)), asked.output)
    _write(scores)
    return scores


def _measure(
    output: Path, name: str, measure: Measure, device: str | None, progress: Progress | None
) -> dict[str, Any]:
    """The document of one cell, measured unless it was."""
    decides = json.dumps([card_of(find_model(name)).sha256, asdict(measure)], default=str)
    path = output / "cells" / f"{hashlib.sha256(decides.encode()).hexdigest()[:16]}.json"
    if path.exists():
        stored: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return stored
    model = load_model(name, device=device, precision="auto")
    if measure.task == "probe":
        options = ProbeOptions(split=measure.split, limit=measure.limit, device=device)
        card = probe(
            measure.set, measure.data, model=model, protocol=measure.protocol, options=options, progress=progress
        )
    else:
        asked = EvaluateOptions(split=measure.split, limit=measure.limit, device=device)
        card = evaluate(
            measure.task, measure.set, measure.data, model=model, protocol=measure.protocol, options=asked,
            progress=progress,
        )  # fmt: skip
    document = card.to_json() | {"main": MAIN[measure.task]}
    write_bytes(path, json.dumps(document, indent=1).encode())
    return document


def _main(cell: dict[str, Any]) -> float | None:
    value: float | None = cell["metrics"][cell["main"]]["value"]
    return value


def _percent(value: float | None, mark_best: str) -> str:
    return "-" if value is None else mark_best.format(f"{100 * value:.1f}")


def _write(scores: Scores) -> None:
    head = ["model", *scores.columns]
    lines = [head, ["---", *["---:"] * len(scores.columns)], *scores.rows("**{}**")]
    markdown = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    latex = [head, *scores.rows(r"\textbf{{{}}}")]
    body = " \\\\\n".join(" & ".join(_escape(cell) for cell in line) for line in latex)
    columns = "l" + "r" * len(scores.columns)
    table = f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{body} \\\\\n\\bottomrule\n\\end{{tabular}}\n"
    table = table.replace(" \\\\\n", " \\\\\n\\midrule\n", 1)
    for name, content in {
        "table.md": f"{markdown}\n".encode(), "table.tex": table.encode(),
        "table.png": draw_table([head, *scores.rows()]), "scores.json": json.dumps(scores.to_json(), indent=1).encode(),
    }.items():  # fmt: skip
        write_bytes(scores.output / name, content)


def _escape(cell: str) -> str:
    return cell if cell.startswith("\\textbf") else cell.translate(_SPECIAL)


def draw_table(rows: Sequence[Sequence[str]]) -> bytes:
    """A table as a PNG: the first column to the left, figures to the right."""
    font = load_font()
    widths = [max(int(font.getlength(cell)) for cell in column) + 2 * _PAD for column in zip(*rows, strict=True)]
    picture = Image.new("RGB", (sum(widths), _LINE * len(rows) + _PAD), "white")
    draw = ImageDraw.Draw(picture)
    for number, row in enumerate(rows):
        left = 0
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            start = left + _PAD if column == 0 else left + width - _PAD - int(font.getlength(cell))
            draw.text((start, _LINE * number + 5), cell, fill="black", font=font)
            left += width
    draw.line([(0, _LINE), (picture.width, _LINE)], fill="black")
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
