"""What a notebook does with a result, without a network: its page as a browser reads it, and texts of strangers."""

from __future__ import annotations

import socket
from html.parser import HTMLParser
from typing import Any

import matplotlib
import pytest

matplotlib.use("Agg")

#: Markup, a template, a formula, and the sign by which matplotlib leaves a label out
HOSTILE = "_<img src=x onerror=alert(1)>{{ 31337*3 }}{% raw %}${^"
COMPUTED = "94011"
"""What a template would make of it."""
_TAGS = {"div", "b", "img", "figure", "figcaption", "table", "thead", "tbody", "tr", "td", "th", "span", "small",
         "code", "details", "summary", "pre"}  # fmt: skip


class Page(HTMLParser):
    """The texts, pictures and attributes of a page; a tag that geoglot does not write fails."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.pictures, self.rows, self.length = "", list[str](), 0, len(html)
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _TAGS and {name for name, _ in attrs} <= {"class", "style", "src", "alt"}, (tag, attrs)
        self.rows += tag == "tr"
        self.pictures += [value or "" for name, value in attrs if name == "src"]
        assert all(source.startswith("data:image/jpeg;base64,") for source in self.pictures)

    def handle_data(self, data: str) -> None:
        self.text += data


def look_at(result: Any) -> Page:
    """The page that a notebook shows of a result as the last line of a cell."""
    page = Page(result._repr_html_())
    assert page.length < 1_000_000
    return page


def draw(result: Any) -> Any:
    """The axes of a result, drawn; the figure is closed."""
    from matplotlib import pyplot

    axes = result.plot()
    axes[-1].figure.canvas.draw()
    pyplot.close("all")
    return axes


def explore(result: Any) -> str:
    """The page of the map of a result."""
    html: str = result.explore().get_root().render()
    assert "<img src=x" not in html and COMPUTED not in html
    return html


def forbid_network(patch: pytest.MonkeyPatch) -> None:
    """Let no socket reach another machine."""

    def refuse(*_: object) -> None:
        raise AssertionError("a result asked the network")

    patch.setattr(socket.socket, "connect", refuse)
    patch.setattr(socket, "getaddrinfo", refuse)
