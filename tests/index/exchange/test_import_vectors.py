from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyproj
import pytest
import shapely

from foreign_vectors import (
    NO_DATA,
    NORTH_UP,
    lists,
    quantise_by_pixel,
    quantise_squared,
    squares,
    unit_field,
    write_alphaearth,
    write_clay_v0,
    write_clay_v15,
    write_earth_index,
    write_major_tom,
    write_parquet,
    write_tessera_pair,
    write_tessera_zarr,
)
from geoglot.errors import GeoglotError, InputError, SourceError
from geoglot.geo import Grid
from geoglot.index.exchange.alphaearth import DECODES, check_length, decode_squared
from geoglot.index.exchange.batches import unit_rows
from geoglot.index.exchange.import_vectors import import_vectors
from geoglot.index.store.archive import Archive
from geoglot.index.store.cells import Cell
from geoglot.index.store.chip_table import WINDOW


def rows(archive: Archive) -> list[dict[str, Any]]:
    return [row for shard in archive.shards for row in shard.table().to_pylist()]


def vectors(archive: Archive) -> np.ndarray:
    return np.concatenate([shard.vectors for shard in archive.shards]).astype(np.float32)


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    scaled: np.ndarray = (first * second).sum(1) / lengths
    return scaled


def means(field: np.ndarray, archive: Archive) -> np.ndarray:
    """The mean direction of a field (row 0 in the north) below the outline of each chip, by its centre."""
    grid = Grid(pyproj.CRS(32632), NORTH_UP, field.shape[1:])
    found = []
    for row in rows(archive):
        centre = shapely.from_wkb(row["geometry"]).centroid
        down, across = (round(float(axis)) for axis in grid.from_lonlat(centre.x, centre.y))
        half = row["window_height"] // 2
        part = field[:, max(0, down - half) : down + half, max(0, across - half) : across + half]
        found.append(part.reshape(len(field), -1).mean(1))
    return np.array(found)


@pytest.mark.parametrize("transform", [NORTH_UP, None])
def test_alphaearth_is_read_right_whichever_way_its_rows_go(tmp_path: Path, transform: Any) -> None:
    field = unit_field(64)
    stored = quantise_squared(field)
    stored[:, :20, :20] = NO_DATA
    path = tmp_path / "2023" / "32N" / "a.tiff"
    write_alphaearth(path, stored, *([transform] if transform else []))
    archive = import_vectors(tmp_path / "aef", [path], scale_m=160.0)
    expected = decode_squared(stored) * (stored != NO_DATA)
    assert (archive.model.name, archive.model.dim, archive.model.sha256) == ("AlphaEarth Foundations", 64, "")
    assert len(rows(archive)) > 8
    assert cosines(vectors(archive), means(expected, archive)).min() > 0.99
    assert {row["time"] for row in rows(archive)} == {datetime(2023, 1, 1, tzinfo=UTC)}
    assert np.linalg.norm(vectors(archive), axis=1) == pytest.approx(1, abs=2e-3)
    assert all(row["cell"].startswith("160m_") and row["nodata"] <= 0.5 for row in rows(archive))
    assert sum(shard.sources()["unseen"][0].as_py() for shard in archive.shards) > 0


def test_a_part_of_a_raster_has_the_vectors_of_the_whole(tmp_path: Path) -> None:
    path = write_alphaearth(tmp_path / "a.tif", quantise_squared(unit_field(64)))
    whole, part = (
        import_vectors(tmp_path / name, [path], scale_m=80.0, bbox=bbox)
        for name, bbox in (("whole", None), ("part", (9.0, 48.752, 9.0044, 48.7545)))
    )
    known = {row["cell"]: vector for row, vector in zip(rows(whole), vectors(whole), strict=True)}
    inside = [(row["cell"], vector) for row, vector in zip(rows(part), vectors(part), strict=True) if not row["nodata"]]
    assert 4 < len(rows(part)) < len(rows(whole)) / 2
    assert len(inside) > 2 and all(np.allclose(vector, known[cell], atol=2e-3) for cell, vector in inside)
    with pytest.raises(SourceError, match="hold no vectors"):
        import_vectors(tmp_path / "x", [path], bbox=(20.0, 48.0, 21.0, 49.0))
    with pytest.raises(InputError, match=r"one by one, 179\.5 to 180 and -180 to -179\.5"):
        import_vectors(tmp_path / "x", [path], bbox=(179.5, 48.0, -179.5, 49.0))


