from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from rasterio.control import GroundControlPoint
from rasterio.errors import NotGeoreferencedWarning
from rasterio.rpc import RPC

from conftest import UTM, MakeGeotiff
from geoglot.errors import GridError, InputError
from geoglot.sources.raster import open_raster

ROTATED = Affine(9.4, 3.4, 500_000, 3.4, -9.4, 4_000_000)


def by_points(make: MakeGeotiff, colours: np.ndarray, place: Any, crs: Any, count: int = 4) -> Path:
    """An image without a transform, whose control points lie on a lattice of count x count."""
    path = make(colours, None, None)
    rows, cols = (np.linspace(0, side, count) for side in colours.shape[1:])
    points = [GroundControlPoint(row, col, *place(col, row)) for row in rows for col in cols]
    with quiet(), rasterio.open(path, "r+") as dataset:
        dataset.gcps = (points, crs)
    return path


@contextmanager
def quiet() -> Iterator[None]:
    """Rasterio warns of files without a place."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def straight(affine: Affine) -> Any:
    a, b, c, d, e, f = affine[:6]
    return lambda col, row: (a * col + b * row + c, d * col + e * row + f)


@pytest.mark.parametrize("affine", [UTM, ROTATED, Affine(10, 0, 5e5, 0, 10, 4e6), Affine(-10, 0, 5e5, 0, -10, 4e6)])
def test_control_points_on_a_straight_grid_place_it(
    make_geotiff: MakeGeotiff, colours: np.ndarray, affine: Affine
) -> None:
    path = by_points(make_geotiff, colours, straight(affine), rasterio.crs.CRS.from_epsg(32617))
    with open_raster(path) as raster:
        assert raster.native.crs is not None and raster.native.crs.to_epsg() == 32617
        np.testing.assert_allclose(raster.native.transform[:6], affine[:6], atol=1e-6)
        assert "placed by 16 ground control points" in raster.warnings[0]
        assert not any("no CRS" in note for note in raster.warnings)


def test_points_in_degrees_across_the_antimeridian_are_one_piece(
    make_geotiff: MakeGeotiff, colours: np.ndarray
) -> None:
    def place(col: float, row: float) -> tuple[float, float]:
        return (179.99 + col * 1e-4 + 180) % 360 - 180, -17 - row * 1e-4

    path = by_points(make_geotiff, colours, place, rasterio.crs.CRS.from_epsg(4326))
    with open_raster(path) as raster:
        assert raster.native.transform.a == pytest.approx(1e-4)


def test_points_that_are_bent_are_refused_with_a_command_that_works(
    make_geotiff: MakeGeotiff, colours: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def place(col: float, row: float) -> tuple[float, float]:
        x, y = straight(UTM)(col, row)
        return x + 30 * np.sin(row / 40), y

    path = by_points(make_geotiff, colours, place, rasterio.crs.CRS.from_epsg(32617))
    with pytest.raises(GridError, match="px off") as caught:
        open_raster(path)
    assert "no CRS" not in str(caught.value)
    command = str(caught.value).partition("rio warp ")[2].split()
    from rasterio.rio.main import main_group

    with quiet():
        done = CliRunner().invoke(main_group, ["warp", *command])
    assert done.exit_code == 0, done.output
    with open_raster(tmp_path / f"{path.stem}-warped.tif") as raster:
        assert raster.native.crs is not None and raster.native.crs.to_epsg() == 32617


def test_points_without_a_crs_take_that_of_a_prj(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    path = by_points(make_geotiff, colours, straight(UTM), rasterio.crs.CRS())
    with open_raster(path) as raster:
        assert raster.native.crs is None and "ground control points and no CRS for them" in raster.warnings[0]
    path.with_suffix(".prj").write_text(pyproj.CRS(32617).to_wkt())
    with open_raster(path) as raster:
        assert raster.native.crs is not None
        np.testing.assert_allclose(raster.native.transform[:6], UTM[:6], atol=1e-6)


def test_points_on_one_line_place_nothing(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    path = by_points(make_geotiff, colours[:, :1], straight(UTM), rasterio.crs.CRS.from_epsg(32617), 1)
    with pytest.raises(GridError, match="all on one line"):
        open_raster(path)


def test_rpcs_are_refused_with_the_command_that_warps(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    path = make_geotiff(colours, None, None)
    line, sample, one = np.zeros((3, 20))
    line[2], sample[1], one[0] = -1, 1, 1
    offsets = {"height_off": 100, "lat_off": 51, "long_off": 3, "line_off": 100, "samp_off": 150}
    scales = {"height_scale": 500, "lat_scale": 0.01, "long_scale": 0.02, "line_scale": 100, "samp_scale": 150}
    terms = {"line_num_coeff": line, "samp_num_coeff": sample, "line_den_coeff": one, "samp_den_coeff": one}
    with quiet(), rasterio.open(path, "r+") as dataset:
        lists = {name: values.tolist() for name, values in terms.items()}
        dataset.rpcs = RPC(**{key: float(value) for key, value in (offsets | scales).items()}, **lists)
    with pytest.raises(GridError, match=r"gdalwarp -rpc .* EPSG:32631"):
        open_raster(path)


def test_a_crs_without_a_transform_is_told_as_that(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    with quiet():
        path = make_geotiff(colours, "EPSG:32617", None)
    with open_raster(path) as raster:
        assert raster.native.crs is None and "has a CRS but no transform" in raster.warnings[0]


@pytest.mark.parametrize("north", [90.05, -70.1])
def test_rows_beyond_a_pole_are_left_out(make_geotiff: MakeGeotiff, colours: np.ndarray, north: float) -> None:
    path = make_geotiff(colours, "EPSG:4326", Affine(0.1, 0, 10, 0, -0.1, north))
    with open_raster(path, resolution=5000.0) as raster:
        assert any("beyond a pole" in note for note in raster.warnings)
        tile = raster.read(raster.grid.whole)
        lat = raster.grid.to_lonlat(*np.nonzero(tile.valid))[1]
    assert tile.valid.mean() > 0.3 and abs(lat).max() > 89.5


@pytest.mark.parametrize("west", [0.0, -180.0, 179.95, -500.0, 220.0])
def test_a_whole_cap_around_a_pole_is_mapped(make_geotiff: MakeGeotiff, rng: np.random.Generator, west: float) -> None:
    pixels = rng.integers(1, 255, (3, 101, 360), dtype=np.uint8)
    with open_raster(make_geotiff(pixels, "EPSG:4326", Affine(1, 0, west, 0, -0.2, 90.1)), resolution=2e4) as raster:
        valid = raster.read(raster.grid.whole).valid
    rows, cols = np.mgrid[: valid.shape[0], : valid.shape[1]] + 0.5
    inside = np.hypot(rows - valid.shape[0] / 2, cols - valid.shape[1] / 2) < valid.shape[0] / 2 - 1.5
    assert valid[inside].all() and not valid[0, 0]


def test_metres_that_are_called_degrees_are_refused(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    with pytest.raises(GridError, match=r"in degrees, but .* rio edit-info"):
        open_raster(make_geotiff(colours, "EPSG:4326", UTM))


def test_degrees_that_are_called_metres_are_refused(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    path = make_geotiff(colours, "EPSG:32617", Affine(1e-5, 0, -81, 0, -1e-5, 36))
    with pytest.raises(InputError, match="assign the CRS that its coordinates are in"):
        open_raster(path, resolution=(0.3, 10.0))


def test_a_crs_that_is_right_is_not_called_wrong(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    disk = "+proj=geos +h=35785831 +lon_0=0 +datum=WGS84 +units=m"
    path = make_geotiff(colours, disk, Affine(4e4, 0, -5.6e6, 0, -4e4, 5.6e6))
    with pytest.raises(GridError, match="beyond the Earth") as caught:
        open_raster(path)
    assert "assign the right CRS" not in str(caught.value)


def test_a_crs_from_the_centre_of_the_earth_is_refused(make_geotiff: MakeGeotiff, colours: np.ndarray) -> None:
    with pytest.raises(GridError, match="from the centre of the Earth"):
        open_raster(make_geotiff(colours, "EPSG:4978"))


@pytest.mark.parametrize(
    ("beside", "told"),
    [
        ('<Metadata domain="RPC"><MDI key="LINE_OFF">1</MDI></Metadata>', "RPC"),
        ('<Metadata domain="RPC"><MDI key="HEIGHT_OFF">x</MDI></Metadata>', "RPC"),
        (
            '<GCPList Projection="EPSG:4326"><GCP Id="1" Pixel="nan" Line="0" X="1" Y="1"/>'
            '<GCP Id="2" Pixel="9" Line="0" X="2" Y="1"/><GCP Id="3" Pixel="0" Line="9" X="1" Y="2"/></GCPList>',
            "control point that is not a number",
        ),
    ],
)
def test_places_that_are_no_numbers_are_refused(
    make_geotiff: MakeGeotiff, colours: np.ndarray, beside: str, told: str
) -> None:
    with quiet():
        path = make_geotiff(colours, None, None)
        path.with_name(f"{path.name}.aux.xml").write_text(f"<PAMDataset>{beside}</PAMDataset>")
        with pytest.raises(GridError, match=told):
            open_raster(path)
