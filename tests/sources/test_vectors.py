"""Files of features: what is read whatever its name, and what is refused without opening anything else."""

from __future__ import annotations

import http.server
import json
import os
import resource
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from geoglot.errors import InputError
from geoglot.sources import vector_formats, vector_reading
from geoglot.sources.vectors import read_vectors

BOX = shapely.box(3, 51, 4, 52)
FEATURE = json.dumps({"type": "Feature", "properties": {"name": "a"}, "geometry": shapely.geometry.mapping(BOX)})
VIRTUAL = (
    "<OGRVRTDataSource><OGRVRTLayer name='other'><SrcDataSource>{}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
)
KML = (
    '<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>{}<Placemark><name>a</name><Polygon>'
    "<outerBoundaryIs><LinearRing><coordinates>3,51,0 4,51,0 4,52,0 3,51,0</coordinates></LinearRing>"
    "</outerBoundaryIs></Polygon></Placemark></Document></kml>"
)


def frame(crs: int | None = 4326, count: int = 1) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"name": ["a"] * count}, geometry=[BOX] * count, crs=crs)


def collection(features: str = FEATURE, more: str = "") -> str:
    return f'{{"type": "FeatureCollection", {more} "features": [{features}]}}'


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """The address of a server, and what it was asked."""
    paths: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".fgb", ".parquet", ".kml", ".geojsonl"])
def test_a_format_is_known_by_its_content(tmp_path: Path, suffix: str) -> None:
    made = tmp_path / f"a{suffix}"
    if suffix == ".parquet":
        frame().to_parquet(made)
    elif suffix == ".kml":
        write(made, KML.format(""))
    else:
        pyogrio.write_dataframe(frame(), made)
    renamed = made.rename(tmp_path / "named otherwise.json")
    found = read_vectors(renamed)
    assert found.crs.to_epsg() == 4326
    assert found.geometry[0].area > 0.4
    assert not found.has_z.any()
    assert found["Name" if suffix == ".kml" else "name"].tolist() == ["a"]


def test_a_shapefile_is_read_with_what_lies_beside_it(tmp_path: Path) -> None:
    frame(28992).to_file(tmp_path / "a.shp")
    assert read_vectors(tmp_path / "a.shp").crs.to_epsg() == 28992
    (tmp_path / "a.shx").unlink()
    with pytest.raises(InputError, match=r"cannot be read as Shapefile: Unable to open .*a\.shx"):
        read_vectors(tmp_path / "a.shp")


@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1"])
def test_texts_of_a_shapefile_that_lost_its_encoding_are_those_that_were_written(tmp_path: Path, encoding: str) -> None:
    names = ["forêt", "bâtiment", "route"]
    frame(count=3).assign(name=names).to_file(tmp_path / "a.shp", encoding=encoding)
    (tmp_path / "a.cpg").unlink(missing_ok=True)
    assert read_vectors(tmp_path / "a.shp")["name"].tolist() == names


def test_folders_of_kml_are_one_file(tmp_path: Path) -> None:
    folder = "<Folder><name>{}</name><Placemark><Point><coordinates>3,51</coordinates></Point></Placemark></Folder>"
    found = read_vectors(write(tmp_path / "a.kml", KML.format(folder.format("b") + folder.format("c"))))
    assert len(found) == 3
    assert {"b", "c"} < set(found["folder"])


def test_features_of_a_file_that_is_cut_short_are_not_lost(tmp_path: Path) -> None:
    """A format in which every feature stands alone looks whole wherever it ends."""
    frame(count=4).to_file(tmp_path / "a.shp")
    pyogrio.write_dataframe(frame(count=4), tmp_path / "b.geojsonl")
    write(tmp_path / "c.geojsons", "".join(f"\x1e{line}\n" for line in [FEATURE] * 4))
    for name in ("a.shp", "b.geojsonl", "c.geojsons"):
        whole = (tmp_path / name).read_bytes()
        assert len(read_vectors(tmp_path / name)) == 4
        (tmp_path / name).write_bytes(whole[:-40])
        with pytest.raises(InputError, match="cut short"):
            read_vectors(tmp_path / name)