def test_chips_of_a_part_lie_in_the_file_as_those_of_the_whole(tmp_path: Path) -> None:
    path = write_alphaearth(tmp_path / "a.tif", quantise_squared(unit_field(64)))
    whole, part = (
        import_vectors(tmp_path / name, [path], scale_m=80.0, bbox=bbox)
        for name, bbox in (("whole", None), ("part", (9.0021, 48.7511, 9.0051, 48.7539)))
    )
    known = {row["cell"]: (row, vector) for row, vector in zip(rows(whole), vectors(whole), strict=True)}
    for row, vector in zip(rows(part), vectors(part), strict=True):
        other, expected = known[row["cell"]]
        assert [row[name] for name in (*WINDOW, "nodata")] == [other[name] for name in (*WINDOW, "nodata")]
        assert np.allclose(vector, expected, atol=2e-3)


def test_chips_across_the_antimeridian_lie_in_cells_there(tmp_path: Path) -> None:
    """As one outline beyond 180 degrees, or cut there as RFC 7946 wants."""
    whole = shapely.box(179.99, -17.02, 180.03, -16.98)
    cut = shapely.union_all([shapely.box(179.99, -17.02, 180, -16.98), shapely.box(-180, -17.02, -179.97, -16.98)])
    for name, shape in (("whole", whole), ("cut", cut)):
        path = write_parquet(tmp_path / f"{name}.parquet", {"embedding": lists(np.eye(4, 8)[:1])}, [shape])
        [row] = rows(import_vectors(tmp_path / name, [path], made_by="x"))
        lon, lat = Cell.parse(row["cell"]).centre
        assert abs((lon - 180.01 + 180) % 360 - 180) < 0.03 and abs(lat + 17) < 0.03


def test_chips_that_would_not_fit_in_memory_are_refused(tmp_path: Path) -> None:
    path = write_alphaearth(tmp_path / "a.tif", quantise_squared(unit_field(64)))
    with pytest.raises(SourceError, match="pixels wide, which must be at most 1,024"):
        import_vectors(tmp_path / "x", [path], scale_m=20_000.0)


def test_the_two_wrong_decodes_are_refused() -> None:
    stored, known = quantise_squared(unit_field(64)), np.ones((64, 64), bool)
    right, *wrong = DECODES
    check_length(DECODES[right](stored), known, right)
    for how in wrong:
        with pytest.raises(SourceError, match=r"mean length of 2\.\d+ and not 1"):
            check_length(DECODES[how](stored), known, how)


