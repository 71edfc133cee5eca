"""The result of a search: hits in the order of their scores, as a table, a file, a sheet of pictures, or a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shapely

from geoglot.aliases import PathLike
from geoglot.crs import LONLAT
from geoglot.errors import InputError
from geoglot.figures import format_count
from geoglot.index.search.hit import Hit
from geoglot.index.search.hit_files import reserve
from geoglot.index.search.hits_page import HITS, draw_hits, page_of_hits
from geoglot.index.store.chip_table import WINDOW
from geoglot.outputs.atomic import write_bytes
from geoglot.outputs.notebook.page import Drawing, Page
from geoglot.outputs.notebook.shown import ShownOnMap
from geoglot.outputs.palette import hex_of
from geoglot.outputs.styles import make_style
from geoglot.scene.absence import ABSENT, round_presence

if TYPE_CHECKING:
    import geopandas as gpd

_SHEET_COLUMNS = 4
_SCORES = ("fit", "score", "part_score")


@dataclass(frozen=True)
class Hits(ShownOnMap):
    """What a search found."""

    query: str
    hits: tuple[Hit, ...]
    """Best first; the nearest ones, even if nothing like the query is there."""
    present: float | None
    """Probability that the archive shows what the words say; None for a query without words, or an unknown model."""
    searched: int
    """Chips that the filters left."""
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    run: str = ""
    """Fingerprint of the search, by which its files are known."""

    @property
    def absent(self) -> bool:
        """Whether nothing like the query is in the archive."""
        return not self.hits or (self.present is not None and self.present < ABSENT)

    @property
    def table(self) -> gpd.GeoDataFrame:
        """A row per hit, with the outline of its chip."""
        import geopandas as gpd  # a search that writes no file does without the second it takes to import
        import pandas as pd

        rows = [
            {
                "rank": hit.rank, **{name: _round(getattr(hit, name)) for name in _SCORES},
                "source": hit.source, "time": hit.time, "cell": hit.cell, "scale_m": hit.scale_m, "also": hit.also,
                **dict(zip(WINDOW, hit.window, strict=True)),
                "part": None if hit.outline is None else shapely.to_wkt(hit.outline, 7),
            }
            for hit in self.hits
        ]  # fmt: skip
        columns = ["rank", *_SCORES, "source", "time", "cell", "scale_m", "also", *WINDOW, "part"]
        frame = pd.DataFrame(rows, columns=columns)
        frame[[*_SCORES]] = frame[[*_SCORES]].astype(float)
        frame["time"] = pd.to_datetime(frame["time"], utc=True)
        return gpd.GeoDataFrame(frame, geometry=[hit.geometry for hit in self.hits], crs=LONLAT)

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot search --json`; hits that are not what was asked for are its "nearest"."""
        lines = [hit.to_json() for hit in self.hits]
        present = None if self.present is None else round_presence(self.present, 4)
        return {
            "query": self.query, "present": present, "hits": [] if self.absent else lines,
            "nearest": lines if self.absent else [], "searched": self.searched, "notes": list(self.notes),
            "seconds": self.seconds,
        }  # fmt: skip

    def save(self, path: PathLike, *, overwrite: bool = False) -> tuple[str, ...]:
        """Write the hits as a table (.csv) or vectors; it has no rows if nothing like that is there.

        Returns notes on what the format cuts. OutputError for a file of another search, unless `overwrite`, and for a
        file that no search made.
        """
        target = check_output(path)
        table = self.table[:0] if self.absent else self.table
        if target.suffix.lower() != ".csv" and table.geometry.isna().any():
            raise InputError(f"hits without coordinates cannot be written as {target.name!r}; write a .csv")
        with self._writing(target, overwrite) as draft:
            if target.suffix.lower() == ".csv":
                write_bytes(draft, table.drop(columns="geometry").to_csv(index=False).encode())
                return ()
            from geoglot.outputs.vector_files import write_frames
            from geoglot.outputs.vector_names import explain_format

            coloured = table.assign(colour=hex_of(*HITS.colours))
            write_frames([coloured], draft, "hits", make_style(HITS, [1], f"'{HITS.names[0]}'"))
        texts = (str(text) for name in ("source", "also", "part") for text in table[name])
        return explain_format(target, table.columns.drop("geometry"), texts)

    def sheet(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Write the hits as a PNG of pictures with rank, score, name and date; red is what fits the words best.

        OutputError as in `save`.
        """
        from geoglot.index.search.contact_sheet import draw_panels  # imports rasterio
        from geoglot.outputs.panels import check_picture, encode_panels

        check_picture(Path(path))
        panels = draw_panels(self.hits)
        if not panels:
            raise InputError("there is no hit to draw")
        rows = [panels[start : start + _SHEET_COLUMNS] for start in range(0, len(panels), _SHEET_COLUMNS)]
        with self._writing(Path(path), overwrite) as draft:
            write_bytes(draft, encode_panels(rows))

    @contextmanager
    def _writing(self, path: Path, overwrite: bool) -> Iterator[Path]:
        made = reserve(path, self.run, overwrite)
        with made.writing(path) as draft:
            yield draft
        made.finish({"query": self.query, "present": self.present, "searched": self.searched})

    def __len__(self) -> int:
        return 0 if self.absent else len(self.hits)

    def __repr__(self) -> str:
        return f"Hits({self.summary})"

    @property
    def summary(self) -> str:
        """One sentence."""
        if not self.hits:
            return f"no chip to search for {self.query!r}"
        chips = format_count(self.searched, "chip")
        if self.absent:
            return f"nothing like {self.query!r} here; the nearest of {chips} is {self.hits[0].source}"
        like = self.query if self.query.startswith("like ") else f"like {self.query!r}"
        return f"{format_count(len(self.hits), 'place')} {like}, of {chips}"

    def page(self) -> Page:
        return page_of_hits(self)

    def draw(self) -> Drawing:
        return draw_hits(self)


def check_output(path: PathLike) -> Path:
    """Before any work, refuse a file type that cannot be written."""
    from geoglot.outputs.vector_names import check_format

    target = Path(path)
    check_format(target, ".csv")
    return target


def _round(score: float | None) -> float | None:
    return None if score is None else round(score, 6)