def test_features_without_a_place_are_left(tmp_path: Path) -> None:
    null = '{"type": "Feature", "properties": {}, "geometry": null}'
    assert len(read_vectors(write(tmp_path / "a.geojson", collection(f"{null}, {FEATURE}")))) == 1
    assert read_vectors(write(tmp_path / "b.geojson", collection(""))).empty


@pytest.mark.parametrize("number", [0, -1, 99999])
def test_an_undefined_crs_is_none(tmp_path: Path, number: int) -> None:
    frame().to_file(tmp_path / "a.gpkg")
    with closing(sqlite3.connect(tmp_path / "a.gpkg")) as base:
        base.execute(
            "INSERT OR IGNORE INTO gpkg_spatial_ref_sys VALUES ('Undefined SRS', 99999, 'NONE', 99999, 'undefined', '')"
        )
        for table in ("gpkg_geometry_columns", "gpkg_contents"):
            base.execute(f"UPDATE {table} SET srs_id = ?", (number,))
        base.commit()
    assert read_vectors(tmp_path / "a.gpkg").crs is None


def hostile(address: str, other: Path) -> dict[str, str]:
    """Texts that GDAL opens as something that leads elsewhere."""
    link = {"type": "link", "properties": {"href": f"{address}/crs"}}
    pipeline = {"type": "gdal_streamed_alg", "command_line": f"gdal vector pipeline ! read {other}"}
    return {
        "virtual file over a file": VIRTUAL.format(other),
        "virtual file over an address": VIRTUAL.format(f"{address}/a.geojson"),
        "virtual file over a drive of GDAL": VIRTUAL.format(f"/vsicurl/{address}/a.geojson"),
        "virtual file after a declaration": '<?xml version="1.0"?>\n' + VIRTUAL.format(other),
        "service of features": f"<OGRWFSDataSource><URL>{address}/wfs</URL></OGRWFSDataSource>",
        "pipeline": json.dumps(pipeline),
        "CRS by address": collection(more=f'"crs": {json.dumps(link)},'),
        "CRS by address, escaped": collection(more=f'"\\u0063rs" : {json.dumps(link)},'),
        "document type": '<!DOCTYPE kml SYSTEM "' + address + '/kml.dtd">' + KML.format(""),
        "GML": f'<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml" a="{address}/a.xsd"/>',
    }


@pytest.mark.parametrize("kind", hostile("", Path()))
def test_what_leads_elsewhere_is_refused(tmp_path: Path, asked: tuple[str, list[str]], kind: str) -> None:
    address, paths = asked
    frame().to_file(tmp_path / "other.geojson")
    path = write(tmp_path / "a.geojson", hostile(address, tmp_path / "other.geojson")[kind])
    with pytest.raises(InputError, match=r"a\.geojson"):
        read_vectors(path)
    assert paths == []


def test_a_virtual_file_inside_another_format_is_not_followed(tmp_path: Path) -> None:
    """GDAL sees one wherever its root stands among the first bytes."""
    frame(count=2).to_file(tmp_path / "other.geojson")
    inside = VIRTUAL.format(tmp_path / "other.geojson")
    assert len(read_vectors(write(tmp_path / "a.geojson", collection(more=f'"x": "{inside}",')))) == 1
    with pytest.raises(InputError, match="cannot be read as KML"):
        read_vectors(write(tmp_path / "a.kml", KML.format(f"<!-- {inside} -->")))


