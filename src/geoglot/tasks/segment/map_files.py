"""The files of one map, and where a run of it keeps what is not finished."""

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
    """Which files beside the map are asked for."""

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
        """Names beside `output`, checked before any work; raises OutputError and InputError for what cannot be."""
        if output.suffix.lower() not in (".tif", ".tiff"):
            raise InputError(f"the map is a GeoTIFF: end the output's name with .tif, not {output.name!r}")
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
