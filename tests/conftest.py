"""Worlds made in memory: rasters of any form, written where a test may write."""

from __future__ import annotations

import itertools
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
import torch
from affine import Affine
from hypothesis import settings
from rasterio.errors import NotGeoreferencedWarning

from checked import check_cheaply

check_cheaply()  # before anything of geoglot is imported

from geoglot.geo import Grid  # noqa: E402

settings.register_profile("untimed", deadline=None)  # speed is measured by benchmarks; a busy machine is no defect
settings.load_profile("untimed")

UTM = Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 4_000_000.0)
MakeGeotiff = Callable[..., Path]
MakeGrid = Callable[..., Grid]


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    """Random pixels and weights are the same in every run: what fails once fails again."""
    torch.manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing that the user keeps is read or written: what was kept by other code would be taken for a result."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CACHE", "CONCEPTS"):
            patch.setenv(f"GEOGLOT_{name}", str(tmp_path_factory.mktemp(name.lower())))
        yield


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """The command line sets what is logged, and where, for its whole process; not for the tests after it."""
    level = logging.root.level
    yield
    logging.root.setLevel(level)


@pytest.fixture
def make_grid() -> MakeGrid:
    """A grid of 10 m pixels in UTM 17N, unless said otherwise."""

    def make(crs: Any = 32617, transform: Affine = UTM, shape: tuple[int, int] = (100, 150)) -> Grid:
        return Grid(None if crs is None else pyproj.CRS(crs), transform, shape)

    return make


@pytest.fixture
def make_geotiff(tmp_path: Path) -> MakeGeotiff:
    """Writes (bands, rows, cols) as an image, by default a tiled GeoTIFF of 10 m pixels in UTM 17N; gives its path."""
    numbers = itertools.count()

    def make(
        pixels: np.ndarray,
        crs: Any = "EPSG:32617",
        transform: Affine | None = UTM,
        *,
        descriptions: Sequence[str] = (),
        mask: np.ndarray | None = None,
        tags: dict[str, str] | None = None,
        path: Path | None = None,
        **options: Any,
    ) -> Path:
        path = path or tmp_path / f"scene{next(numbers)}.tif"
        options = {"driver": "GTiff", "tiled": True, "blockxsize": 64, "blockysize": 64} | options
        if options["driver"] != "GTiff":
            options = {key: value for key, value in options.items() if key not in ("tiled", "blockxsize", "blockysize")}
        count, height, width = pixels.shape
        form = {"count": count, "height": height, "width": width, "dtype": pixels.dtype}
        with warnings.catch_warnings(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", crs=crs, transform=transform, **form, **options) as dataset:
                dataset.write(pixels)
                for index, description in enumerate(descriptions, 1):
                    dataset.set_band_description(index, description)
                if tags:
                    dataset.update_tags(**tags)
                if mask is not None:
                    dataset.write_mask(mask)
        return path

    return make


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def colours(rng: np.random.Generator) -> np.ndarray:
    """A byte RGB image without zeros, (3, 200, 300)."""
    return rng.integers(1, 256, (3, 200, 300), dtype=np.uint8)
