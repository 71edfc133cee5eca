"""Filters keep what a look at every chip keeps."""

from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pytest
import shapely

from archives import make_archive, make_batch
from geoglot.errors import InputError
from geoglot.index.search.filters import Filters
from geoglot.index.store.archive import Archive
from geoglot.index.store.chip_table import geometry_columns
from geoglot.lonlat import split_at_antimeridian
from geoglot.options import SearchOptions


def _kept(archive: Archive, options: SearchOptions) -> np.ndarray:
    masks = [Filters.of(options).mask(shard) for shard in archive.shards]
    assert all(mask is not None for mask in masks)
    return np.concatenate([mask for mask in masks if mask is not None])


def _outlines(archive: Archive) -> np.ndarray:
    return np.concatenate(
        [shapely.from_wkb(shard.table(("geometry",))["geometry"].to_numpy()) for shard in archive.shards]
    )


def _archive_at(folder: Path, longitudes: np.ndarray) -> Archive:
    """Chips of 0.2 degrees at these longitudes, near the equator."""
    batch = make_batch(len(longitudes))
    boxes = split_at_antimeridian([shapely.box(lon - 0.1, -0.1, lon + 0.1, 0.1) for lon in longitudes])
    columns = geometry_columns(boxes)
    chips = batch.chips
    for name, values in columns.items():
        chips = chips.set_column(chips.column_names.index(name), chips.schema.field(name), values)
    archive = make_archive(folder, ())
    return archive.append(type(batch)(batch.vectors, chips, batch.sources))


def test_without_filters_all_chips_count(tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "a")
    assert [Filters.of(SearchOptions()).mask(shard) for shard in archive.shards] == [None, None]


def test_a_box(tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "a", (300, 200))
    for box in ((1.0, 46.0, 3.5, 48.0), (-20.0, -10.0, 0.0, 10.0), (-180.0, -90.0, 180.0, 90.0)):
        wanted = shapely.intersects(shapely.box(*box), _outlines(archive))
        np.testing.assert_array_equal(_kept(archive, SearchOptions(bbox=box)), wanted)


def test_days_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(InputError, match="after must be no later than before, got 2024-05-02 and 2024-05-01"):
        Filters.of(SearchOptions(after="2024-05-02", before="2024-05-01"))
    Filters.of(SearchOptions(after="2024-05-01", before="2024-05-01"))


def test_a_box_across_the_antimeridian(tmp_path: Path) -> None:
    archive = _archive_at(tmp_path / "a", np.array([179.0, 179.95, -179.95, -179.0, 178.0, 0.0]))
    assert _kept(archive, SearchOptions(bbox=(178.8, -1.0, -179.5, 1.0))).tolist() == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert _kept(archive, SearchOptions(bbox=(-179.5, -1.0, 178.8, 1.0))).tolist() == [
        False,
        False,
        False,
        True,
        True,
        True,
    ]


def test_an_area_of_interest_in_another_crs(tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "a", (300,))
    triangle = shapely.Polygon([(1, 45), (4, 45.5), (2, 48)])
    frame = gpd.GeoDataFrame(geometry=[triangle, shapely.box(4.5, 48.5, 5, 49)], crs=4326)
    frame.to_crs(3035).to_file(tmp_path / "area.gpkg")
    wanted = shapely.intersects(shapely.union_all(frame.geometry), _outlines(archive))
    assert 10 < wanted.sum() < 290
    assert (_kept(archive, SearchOptions(area=tmp_path / "area.gpkg")) != wanted).sum() <= 1, (
        "but for a chip at the edge"
    )


def test_an_end_far_away_is_no_end(tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "a", (50,))
    assert _kept(archive, SearchOptions(after="2000-01-01", before="9999-12-31")).all()
    assert not _kept(archive, SearchOptions(before="0001-01-01")).any()


def test_days(tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "a", (50,))
    times = archive.shards[0].table(("time",))["time"].to_pylist()
    days = sorted(times)
    first, last = days[10], days[30]
    kept = _kept(archive, SearchOptions(after=f"{first:%Y-%m-%d}", before=f"{last:%Y-%m-%d}"))
    np.testing.assert_array_equal(kept, [first <= time <= last for time in times])
    assert kept.any()


def test_what_has_no_time_or_place_is_left_out_where_it_is_asked(tmp_path: Path) -> None:
    batch = make_batch(3)
    chips = batch.chips
    for name in ("time", "geometry", "bbox"):
        values = pa.array([None, *chips[name].to_pylist()[1:]], chips.schema.field(name).type)
        chips = chips.set_column(chips.column_names.index(name), chips.schema.field(name), values)
    archive = make_archive(tmp_path / "a", ()).append(type(batch)(batch.vectors, chips, batch.sources))
    everywhere = SearchOptions(bbox=(-180.0, -90.0, 180.0, 90.0))
    for options in (everywhere, SearchOptions(after="1900-01-01"), SearchOptions(before="2100-01-01")):
        assert _kept(archive, options).tolist() == [False, True, True]


def test_all_filters_together(tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "a", (200,))
    options = SearchOptions(bbox=(0.0, 45.0, 2.5, 49.0), after="2021-01-01", where="window_row < 100")
    one_by_one = [
        SearchOptions(bbox=options.bbox),
        SearchOptions(after=options.after),
        SearchOptions(where=options.where),
    ]
    np.testing.assert_array_equal(
        _kept(archive, options), np.logical_and.reduce([_kept(archive, each) for each in one_by_one])
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bbox": (0.0, 10.0, 5.0, 0.0)}, "bbox must be west,south,east,north"),
        ({"bbox": (0.0, 0.0, 500.0, 10.0)}, "bbox must be west,south,east,north"),
        ({"bbox": (0.0, 0.0, 5.0)}, "got 3 numbers"),
        ({"after": "yesterday"}, "after must be a day"),
        ({"before": "2024-13-01"}, "before must be a day"),
        ({"top": 0}, "top must be"),
    ],
)
def test_filters_that_cannot_be_read(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Filters.of(SearchOptions(**options))  # type: ignore[arg-type]


def test_a_day_ends_at_midnight(tmp_path: Path) -> None:
    filters = Filters.of(SearchOptions(before="2024-02-29"))
    assert filters.before == datetime(2024, 3, 1, tzinfo=UTC)
