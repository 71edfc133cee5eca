"""A CRS that names a pipe: PROJ would wait for it without end."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from geoglot.errors import InputError
from geoglot.sources.vectors import read_vectors

_GRIDS = (
    'PROJCS["x",GEOGCS["y",DATUM["z",SPHEROID["G",6378137,298.257],EXTENSION["PROJ4_GRIDS","{}"]],PRIMEM["G",0],'
    'UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],UNIT["metre",1]]'
)


@pytest.mark.parametrize("crs", [_GRIDS, "+init={}:1", "+proj=longlat +ellps=GRS80 +nadgrids={}"])
@pytest.mark.parametrize("ending", ["shp", "gpkg", "geojson"])
def test_a_crs_that_names_a_file_is_refused(tmp_path: Path, ending: str, crs: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    path, text = tmp_path / f"a.{ending}", crs.format(tmp_path / "pipe")
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.box(0, 0, 1, 1)], crs=32631)
    if ending == "geojson":
        place = {"type": "name", "properties": {"name": text}}
        path.write_text(json.dumps(json.loads(frame.to_json()) | {"crs": place}))
    else:
        frame.to_file(path)
    if ending == "shp":
        path.with_suffix(".prj").write_text(text)
    if ending == "gpkg":
        with closing(sqlite3.connect(path)) as database:
            database.execute("UPDATE gpkg_spatial_ref_sys SET definition = ? WHERE srs_id = 32631", (text,))
            database.commit()
    with pytest.raises(InputError, match="names a file by its path"):
        read_vectors(path)
