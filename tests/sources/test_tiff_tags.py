from pathlib import Path

import pytest
import rasterio

from geoglot.errors import SourceError
from geoglot.sources.gdal import open_dataset
from hostile_rasters import write_raster


@pytest.mark.parametrize("form", [{}, {"BIGTIFF": "YES"}, {"ENDIANNESS": "BIG"}])
def test_very_long_metadata_are_refused_before_they_are_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: dict[str, str]
) -> None:
    with rasterio.open(write_raster(tmp_path / "a.tif")) as dataset:
        profile, pixels = dataset.profile, dataset.read()
    with rasterio.open(tmp_path / "b.tif", "w", **profile | form) as dataset:
        dataset.write(pixels)
        dataset.update_tags(text="x" * 10_000)
    with open_dataset(str(tmp_path / "b.tif")) as dataset:
        assert len(dataset.tags()["text"]) == 10_000
    monkeypatch.setattr("geoglot.sources.tiff_tags._LARGEST", 9_000)
    with pytest.raises(SourceError, match="GDAL_METADATA"), open_dataset(str(tmp_path / "b.tif")):
        pass