def test_the_lengths_decide_how_a_host_stores_its_numbers(tmp_path: Path) -> None:
    field = unit_field(64)
    linear = (field * 127).round().astype(np.int8)
    right = import_vectors(tmp_path / "a", [write_alphaearth(tmp_path / "a.tif", quantise_squared(field))])
    other = import_vectors(tmp_path / "b", [write_alphaearth(tmp_path / "b.tif", linear)])
    assert cosines(vectors(right), vectors(other)).min() > 0.98
    with pytest.raises(SourceError, match="does not hold unit vectors"):
        import_vectors(tmp_path / "c", [write_alphaearth(tmp_path / "c.tif", linear // 2)])
    assert not (tmp_path / "c").exists()


def test_tessera_as_arrays_and_as_a_store_are_one(tmp_path: Path) -> None:
    field = unit_field(128)
    pair = write_tessera_pair(tmp_path / "v1" / "2024" / "grid_9.05_48.75", field)
    from_pair = import_vectors(tmp_path / "pair", [pair])
    expected = (lambda stored, scales: stored * scales)(*quantise_by_pixel(field))
    assert cosines(vectors(from_pair), means(expected, from_pair)).min() > 0.99
    assert from_pair.model.name == "TESSERA v1"
    assert {row["time"] for row in rows(from_pair)} == {datetime(2024, 1, 1, tzinfo=UTC)}
    store = write_tessera_zarr(tmp_path / "store.zarr", [field, unit_field(128, 1)], [2023, 2024])
    from_store = import_vectors(tmp_path / "zarr", [store])
    assert from_store.model.name == "https://geotessera.org/model/1.0"
    assert {row["time"].year for row in rows(from_store)} == {2023, 2024}
    same = {row["cell"]: vector for row, vector in zip(rows(from_pair), vectors(from_pair), strict=True)}
    first = [(row["cell"], vector) for row, vector in zip(rows(from_store), vectors(from_store), strict=True)
             if row["time"].year == 2023 and row["nodata"] == 0]  # fmt: skip
    assert len(first) > 5 and all(vector @ same[cell] > 0.999 for cell, vector in first)
    assert len({row["cell"] for row in rows(from_store)}) < len(same)  # water, and what is not made yet


def test_tessera_without_its_place_or_with_other_scales_is_refused(tmp_path: Path) -> None:
    pair = write_tessera_pair(tmp_path / "a", unit_field(128))
    np.save(pair.with_name(f"{pair.stem}_scales.npy"), np.ones((3, 3), np.float32))
    with pytest.raises(SourceError, match=r"scales of .* must be"):
        import_vectors(tmp_path / "x", [pair])
    pair = write_tessera_pair(tmp_path / "b", unit_field(128))
    pair.with_suffix(".tiff").unlink()
    with pytest.raises(SourceError, match="has no place: put its land mask"):
        import_vectors(tmp_path / "x", [tmp_path / "b"])


RANDOM = np.random.default_rng(0).normal(size=(6, 32))


@pytest.mark.parametrize(
    ("write", "made_by", "name", "year"),
    [
        (write_clay_v0, None, "Clay v0", 2022),
        (write_clay_v15, "Clay v1.5", "Clay v1.5", 2024),
        (write_earth_index, None, "dinov2_vits14_softcon", 2023),
        (write_major_tom, "SSL4EO-S12", "SSL4EO-S12", 2020),
    ],
)
def test_tables_are_read_by_their_own_columns(
    tmp_path: Path, write: Any, made_by: str | None, name: str, year: int
) -> None:
    path = write(tmp_path / "a.parquet", RANDOM)
    archive = import_vectors(tmp_path / "archive", [path], made_by=made_by)
    assert (archive.model.name, archive.model.dim, archive.rows) == (name, 32, 6)
    order = np.argsort([row["bbox"]["xmin"] for row in rows(archive)])
    assert cosines(vectors(archive)[order], RANDOM).min() > 1 - 1e-3
    assert {row["time"].year for row in rows(archive)} == {year}
    assert len({row["cell"] for row in rows(archive)}) == 6
    assert rows(archive)[0]["scale_m"] == pytest.approx(744, abs=2)
    again = import_vectors(tmp_path / "archive", [path], made_by=made_by)
    assert again.rows == 6 and len(again.shards) == 1


def test_sources_are_kept_where_a_layout_names_them(tmp_path: Path) -> None:
    clay = import_vectors(tmp_path / "a", [write_clay_v0(tmp_path / "a.gpq", RANDOM)])
    assert {row["source"] for row in rows(clay)} == {f"s3://clay-tiles/claytile_32UNV_{n}.tif" for n in range(6)}
    tom = import_vectors(tmp_path / "b", [write_major_tom(tmp_path / "b.parquet", RANDOM)], made_by="m")
    assert len({row["source"] for row in rows(tom)}) == 1


def test_points_need_the_width_of_their_chips(tmp_path: Path) -> None:
    path = write_earth_index(tmp_path / "a.parquet", RANDOM, points=True)
    with pytest.raises(InputError, match="are points; say how wide"):
        import_vectors(tmp_path / "x", [path])
    archive = import_vectors(tmp_path / "y", [path], scale_m=320.0)
    assert {row["scale_m"] for row in rows(archive)} == {320.0}


def test_a_file_that_does_not_name_its_model_must_be_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not say which model"):
        import_vectors(tmp_path / "x", [write_major_tom(tmp_path / "a.parquet", RANDOM)])


def test_vectors_of_two_models_do_not_share_an_archive(tmp_path: Path) -> None:
    import_vectors(tmp_path / "x", [write_clay_v0(tmp_path / "a.parquet", RANDOM)])
    with pytest.raises(InputError, match="do not compare with those of Clay v0"):
        import_vectors(tmp_path / "x", [write_earth_index(tmp_path / "b.parquet", RANDOM)])


def test_vectors_without_a_direction_are_left_out_and_counted(tmp_path: Path) -> None:
    some = RANDOM.copy()
    some[2], some[4, 0] = 0, np.nan
    archive = import_vectors(tmp_path / "x", [write_earth_index(tmp_path / "a.parquet", some)])
    assert archive.rows == 4 and archive.shards[0].sources()["unseen"].to_pylist() == [2]


@pytest.mark.parametrize(
    ("times", "first"),
    [
        (pa.array([1_500_000_000_000_000_123] * 6, pa.timestamp("ns")), datetime(2017, 7, 14, 2, 40, tzinfo=UTC)),
        (pa.array(["2017-07-14T02:40:00.000000999Z"] * 6), datetime(2017, 7, 14, 2, 40, tzinfo=UTC)),
        (pa.array([1_500_000_000] * 6), None),  # seconds, milliseconds, a code?
        (pa.array(["-0001-01-01"] * 6), None),
        (pa.array(["99999-01-01"] * 6), None),
    ],
)
def test_times_are_read_to_microseconds_and_numbers_are_none(
    tmp_path: Path, times: Any, first: datetime | None
) -> None:
    columns = {"datetime": times, "embedding": lists(RANDOM)}
    path = write_parquet(tmp_path / "a.parquet", columns, squares(6))
    assert rows(import_vectors(tmp_path / "x", [path], made_by="m"))[0]["time"] == first


def test_numbers_beyond_single_precision_are_no_direction() -> None:
    units, kept = unit_rows(np.array([[1e300, 0.0], [3.0, 4.0]]))
    assert kept.tolist() == [1] and units.tolist() == [[np.float32(0.6), np.float32(0.8)]]


def test_pixels_whose_vectors_no_float_can_hold_are_not_known(tmp_path: Path) -> None:
    pair = write_tessera_pair(tmp_path / "a", unit_field(128))
    scales = pair.with_name(f"{pair.stem}_scales.npy")
    huge = np.load(scales)
    huge[:32] = 1e38
    np.save(scales, huge)
    archive = import_vectors(tmp_path / "x", [pair])
    assert 0 < archive.rows < import_vectors(tmp_path / "y", [write_tessera_pair(tmp_path / "b", unit_field(128))]).rows
    assert np.isfinite(vectors(archive)).all() and archive.shards[0].sources()["unseen"].to_pylist()[0] > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: write_earth_index(path, RANDOM, quantisation="int8 linear"), "quantised vectors"),
        (lambda path: path.write_bytes(b"PAR1 no"), "cannot be read as GeoParquet"),
        (lambda path: path.write_bytes(write_clay_v0(path, RANDOM).read_bytes()[:-30]), "cannot be read"),
        (lambda path: write_clay_v0(path, RANDOM[:0]), "has no rows"),
    ],
)
def test_damaged_tables_are_refused(tmp_path: Path, change: Any, message: str) -> None:
    change(tmp_path / "a.parquet")
    with pytest.raises(GeoglotError, match=message):
        import_vectors(tmp_path / "x", [tmp_path / "a.parquet"], made_by="m")
    assert not (tmp_path / "x").exists()


def test_a_folder_is_read_whole_and_others_are_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_earth_index(tmp_path / "in" / "a.parquet", RANDOM)
    write_earth_index(tmp_path / "in" / "b.parquet", RANDOM[:3] + 1)
    assert import_vectors(tmp_path / "x", [tmp_path / "in"]).rows == 9
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.xyz").write_text("")
    for source, message in (("empty", "holds no vectors"), ("a.xyz", "no known layout"), ("gone", "there is no")):
        with pytest.raises(SourceError, match=message):
            import_vectors(tmp_path / "y", [tmp_path / source])
