"""The strata of a map: what each class covers, counted block by block in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from geoglot.aliases import Progress
from geoglot.errors import InputError
from geoglot.figures import format_some
from geoglot.geo import Window
from geoglot.tasks.audit.class_raster import ClassRaster, count_ids


@dataclass(frozen=True)
class Stratum:
    """The pixels of one class of the map."""

    id: int
    name: str
    pixels: int
    area_m2: float | None
    """Geodesic; None without a CRS."""
    weight: float
    """Share of the mapped ground, 0..1."""


@dataclass(frozen=True)
class Census:
    """Where the pixels of each stratum lie."""

    strata: tuple[Stratum, ...]
    blocks: tuple[Window, ...]
    pixels: Int[np.ndarray, "stratum block"]
    areas: Float[np.ndarray, " block"]
    """Ground that a pixel of a block covers: square metres, or 1 without a CRS."""
    notes: tuple[str, ...]


def take_census(raster: ClassRaster, progress: Progress | None = None) -> Census:
    """Count every class of a map; InputError for a map without a pixel."""
    blocks, found = list(raster.blocks()), list[dict[int, int]]()
    areas = np.ones(len(blocks))
    for index, block in enumerate(blocks):
        ids, valid = raster.read(block)
        found.append(count_ids(ids[valid], raster.uri))
        if found[-1]:
            areas[index] = raster.grid.pixel_area_m2(block) or 1.0
        if progress:
            progress("blocks", index + 1, len(blocks))
    every = sorted({id_ for counts in found for id_ in counts})
    named = [id_ for id_ in every if raster.name(id_) is not None]
    if not named:
        raise InputError(f"{raster.uri} has no pixel of a class that is named; check its no data value and its names")
    pixels = np.array([[counts.get(id_, 0) for counts in found] for id_ in named], np.int64)
    left_out = [f"{id_:,}" for id_ in every if id_ not in named]
    notes = (f"pixels of the ids {format_some(left_out)}, which have no name, are left out",) if left_out else ()
    strata = _strata(raster, named, pixels, areas)
    return Census(strata, tuple(blocks), pixels, areas, (*raster.notes, *notes))


def _strata(
    raster: ClassRaster,
    ids: Sequence[int],
    pixels: Int[np.ndarray, "stratum block"],
    areas: Float[np.ndarray, " block"],
) -> tuple[Stratum, ...]:
    ground = pixels @ areas
    return tuple(
        Stratum(
            id=id_,
            name=raster.name(id_) or str(id_),
            pixels=int(pixels[index].sum()),
            area_m2=float(ground[index]) if raster.grid.crs else None,
            weight=float(ground[index] / ground.sum()),
        )
        for index, id_ in enumerate(ids)
    )
