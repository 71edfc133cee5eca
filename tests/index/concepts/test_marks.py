from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from archives import MODEL, make_archive, make_batch
from geoglot.errors import InputError, SourceError
from geoglot.index.concepts.marks import Mark, marked_vectors, vectors_at
from geoglot.index.store.archive import Archive
from geoglot.index.store.chip_table import geometry_columns
from geoglot.lonlat import split_at_antimeridian


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return make_archive(tmp_path / "tiles", (40, 30), sources=30)


def hits(archive: Archive, rows: list[tuple[int, int]]) -> gpd.GeoDataFrame:
    """Some chips as a saved search has them."""
    tables = [shard.table().to_pandas() for shard in archive.shards]
    frame = gpd.pd.concat([tables[shard].iloc[[row]] for shard, row in rows])
    return gpd.GeoDataFrame(frame[["source", "time"]], geometry=shapely.from_wkb(frame["geometry"]), crs=4326)


def vectors(archive: Archive, rows: list[tuple[int, int]]) -> np.ndarray:
    return np.stack([archive.shards[shard].vectors[row] for shard, row in rows]).astype(np.float32)


ROWS = [(0, 3), (1, 0), (0, 25)]


@pytest.fixture
def around(tmp_path: Path) -> Archive:
    """Squares at one latitude, of which the first two cross the antimeridian."""
    middles = np.array([180.0, -179.995, 0.0, 90.0, 179.9])
    shapes = split_at_antimeridian([shapely.box(lon - 0.01, -0.01, lon + 0.01, 0.01) for lon in middles])
    batch = make_batch(len(middles))
    columns = batch.chips.drop_columns(["geometry", "bbox"])
    for name, column in geometry_columns(shapes).items():
        columns = columns.append_column(name, column)
    return Archive.create(tmp_path / "around", MODEL).append(replace(batch, chips=columns))


@pytest.mark.parametrize(("lon", "row"), [(0.0, 2), (89.995, 3), (179.991, 0), (180.0, 0), (-179.987, 1), (-180.0, 0)])
def test_a_place_is_meant_by_the_chip_there_also_beside_the_antimeridian(around: Archive, lon: float, row: int) -> None:
    found = vectors_at(around, [Mark(lon, 0.0), Mark(180.0, 0.0)])
    assert np.array_equal(found[0], around.shards[0].vectors[row].astype(np.float32))
    with pytest.raises(InputError, match="no chip"):
        vectors_at(around, [Mark(45.0, 0.0)])


def test_hits_across_the_antimeridian_mark_their_chips(tmp_path: Path, around: Archive) -> None:
    rows = [(0, row) for row in (1, 0, 2)]
    hits(around, rows).to_file(tmp_path / "hits.gpkg")
    assert np.array_equal(marked_vectors(around, (tmp_path / "hits.gpkg",)), vectors(around, rows))


@pytest.mark.parametrize("name", ["hits.gpkg", "hits.geojson"])
def test_saved_hits_mark_their_chips(tmp_path: Path, archive: Archive, name: str) -> None:
    hits(archive, ROWS).to_file(tmp_path / name)
    assert np.array_equal(marked_vectors(archive, (tmp_path / name,)), vectors(archive, ROWS))


def test_a_point_in_another_crs_marks_the_nearest_chip_that_holds_it(tmp_path: Path, archive: Archive) -> None:
    centres = hits(archive, ROWS)
    points = gpd.GeoDataFrame(geometry=shapely.centroid(centres.geometry.to_numpy()), crs=4326).to_crs(2154)
    points.to_file(tmp_path / "points.gpkg")
    assert np.array_equal(marked_vectors(archive, (tmp_path / "points.gpkg",)), vectors(archive, ROWS))


