"""Base classes of results that show themselves in notebooks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from geoglot.aliases import PathLike
from geoglot.errors import GeoglotError
from geoglot.outputs.notebook.as_axes import draw_axes
from geoglot.outputs.notebook.as_html import to_html
from geoglot.outputs.notebook.as_report import write_report
from geoglot.outputs.notebook.as_web_map import to_web_map
from geoglot.outputs.notebook.page import Drawing, Page

if TYPE_CHECKING:
    import folium
    from matplotlib.axes import Axes


class Shown(ABC):
    """A result that a notebook shows when it is the last line of a cell."""

    @abstractmethod
    def page(self) -> Page:
        """What is shown in words."""

    def _repr_html_(self) -> str:
        """A small page without any other file or address."""
        return to_html(self.page())

    def report(self, path: PathLike, overwrite: bool = False) -> Path:
        """Write the result as one HTML file with pictures, tables, notes and provenance.

        Raises InputError for a name that does not end with .html, and OutputError for a file that is no report of ours,
        or that of another result unless `overwrite`.
        """
        return write_report([self], path, overwrite)


class ShownOnMap(Shown):
    """A result that has pictures, too."""

    @abstractmethod
    def draw(self) -> Drawing:
        """What is shown in pictures; GeoglotError if its files are gone."""

    @cached_property
    def _drawing(self) -> Drawing:
        return self.draw()

    def _repr_html_(self) -> str:
        """A small page without any other file or address; it says why, if there can be no picture."""
        try:
            return to_html(self.page(), self._drawing)
        except GeoglotError as error:
            return to_html(self.page(), why=str(error))

    def plot(self) -> list[Axes]:
        """Draw the pictures side by side in a new figure, with a legend; returns the axes of each, the map last.

        Axes have the coordinates of the scene's CRS, so that other data can be added: `frame.plot(ax=axes[-1])`.
        Raises MissingExtraError without matplotlib, and SourceError if files of the result are gone.
        """
        return draw_axes(self._drawing, self.page().title)

    def explore(self, tiles: str | None = None) -> folium.Map:
        """The result as a map to move and zoom, with facts about what the pointer is on.

        `tiles` is a base map below it, such as "OpenStreetMap", whose server then learns where you look. Without it no
        server is asked but the one that holds Leaflet, which folium names. Raises MissingExtraError without folium,
        InputError for a result that has no place on Earth, and SourceError if its files are gone.
        """
        return to_web_map(self._drawing, self.page().title, tiles)
