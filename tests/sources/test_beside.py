"""Files beside an image that GDAL must not open, or that are too long."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from geoglot.errors import SourceError
from geoglot.sources.gdal import open_dataset
from geoglot.sources.raster import open_raster
from hostile_rasters import write_erdas_aux, write_raster


@pytest.mark.parametrize("ending", ["tif", "png", "jpg", "jp2"])
def test_an_image_beside_a_file_of_erdas_is_read_without_it(tmp_path: Path, ending: str) -> None:
    path = write_erdas_aux(write_raster(tmp_path / f"a.{ending}"))
    with rasterio.open(path) as image:
        assert image.overviews(1) == [2]  # GDAL alone opens it
    with open_dataset(str(path)) as image:
        assert not image.overviews(1)
    with open_raster(path) as raster:
        assert raster.grid.crs is not None and raster.thumbnail(16).valid.all()
        raster.check_unchanged()


def test_statistics_beside_a_file_of_erdas_are_not_needed(tmp_path: Path) -> None:
    path = write_erdas_aux(write_raster(tmp_path / "a.tif"))
    aux = Path(f"{path}.aux.xml")
    text = "<PAMDataset><PAMRasterBand band='1'>{}</PAMRasterBand></PAMDataset>"
    aux.write_text(text.format("<Metadata><MDI key='STATISTICS_MEAN'>1</MDI></Metadata>"))
    with open_raster(path) as raster:
        assert raster.grid.crs is not None
    aux.write_text(text.format("<NoDataValue>1</NoDataValue>"))
    with pytest.raises(SourceError, match="move that to another folder"):
        open_raster(path)


def test_a_sidecar_of_too_many_tags_is_refused(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif")
    Path(f"{path}.aux.xml").write_text("<PAMDataset>" + "<a>" * 200_000)
    with pytest.raises(SourceError, match=r"200,001 tags"):
        open_raster(path)


def test_too_many_bands_are_refused(tmp_path: Path) -> None:
    form = {"width": 1, "height": 1, "count": 4097, "dtype": "uint8", "crs": "EPSG:32631"}
    form["transform"] = rasterio.Affine(1, 0, 5e5, 0, -1, 5e6)
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", **form) as dataset:
        dataset.write(np.ones((4097, 1, 1), np.uint8))
    with pytest.raises(SourceError, match="at most 4,096 are read"):
        open_raster(tmp_path / "a.tif")


def test_too_many_overviews_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_raster(tmp_path / "a.tif")
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4, 8])
    monkeypatch.setattr("geoglot.sources.pixels.overviews._MAX_LEVELS", 2)
    with pytest.raises(SourceError, match="3 overviews"):
        open_raster(path)
