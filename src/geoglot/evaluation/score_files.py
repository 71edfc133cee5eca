"""The table of a scorecard as files: Markdown, LaTeX and a picture."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from geoglot.outputs.atomic import write_bytes
from geoglot.outputs.lettering import load_font

_LINE, _PAD = 26, 12  # pixels of the picture
_SPECIAL = str.maketrans({each: f"\\{each}" for each in "&%$#_{}"})
_BOLD = "**{}**", r"\textbf{{{}}}"  # in Markdown, in LaTeX

Rows = Sequence[Sequence[str]]


def write_tables(folder: Path, head: Sequence[str], rows: Rows, best: Sequence[Sequence[bool]], document: Any) -> None:
    """Write table.md, .tex, .png and scores.json; a row begins with its name, `best` is of its other cells."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *_mark(rows, best, _BOLD[0])]
    markdown = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    escaped = [[cell.translate(_SPECIAL) for cell in row] for row in (head, *rows)]
    latex = _latex([escaped[0], *_mark(escaped[1:], best, _BOLD[1])])
    for name, content in {
        "table.md": markdown.encode(), "table.tex": latex.encode(),
        "table.png": draw_table([head, *rows]), "scores.json": json.dumps(document, indent=1).encode(),
    }.items():  # fmt: skip
        write_bytes(folder / name, content)


def _mark(rows: Rows, best: Sequence[Sequence[bool]], bold: str) -> list[list[str]]:
    return [
        [name, *(bold.format(cell) if top else cell for cell, top in zip(cells, tops, strict=True))]
        for (name, *cells), tops in zip(rows, best, strict=True)
    ]


def _latex(rows: Rows) -> str:
    """The table for the package booktabs."""
    first, *rest = (" & ".join(line) + r" \\" for line in rows)
    opened = rf"\begin{{tabular}}{{l{'r' * (len(rows[0]) - 1)}}}"
    return "\n".join([opened, r"\toprule", first, r"\midrule", *rest, r"\bottomrule", r"\end{tabular}", ""])


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
