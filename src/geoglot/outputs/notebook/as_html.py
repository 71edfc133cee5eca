"""A result as a page that needs no other file, small for a notebook. Texts of others are escaped, and cut if long."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO

from PIL import Image

from geoglot.legible import message_of, visible
from geoglot.outputs.notebook.page import Drawing, Page, Picture, Table
from geoglot.outputs.palette import Colour, hex_of

_COLUMNS, _FOLDED, _QUALITY = 12, 5, 82  # the last is how well JPEG keeps a picture


@dataclass(frozen=True)
class Limits:
    """How much of a result a page shows."""

    rows: int = 20
    notes: int = 12
    entries: int = 20
    """Of a legend."""
    pictures: int = 12
    letters: int = 160
    """In a cell of a table."""
    text: int = 4000
    """Letters of a longer text."""
    side: int = 320
    """Of a picture, in pixels."""


def to_html(page: Page, drawing: Drawing | None = None, why: str = "", limits: Limits = Limits()) -> str:
    """The page. `why` says why there is no drawing."""
    drawing = drawing or Drawing()
    parts = [f"<div><b>{safe(page.title)}</b></div>", _pictures(drawing.pictures, limits)]
    if not any(table.colours for table in page.tables):
        parts.append(_legend(drawing.entries, limits))
    parts += [_table(table, limits) for table in page.tables]
    parts += [f"<div>no picture: {safe(why)}</div>"] if why else []
    files = [(what, str(path)) for what, path in page.files.items() if path]
    parts.append(
        _lines([f"{safe(what)}: <code>{safe(path)}</code>" for what, path in files[: limits.rows]], len(files))
    )
    parts.append(_lines([safe(note) for note in page.notes[: limits.notes]], len(page.notes)))
    for heading, text in list(page.folded.items())[:_FOLDED]:
        folded = escape(visible(text[: limits.text]) + (" ..." if len(text) > limits.text else ""))
        parts.append(f"<details><summary>{safe(heading)}</summary><pre>{folded}</pre></details>")
    return f'<div class="geoglot">{"".join(parts)}</div>'


def safe(text: object, most: int | None = None) -> str:
    """A text of others as one line of HTML, cut to `most` letters."""
    line = message_of(text)
    return escape(line if most is None or len(line) <= most else f"{line[: most - 4]} ...")


def data_uri(image: Image.Image, kind: str) -> str:
    """A picture as an address that holds it: kind "jpeg", or "webp" with transparency."""
    buffer = BytesIO()
    image.save(buffer, kind, quality=_QUALITY)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _pictures(pictures: Sequence[Picture], limits: Limits) -> str:
    shown = "".join(_figure(picture, limits.side) for picture in pictures[: limits.pictures])
    return f'<div style="display:flex;flex-wrap:wrap;gap:8px;margin:6px 0">{shown}</div>' + _more(
        len(pictures) - limits.pictures
    )


def _figure(picture: Picture, side: int) -> str:
    small = picture.image.convert("RGB")
    small.thumbnail((side, side))
    title = safe(picture.title)
    source = data_uri(small, "jpeg")
    return (
        f'<figure style="margin:0;max-width:{side}px"><img src="{source}" alt="{title}">'
        f'<figcaption style="overflow-wrap:anywhere">{title}</figcaption></figure>'
    )


def _legend(entries: Sequence[tuple[Colour, str]], limits: Limits) -> str:
    shown = [f"{_swatch(colour)} {safe(text, limits.letters)}" for colour, text in entries[: limits.entries]]
    return f"<div>{' &nbsp; '.join(shown)}{_more(len(entries) - limits.entries)}</div>" if shown else ""


def _swatch(colour: Colour) -> str:
    return f'<span style="display:inline-block;width:1em;height:1em;background:{hex_of(colour)}"></span>'


def _table(table: Table, limits: Limits) -> str:
    rows = table.rows[: limits.rows]
    swatches: list[str | None] = [_swatch(colour) for colour in table.colours[: limits.rows]]
    body = "".join(
        _row("td", row, swatch, limits.letters)
        for row, swatch in zip(rows, swatches or [None] * len(rows), strict=False)
    )
    head = _row("th", table.head, "" if table.colours else None, limits.letters)
    left = _more(len(table.rows) - limits.rows) + _more(len(table.head) - _COLUMNS, "columns")
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>{left}"


def _row(tag: str, cells: Sequence[str], swatch: str | None, letters: int) -> str:
    every = [*([] if swatch is None else [swatch]), *(safe(cell, letters) for cell in cells[:_COLUMNS])]
    return f"<tr>{''.join(f'<{tag} style=text-align:left>{cell}</{tag}>' for cell in every)}</tr>"


def _lines(shown: Sequence[str], total: int) -> str:
    return "".join(f"<div><small>{line}</small></div>" for line in shown) + _more(total - len(shown))


def _more(left: int, what: str = "more") -> str:
    return f"<div><small>and {left:,} more{'' if what == 'more' else f' {what}'}</small></div>" if left > 0 else ""
