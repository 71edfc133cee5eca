"""A result as a small page for a notebook, which needs no other file. Texts of others are escaped, and cut if long."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO

from PIL import Image

from geoglot.legible import message_of, visible
from geoglot.outputs.notebook.page import Drawing, Page, Picture, Table
from geoglot.outputs.palette import Colour, hex_of

_ROWS, _COLUMNS, _NOTES, _ENTRIES, _PICTURES, _FOLDED = 20, 12, 12, 20, 12, 5
_CELL, _TEXT = 160, 4000  # letters
_SIDE, _QUALITY = 320, 82  # pixels of a picture, and how well JPEG keeps it


def to_html(page: Page, drawing: Drawing | None = None, why: str = "") -> str:
    """The page. `why` says why there is no drawing."""
    drawing = drawing or Drawing()
    parts = [f"<div><b>{safe(page.title)}</b></div>", _pictures(drawing.pictures)]
    if not any(table.colours for table in page.tables):
        parts.append(_legend(drawing.entries))
    parts += map(_table, page.tables)
    parts += [f"<div>no picture: {safe(why)}</div>"] if why else []
    files = [(what, str(path)) for what, path in page.files.items() if path]
    parts.append(_lines([f"{safe(what)}: <code>{safe(path)}</code>" for what, path in files[:_ROWS]], len(files)))
    parts.append(_lines([safe(note) for note in page.notes[:_NOTES]], len(page.notes)))
    for heading, text in list(page.folded.items())[:_FOLDED]:
        folded = escape(visible(text[:_TEXT]) + (" ..." if len(text) > _TEXT else ""))
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


def _pictures(pictures: Sequence[Picture]) -> str:
    shown = "".join(map(_figure, pictures[:_PICTURES]))
    return f'<div style="display:flex;flex-wrap:wrap;gap:8px;margin:6px 0">{shown}</div>' + _more(
        len(pictures) - _PICTURES
    )


def _figure(picture: Picture) -> str:
    small = picture.image.convert("RGB")
    small.thumbnail((_SIDE, _SIDE))
    title = safe(picture.title)
    source = data_uri(small, "jpeg")
    return (
        f'<figure style="margin:0;max-width:{_SIDE}px"><img src="{source}" alt="{title}">'
        f'<figcaption style="overflow-wrap:anywhere">{title}</figcaption></figure>'
    )


def _legend(entries: Sequence[tuple[Colour, str]]) -> str:
    shown = [f"{_swatch(colour)} {safe(text, _CELL)}" for colour, text in entries[:_ENTRIES]]
    return f"<div>{' &nbsp; '.join(shown)}{_more(len(entries) - _ENTRIES)}</div>" if shown else ""


def _swatch(colour: Colour) -> str:
    return f'<span style="display:inline-block;width:1em;height:1em;background:{hex_of(colour)}"></span>'


def _table(table: Table) -> str:
    swatches: list[str | None] = [_swatch(colour) for colour in table.colours[:_ROWS]]
    body = "".join(
        _row("td", row, swatch) for row, swatch in zip(table.rows[:_ROWS], swatches or [None] * _ROWS, strict=False)
    )
    head = _row("th", table.head, "" if swatches else None)
    left = _more(len(table.rows) - _ROWS) + _more(len(table.head) - _COLUMNS, "columns")
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>{left}"


def _row(tag: str, cells: Sequence[str], swatch: str | None) -> str:
    every = [*([] if swatch is None else [swatch]), *(safe(cell, _CELL) for cell in cells[:_COLUMNS])]
    return f"<tr>{''.join(f'<{tag} style=text-align:left>{cell}</{tag}>' for cell in every)}</tr>"


def _lines(shown: Sequence[str], total: int) -> str:
    return "".join(f"<div><small>{line}</small></div>" for line in shown) + _more(total - len(shown))


def _more(left: int, what: str = "more") -> str:
    return f"<div><small>and {left:,} more{'' if what == 'more' else f' {what}'}</small></div>" if left > 0 else ""
