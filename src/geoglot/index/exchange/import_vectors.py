"""Other people's vectors into an archive: AlphaEarth, TESSERA, Clay, Earth Index and LGND, Major TOM, our exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from geoglot.aliases import PathLike
from geoglot.errors import InputError, SourceError
from geoglot.index.exchange.alphaearth import open_alphaearth
from geoglot.index.exchange.chip_files import read_chip_file
from geoglot.index.exchange.pixel_products import SCALE_M, PixelProduct
from geoglot.index.exchange.tessera import SCALES, find_pairs, open_pair
from geoglot.index.exchange.zarr_chips import read_zarr
from geoglot.index.exchange.zarr_files import open_store, read_pixel_store, zarr_errors
from geoglot.index.store.archive import Archive, ModelFacts, is_archive
from geoglot.index.store.chip_table import ChipBatch

_CHIP_FILES = (".parquet", ".geoparquet", ".gpq")
_RASTERS = (".tif", ".tiff")
Batches = Iterator[tuple[ModelFacts, ChipBatch]]


def import_vectors(
    place: PathLike,
    sources: Sequence[PathLike],
    *,
    made_by: str | None = None,
    scale_m: float | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    advance: Callable[[int], None] | None = None,
) -> Archive:
    """Add the vectors of files and folders to an archive, which is made if it is missing.

    `made_by` names the model of files that do not say it. `scale_m` is the side in metres of the chips that pixels are
    joined to, 160 if nothing is said, and of chips that are only points. `bbox` (west, south, east, north in degrees)
    takes a part of rasters. What is in the archive already is not added again. InputError for vectors of another model
    than the archive's. `advance` is told the number of chips.
    """
    archive = Archive.open(place) if is_archive(place) else None
    done = 0
    for source in sources:
        for model, batch in _read(Path(source), _Wanted(made_by, scale_m, bbox)):
            model = replace(model, name=made_by) if made_by and not model.sha256 else model
            if archive is None:
                archive = Archive.create(place, model)
            _check_same(archive, model, source)
            archive = archive.append(batch)
            done += len(batch.vectors)
            if advance:
                advance(done)
    if archive is None:
        raise SourceError("the sources hold no vectors, so there is no archive to make")
    return archive


def _check_same(archive: Archive, model: ModelFacts, source: PathLike) -> None:
    own = archive.model
    if (own.name, own.sha256, own.dim) != (model.name, model.sha256, model.dim):
        raise InputError(
            f"{source} holds vectors of {model.name} ({model.dim}), which do not compare with those of {own.name} "
            f"({own.dim}) in {archive.place}; give another archive"
        )


@dataclass(frozen=True)
class _Wanted:
    """What the caller says of all sources."""

    made_by: str | None
    scale_m: float | None
    bbox: tuple[float, float, float, float] | None

    def batches(self, product: PixelProduct) -> Batches:
        """The chips of a raster, or of the part that is wanted."""
        part = product.within(self.bbox) if self.bbox else product
        if part is not None:
            yield from ((part.model, batch) for batch in part.batches(self.scale_m or SCALE_M))


def _read(path: Path, wanted: _Wanted) -> Batches:
    """The batches of a file or a folder, by its layout."""
    if not path.exists():
        raise SourceError(f"there is no {path}")
    if (path / "zarr.json").is_file():
        yield from _read_store(str(path), wanted)
    elif path.is_dir():
        yield from _read_folder(path, wanted)
    elif path.suffix.lower() in _CHIP_FILES:
        model, batches = read_chip_file(path, wanted.made_by, wanted.scale_m)
        yield from ((model, batch) for batch in batches)
    elif path.suffix.lower() in _RASTERS:
        with open_alphaearth(str(path)) as product:
            yield from wanted.batches(product)
    elif path.suffix.lower() == ".npy":
        with open_pair(path, wanted.made_by) as product:
            yield from wanted.batches(product)
    else:
        raise SourceError(
            f"{path} is in no known layout of vectors: AlphaEarth (.tif), TESSERA (.npy, Zarr), GeoParquet (.parquet)"
        )


def _read_store(path: str, wanted: _Wanted) -> Batches:
    with zarr_errors(path):
        kind: Any = open_store(path).attrs.get("geoemb:type")
    if kind == "chip":
        model, batches = read_zarr(path)
        yield from ((model, batch) for batch in batches)
    else:
        for product in read_pixel_store(path):
            yield from wanted.batches(product)


def _read_folder(path: Path, wanted: _Wanted) -> Batches:
    """All chip files of a folder, and all pairs of arrays; rasters only if there are no arrays that they belong to."""
    files = [each for each in sorted(path.rglob("*")) if each.suffix.lower() in _CHIP_FILES]
    pairs = find_pairs(path)
    rasters = [] if pairs else [each for each in sorted(path.rglob("*")) if each.suffix.lower() in _RASTERS]
    if not (files or pairs or rasters):
        raise SourceError(f"{path} holds no vectors in a known layout: .parquet, .tif, or .npy with *{SCALES}")
    for each in (*files, *pairs, *rasters):
        yield from _read(each, wanted)
