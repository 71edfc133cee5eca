from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoglot.crs import WGS84
from geoglot.errors import InputError
from geoglot.index.store.cells import Cell, cells_at, cells_within, centres, check_scale, columns, rows

PLACES = st.tuples(st.floats(-180, 179.99), st.floats(-89, 89))
SCALES = st.sampled_from([1.0, 112.0, 224.0, 896.0, 7168.0])


def cell_at(scale: float, lon: float, lat: float) -> Cell:
    row, col = cells_at(scale, lon, lat)
    return Cell(scale, int(row[0]), int(col[0]))


@given(PLACES, SCALES)
def test_every_place_is_near_the_centre_of_its_cell(place: tuple[float, float], scale: float) -> None:
    cell = cell_at(scale, *place)
    assert WGS84.inv(*place, *cell.centre)[2] < 0.72 * scale  # half a diagonal
    assert cell_at(scale, *cell.centre) == cell == Cell.parse(str(cell))


@pytest.mark.parametrize("latitude", [0.0, 40.0, -70.0])
def test_neighbours_are_a_scale_apart(latitude: float) -> None:
    row, col = cells_at(224.0, 12.3, latitude)
    for rows_on, cols_on in ((0, 1), (1, 0)):
        lon, lat = centres(224.0, row + np.array([0, rows_on]), col + np.array([0, cols_on]))
        north_south = abs(lat[1] - lat[0]) * 111_195
        east_west = WGS84.inv(lon[0], lat[0], lon[1], lat[0])[2]
        assert (north_south if rows_on else east_west) == pytest.approx(224, rel=0.006)


def test_rows_of_a_box_cover_it_across_the_antimeridian() -> None:
    box = (179.99, -16.01, -179.99, -16.0)
    found = {(row, int(col)) for row, cols in cells_within(224.0, *box) for col in cols}
    points = [(lon, lat) for lon in (179.991, 179.9999, -179.9999, -179.991) for lat in (-16.009, -16.001)]
    assert {(cell.row, cell.col) for cell in (cell_at(224.0, *point) for point in points)} <= found
    assert len(found) < 120


def test_a_box_around_a_pole_has_every_cell_once() -> None:
    found = list(cells_within(100_000.0, -180.0, 88.0, 180.0, 90.0))
    assert [row for row, _ in found] == list(range(rows(100_000.0) - 1, rows(100_000.0) - 1 - len(found), -1))
    for row, cols in found:
        assert sorted(cols) == list(range(columns(100_000.0, np.array([row]))[0]))


@pytest.mark.parametrize("text", ["", "224_1_2", "224m_1", "0m_1_2", "1e9m_1_2", "224m_-1_2"])
def test_other_texts_name_no_cell(text: str) -> None:
    with pytest.raises(InputError):
        Cell.parse(text)


def test_scales_have_bounds() -> None:
    assert check_scale(224.0) == 224.0
    with pytest.raises(InputError, match=r"from 1 m to 1,000,000 m, got 0\.1 m"):
        check_scale(0.1)