def test_layers_of_a_geopackage_are_stored_ones(tmp_path: Path) -> None:
    for name, sql in (
        (
            "view",
            "CREATE VIEW endless AS WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, geom FROM n, a",
        ),
        ("generated", "ALTER TABLE a ADD COLUMN large AS (zeroblob(1000000000))"),
    ):
        path = tmp_path / f"{name}.gpkg"
        frame().to_file(path, layer="a")
        with closing(sqlite3.connect(path)) as base:
            base.execute(sql)
            if name == "view":
                base.execute("UPDATE gpkg_contents SET table_name = 'endless'")
                base.execute("UPDATE gpkg_geometry_columns SET table_name = 'endless'")
            base.commit()
        with pytest.raises(InputError, match="computed and not stored"):
            vector_formats.format_of(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("x,y\n3,51\n", "table without geometry"),
        (collection()[:-30], "cannot be read as GeoJSON"),
        (collection("[" * 60_000), "cannot be read as GeoJSON"),
        (collection(FEATURE.replace("52.0", "NaN", 1)), "coordinate that is not a number"),
        (collection(FEATURE.replace("51.0", "Infinity")), "coordinate that is not a number"),
        (collection(FEATURE.replace("51.0", "1e999")), "cannot be read as GeoJSON"),
        (collection(more='"crs": {"type": "name", "properties": {"name": "EPSG:99999999"}},'), "an unknown CRS"),
        (collection(more='"crs": {"type": "name", "properties": ' + "[" * 60_000), "an unknown CRS"),
        ("<html><body>403</body></html>", "not a file of features"),
    ],
)
def test_what_is_damaged_is_told_in_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        read_vectors(write(tmp_path / "a.geojson", text))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


def test_other_encodings_are_told(tmp_path: Path) -> None:
    text = collection(FEATURE.replace('"a"', '"Gebäude"'))
    with pytest.raises(InputError, match="save it in UTF-8"):
        read_vectors(write(tmp_path / "a.geojson", text, "latin-1"))
    with pytest.raises(InputError, match="save it in UTF-8"):
        read_vectors(write(tmp_path / "a.geojson", text, "utf-16"))
    assert read_vectors(write(tmp_path / "a.geojson", text, "utf-8-sig"))["name"].tolist() == ["Gebäude"]


def test_which_of_several_layers_is_asked(tmp_path: Path) -> None:
    for layer in ("roofs", "roads"):
        frame().to_file(tmp_path / "a.gpkg", layer=layer)
    with pytest.raises(InputError, match=r"2 layers \(roofs, roads\)"):
        read_vectors(tmp_path / "a.gpkg")


def test_archives_and_folders_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + bytes(30))
    for name, told in (("a.zip", "unpack it"), (".", "is a folder"), ("none.gpkg", "there is no file")):
        with pytest.raises(InputError, match=told):
            read_vectors(tmp_path / name)
    with pytest.raises(InputError, match="there is no file"):
        read_vectors(Path("/vsicurl/http://127.0.0.1/a.geojson"))


@contextmanager
def bounded_memory(spare: int) -> Iterator[None]:
    """Let this process take no more than `spare` bytes beyond what it has."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + spare, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def geoparquet(path: Path, metadata: str, rows: pa.Array | None = None) -> Path:
    rows = pa.array([BOX.wkb]) if rows is None else rows
    pq.write_table(pa.table({"geometry": rows}).replace_schema_metadata({"geo": metadata}), path)
    return path


def facts(crs: object = None) -> str:
    column = {"encoding": "WKB", "crs": crs, "geometry_types": []}
    return json.dumps({"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": column}})


@pytest.mark.parametrize("metadata", ["[" * 20_000, "{}", "7", facts("http://127.0.0.1/crs"), facts({"type": "x"})])
def test_metadata_of_geoparquet_is_not_trusted(tmp_path: Path, metadata: str) -> None:
    with pytest.raises(InputError, match="cannot be read as GeoParquet"):
        read_vectors(geoparquet(tmp_path / "a.parquet", metadata))


def test_how_much_is_read_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_reading, "MAX_FEATURES", 3)
    frame(count=4).to_parquet(tmp_path / "a.parquet")
    for suffix in (".geojson", ".gpkg", ".fgb"):
        frame(count=4).to_file(tmp_path / f"a{suffix}")
    for path in tmp_path.iterdir():
        with pytest.raises(InputError, match="more than 3 features"):
            read_vectors(path)


def test_a_value_that_many_rows_share_counts_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some kilobytes of a file may be a gigabyte of polygons."""
    monkeypatch.setattr(vector_formats, "MAX_BYTES", 2**20)
    large = shapely.Point(0, 0).buffer(1, quad_segs=200).wkb
    shared = pa.DictionaryArray.from_arrays(pa.array(np.zeros(100, "int32")), pa.array([large]))
    path = geoparquet(tmp_path / "a.parquet", facts(), shared)
    assert path.stat().st_size < 2**18
    with pytest.raises(InputError, match="unpacked"):
        read_vectors(path)


