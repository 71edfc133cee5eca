from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rasterio

from conftest import MakeGeotiff
from geoglot.sources.bands.band_choice import Bands
from geoglot.sources.raster import open_raster

GREY = np.ones((4, 64, 64), np.uint8)


@pytest.mark.parametrize(
    "tags",
    [
        {"long_name": "('blue', 'green', 'red', 'nir')"},
        {"TIFFTAG_IMAGEDESCRIPTION": "Bands: B, G, R, N"},
        {"wavelength": "{482.0, 561.4, 654.6, 864.7}"},
        {"wavelength": "0.482, 0.5614, 0.6546, 0.8647"},
        {"bands": '[{"name": "B2"}, {"name": "B3"}, {"name": "B4"}, {"name": "B8", "common_name": "nir"}]'},
    ],
)
def test_lists_for_the_whole_file(make_geotiff: MakeGeotiff, tags: dict[str, str]) -> None:
    with rasterio.open(make_geotiff(GREY, tags=tags, photometric="MINISBLACK")) as dataset:
        assert Bands.of(dataset).choose(None, None).indexes == (3, 2, 1)


@pytest.mark.parametrize(
    ("values", "where"),
    [
        (("blue", "green", "red", "nir"), {"key": "common_name"}),
        (("0.482", "0.561", "0.655", "0.865"), {"key": "CENTRAL_WAVELENGTH_UM", "ns": "IMAGERY"}),
        (("482 nm", "561 nm", "655 nm", "865 nm"), {"key": "wavelength"}),
    ],
)
def test_tags_of_the_bands(make_geotiff: MakeGeotiff, values: tuple[str, ...], where: dict[str, Any]) -> None:
    path = make_geotiff(GREY, photometric="MINISBLACK")
    with rasterio.open(path, "r+") as dataset:
        for index, value in enumerate(values, 1):
            dataset.update_tags(index, ns=where.get("ns"), **{where["key"]: value})
    with rasterio.open(path) as dataset:
        assert Bands.of(dataset).choose(None, None).indexes == (3, 2, 1)


def test_tags_say_the_satellite(make_geotiff: MakeGeotiff) -> None:
    path = make_geotiff(GREY, tags={"SPACECRAFT_ID": "LANDSAT_7"}, descriptions=["SR_B1", "SR_B2", "SR_B3", "SR_B4"])
    with open_raster(path) as raster:
        assert raster.indexes == (3, 2, 1)


def test_a_sentence_is_no_list_of_bands(make_geotiff: MakeGeotiff) -> None:
    path = make_geotiff(GREY, tags={"TIFFTAG_IMAGEDESCRIPTION": "made, with, some, care"}, photometric="MINISBLACK")
    with rasterio.open(path) as dataset:
        assert Bands.of(dataset).descriptions == ("",) * 4