def test_of_several_dates_the_latest_is_meant_or_the_one_that_is_named(tmp_path: Path) -> None:
    archive = Archive.create(tmp_path / "tiles", make_archive(tmp_path / "other").model)
    batch = make_batch(6)
    later = batch.chips["time"].to_pandas() + gpd.pd.Timedelta(days=900)
    index = batch.chips.column_names.index("time")
    moved = batch.chips.set_column(index, "time", [later.astype("datetime64[us, UTC]")])
    second = make_batch(6, 1)
    archive = archive.append(batch).append(type(batch)(second.vectors, moved, batch.sources))
    by_time = sorted(archive.shards, key=lambda shard: shard.table(("time",))["time"][2].as_py())
    frame = gpd.GeoDataFrame(geometry=shapely.from_wkb([batch.chips["geometry"][2].as_py()]), crs=4326)
    frame.to_file(tmp_path / "place.gpkg")
    assert np.array_equal(marked_vectors(archive, (tmp_path / "place.gpkg",))[0], by_time[1].vectors[2])
    frame.assign(time=[batch.chips["time"][2].as_py()]).to_file(tmp_path / "then.gpkg")
    assert np.array_equal(marked_vectors(archive, (tmp_path / "then.gpkg",))[0], by_time[0].vectors[2])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "scene-0-1.tif\n\nscene-1-2.tif\n"),
        ("a.csv", "rank,source\n1,/scenes/scene-0-1.tif\n2,scene-1-2.tif\n"),
    ],
)
def test_pictures_are_marked_by_their_names(tmp_path: Path, name: str, text: str) -> None:
    archive = make_archive(tmp_path / "tiles", (5, 5), sources=5)
    (tmp_path / name).write_text(text)
    assert len(marked_vectors(archive, (tmp_path / name,))) == 2


def test_a_name_of_many_chips_needs_places(tmp_path: Path, archive: Archive) -> None:
    (tmp_path / "a.txt").write_text("scene-0-1.tif")
    with pytest.raises(InputError, match="several chips; mark places"):
        marked_vectors(archive, (tmp_path / "a.txt",))


def test_what_marks_nothing_is_refused(tmp_path: Path, archive: Archive) -> None:
    gpd.GeoDataFrame(geometry=[shapely.Point(100, 0)], crs=4326).to_file(tmp_path / "far.gpkg")
    with pytest.raises(InputError, match=r"no chip of .* is at 100.000000 0.000000"):
        marked_vectors(archive, (tmp_path / "far.gpkg",))
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(InputError, match="from 1 to 10,000 examples, got 0"):
        marked_vectors(archive, (tmp_path / "empty.txt",))
    (tmp_path / "a.csv").write_text("name\nx\n")
    with pytest.raises(SourceError, match="must have the columns source"):
        marked_vectors(archive, (tmp_path / "a.csv",))
    assert marked_vectors(archive, ()).shape == (0, archive.model.dim)


def test_hits_saved_as_a_table_mark_their_cells(tmp_path: Path, archive: Archive) -> None:
    tables = [shard.table().to_pandas() for shard in archive.shards]
    frame = gpd.pd.concat([tables[shard].iloc[[row]] for shard, row in ROWS])
    frame[["source", "time", "cell"]].to_csv(tmp_path / "hits.csv", index=False)
    assert np.array_equal(marked_vectors(archive, (tmp_path / "hits.csv",)), vectors(archive, ROWS))


def test_columns_of_others_that_hold_no_time_and_no_name_say_nothing(tmp_path: Path, archive: Archive) -> None:
    others = hits(archive, ROWS).assign(source=[1.5, 2.0, 3.0], time=["yesterday", "", "5"])
    others.to_file(tmp_path / "others.geojson")
    places = hits(archive, ROWS)[["geometry"]]
    places.to_file(tmp_path / "places.geojson")
    same = [marked_vectors(archive, (tmp_path / f"{name}.geojson",)) for name in ("others", "places")]
    assert np.array_equal(*same)


def test_features_without_a_shape_mark_nothing(tmp_path: Path, archive: Archive) -> None:
    path = tmp_path / "empty.geojson"
    shapes = ("null", '{"type": "Polygon", "coordinates": []}')
    features = ", ".join(f'{{"type": "Feature", "properties": {{}}, "geometry": {shape}}}' for shape in shapes)
    path.write_text(f'{{"type": "FeatureCollection", "features": [{features}]}}')
    with pytest.raises(InputError, match="from 1 to 10,000 examples, got 0"):
        marked_vectors(archive, (path,))
