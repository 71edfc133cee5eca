from __future__ import annotations

import numpy as np
from PIL import Image

from geoglot.outputs.notebook.as_html import to_html
from geoglot.outputs.notebook.page import Drawing, Page, Picture, Table
from notebooks import HOSTILE
from notebooks import Page as Seen


def noise(side: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8))


def test_texts_of_strangers_are_shown_and_nothing_else() -> None:
    table = Table((HOSTILE, "area"), [(HOSTILE, HOSTILE)], [(1, 2, 3)])
    page = Page(HOSTILE, [table], [HOSTILE], {HOSTILE: HOSTILE}, {HOSTILE: HOSTILE})
    picture = Picture(HOSTILE, noise(20), None)
    seen = Seen(to_html(page, Drawing([picture], picture, [((1, 2, 3), HOSTILE)]), why=HOSTILE))
    assert seen.text.count(HOSTILE) == 12 and len(seen.pictures) == 2


def test_lines_that_others_wrote_cannot_turn_or_break_the_page() -> None:
    seen = Seen(to_html(Page("a\u202eb\nc", notes=["x\x1b[2Jy"])))
    assert "\\u202e" in seen.text and "\x1b" not in seen.text and "a" in seen.text


def test_a_page_is_small_whatever_the_result() -> None:
    table = Table(("name",) * 70_000, [("n" * 2000,) * 70_000] * 100, [(0, 0, 0)] * 100)
    page = Page("t" * 10**6, [table] * 2, ["note " * 1000] * 5000, {}, {"program": "x = 1\n" * 10**6})
    drawing = Drawing([Picture("p" * 5000, noise(1500), None)] * 50, None, [((0, 0, 0), "e" * 3000)] * 5000)
    html = to_html(page, drawing)
    assert len(html) < 1_000_000
    seen = Seen(html)
    assert "and 80 more" in seen.text and "and 69,988 more columns" in seen.text and "and 38 more" in seen.text


def test_the_legend_stands_once() -> None:
    """In the table, if its rows have the colours of the map."""
    drawing = Drawing([], None, [((9, 9, 9), "water  40%")])
    assert "water  40%" not in to_html(Page("t", [Table(("class",), [("water",)], [(9, 9, 9)])]), drawing)
    assert "water  40%" in to_html(Page("t", [Table(("class",), [("water",)])]), drawing)