def test_more_than_a_small_file_is_read_the_same_in_a_child(tmp_path: Path) -> None:
    many = frame(28992, count=2000).assign(size=1.5, large=[True, False] * 1000, none=None)
    many.to_file(tmp_path / "a.fgb")
    assert not vector_formats.is_small(tmp_path / "a.fgb", (tmp_path / "a.fgb").stat().st_size)
    here, found = vector_reading.read_features(tmp_path / "a.fgb"), read_vectors(tmp_path / "a.fgb")
    assert found.crs == here.crs
    assert found.dtypes.to_dict() == here.dtypes.to_dict()
    assert found.equals(here)


def test_a_crash_of_a_library_is_one_sentence(tmp_path: Path) -> None:
    deep = b"\x01\x07\0\0\0\x01\0\0\0" * 200_000 + BOX.wkb
    with pytest.raises(InputError, match=r"a\.parquet crashed the library"):
        read_vectors(geoparquet(tmp_path / "a.parquet", facts(), pa.array([deep])))


@pytest.mark.parametrize("name", ["gpkg_contents", "gpkg_spatial_ref_sys", "gpkg_geometry_columns"])
def test_tables_of_a_geopackage_are_stored_ones(tmp_path: Path, name: str) -> None:
    frame().to_file(tmp_path / "a.gpkg")
    with closing(sqlite3.connect(tmp_path / "a.gpkg")) as base:
        base.execute(f"ALTER TABLE {name} RENAME TO other")
        base.execute(f"CREATE VIEW {name} AS SELECT * FROM other")
        base.commit()
    assert not vector_formats.is_small(tmp_path / "a.gpkg", 1000)
    with pytest.raises(InputError, match="computed and not stored"):
        vector_formats.format_of(tmp_path / "a.gpkg")


def test_collections_are_not_nested_without_end(tmp_path: Path) -> None:
    deep = shapely.GeometryCollection([BOX])
    for _ in range(20):
        deep = shapely.GeometryCollection([deep])
    geoparquet(tmp_path / "a.parquet", facts(), pa.array([deep.wkb]))
    with pytest.raises(InputError, match="nested more than 16 deep"):
        read_vectors(tmp_path / "a.parquet")


@pytest.mark.parametrize("ending", [".prj", ".dbf", ".shx", ".qix", ".cpg"])
def test_a_pipe_beside_a_shapefile_is_not_waited_for(tmp_path: Path, ending: str) -> None:
    frame().to_file(tmp_path / "a.shp")
    (tmp_path / f"a{ending}").unlink(missing_ok=True)
    os.mkfifo(tmp_path / f"a{ending}")
    with pytest.raises(InputError, match=r"is not a file; remove it"):
        read_vectors(tmp_path / "a.shp")


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.geojson")
    (tmp_path / "b.geojson").symlink_to("/dev/zero")
    for name in ("a.geojson", "b.geojson"):
        with pytest.raises(InputError, match="is a device or a pipe"):
            read_vectors(tmp_path / name)


def test_many_columns_take_no_memory_for_rows_that_are_not_there(tmp_path: Path) -> None:
    names = ", ".join(f'"column {number}": 1' for number in range(1000))
    with bounded_memory(2**30):
        assert (
            read_vectors(write(tmp_path / "a.geojson", collection(FEATURE.replace('"name": "a"', names)))).shape[0] == 1
        )


def test_nested_attributes_are_left(tmp_path: Path) -> None:
    text = collection(FEATURE.replace('"name": "a"', '"name": "a", "parts": [1, 2], "more": {"b": 1}'))
    assert list(read_vectors(write(tmp_path / "a.geojson", text)).columns) == ["name", "geometry"]
