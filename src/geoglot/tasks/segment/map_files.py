"""The files of one map."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from geoglot.errors import InputError
from geoglot.outputs.atomic import check_folder
from geoglot.outputs.journal import work_of
from geoglot.outputs.made import Made, named_by
from geoglot.outputs.vector_files import check_format


@runtime_checkable
class Asked(Protocol):
    """Options that say which files to write beside the map."""

    @property
    def scores(self) -> bool:
        """The probability of every class."""

    @property
    def overlay(self) -> bool:
        """A picture."""


@dataclass(frozen=True)
class Outputs:
    """Every file of one run."""

    classes: Path
    polygons: Path | None
    scores: Path | None
    overlay: Path | None
    made: Made = field(repr=False, compare=False)

    @classmethod
    def of(cls, output: Path, polygons: Path | None, options: Asked) -> Outputs:
        """Name the files beside `output` and check them before any work; OutputError, InputError."""
        if output.suffix.lower() not in (".tif", ".tiff"):
            raise InputError(f"the output must end in .tif, since the map is a GeoTIFF, got {output.name!r}")
        check_folder(output)
        if polygons:
            check_folder(polygons)
            check_format(polygons)
        named = named_by("segment", output)
        scores, overlay = (named.with_name(f"{named.name}.{kind}") for kind in ("scores.tif", "overlay.png"))
        asked = {scores: options.scores, overlay: options.overlay}
        files = [path for path, wanted in asked.items() if wanted] + ([polygons] if polygons else [])
        stale = [path for path, wanted in asked.items() if not wanted]
        made = Made("segment", output, files, stale, [work_of(output)])
        return cls(output, polygons, scores if options.scores else None, overlay if options.overlay else None, made)

    @property
    def manifest(self) -> Path:
        """The record of the run, beside the map."""
        return self.made.record
