from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from scipy.stats import chisquare

from conftest import MakeGeotiff
from geoglot.errors import InputError
from geoglot.geodesy import geodesic_area_m2
from geoglot.pairs.collect.collect_recipe import PlacesRecipe
from geoglot.pairs.collect.places import area_of, draw_places

LIMIT = 1e-3  # of the p-values, which a right sampler passes in 999 of 1,000 seeds
CRS = "OGC:CRS84"


def p_value(places: np.ndarray, cells: list[shapely.Polygon]) -> float:
    """Chi-square of the numbers of places in cells, by their geodesic areas."""
    import pyproj

    counts = np.array([shapely.contains_xy(cell, places[:, 0], places[:, 1]).sum() for cell in cells])
    areas = geodesic_area_m2([shapely.segmentize(cell, 0.05) for cell in cells], pyproj.CRS(CRS))
    assert counts.sum() >= len(places) - 2  # none but those on a line
    return float(chisquare(counts, areas / areas.sum() * counts.sum()).pvalue)


def boxes(west: float, south: float, east: float, north: float, across: int, down: int) -> list[shapely.Polygon]:
    lon, lat = np.linspace(west, east, across + 1), np.linspace(south, north, down + 1)
    return [shapely.box(lon[i], lat[j], lon[i + 1], lat[j + 1]) for i in range(across) for j in range(down)]


@pytest.mark.parametrize("bounds", [(5.0, 55.0, 25.0, 65.0), (-180.0, -80.0, 180.0, 80.0), (10.0, -5.0, 20.0, 5.0)])
@pytest.mark.parametrize("seed", [0, 1])
def test_places_are_uniform_over_area(bounds: tuple[float, float, float, float], seed: int) -> None:
    places = draw_places(PlacesRecipe(count=20_000, seed=seed, bounds=bounds))
    assert p_value(places, boxes(*bounds, 10, 10)) > LIMIT


def test_uniform_over_degrees_would_not_pass() -> None:
    rng = np.random.default_rng(0)
    places = np.column_stack([rng.uniform(5, 25, 20_000), rng.uniform(55, 65, 20_000)])
    assert p_value(places, boxes(5, 55, 25, 65, 10, 10)) < 1e-6


def test_places_lie_inside_polygons_of_the_named(tmp_path: Path) -> None:
    ring = shapely.Point(25, 62).buffer(2).difference(shapely.Point(25, 62).buffer(1))
    frame = gpd.GeoDataFrame(
        {"name": ["a", "b", "c"]}, geometry=[ring, shapely.box(30, 60, 31, 61), shapely.box(0, 0, 1, 1)], crs=CRS
    )
    frame.to_file(tmp_path / "area.gpkg")
    recipe = PlacesRecipe(count=8000, area=tmp_path / "area.gpkg", column="name", names=("a", "b"))
    places = draw_places(recipe)
    quarters = [ring.intersection(box) for box in boxes(23, 60, 27, 64, 2, 2)]
    assert p_value(places, [*quarters, shapely.box(30, 60, 31, 61)]) > LIMIT
    with pytest.raises(InputError, match="no 'd'"):
        area_of(PlacesRecipe(area=tmp_path / "area.gpkg", column="name", names=("d",)))


def test_the_antimeridian_is_no_border() -> None:
    places = draw_places(PlacesRecipe(count=10_000, bounds=(178.0, 60.0, -178.0, 64.0)))
    turned = np.column_stack([places[:, 0] % 360, places[:, 1]])
    assert (abs(places[:, 0]) >= 178).all()
    assert p_value(turned, boxes(178, 60, 182, 64, 5, 5)) > LIMIT


def test_the_first_places_stay_the_first() -> None:
    few, many = (draw_places(PlacesRecipe(count=count, bounds=(0.0, 40.0, 10.0, 50.0))) for count in (10, 5000))
    assert np.array_equal(few, many[:10])


def test_places_follow_a_density(make_geotiff: MakeGeotiff) -> None:
    density = np.array([[[1, 0, 3], [0, 4, 0]]], np.float32)
    path = make_geotiff(density, "EPSG:4326", Affine(1, 0, 10, 0, -1, 52), tiled=False)
    places = draw_places(PlacesRecipe(count=8000, bounds=(10.0, 50.0, 13.0, 52.0), density=path))
    cells = [(int(lon - 10), int(52 - lat)) for lon, lat in places.tolist()]
    counts = np.array([cells.count(cell) for cell in ((0, 0), (2, 0), (1, 1))])
    assert counts.sum() == 8000
    assert chisquare(counts, np.array([1, 3, 4]) / 8 * 8000).pvalue > LIMIT


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (PlacesRecipe(), "bounds or in an area"),
        (PlacesRecipe(bounds=(0.0, 60.0, 10.0, 50.0)), "west, south, east, north"),
        (PlacesRecipe(area=Path("nowhere.gpkg")), "no file nowhere.gpkg"),
    ],
)
def test_areas_that_cannot_be_meant_are_told(recipe: PlacesRecipe, message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw_places(recipe)


@pytest.mark.parametrize("box", [(593_270, 5_740_000, 594_000, 5_747_000), (4, 51, 5, 91), (1e300, 0, 1e301, 1)])
def test_an_area_that_is_nowhere_on_earth_is_told(tmp_path: Path, box: tuple[float, float, float, float]) -> None:
    """Metres in a GeoJSON that does not say so, for instance."""
    feature = {"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(shapely.box(*box))}
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    with pytest.raises(InputError, match="no place on Earth: is WGS 84 its CRS"):
        draw_places(PlacesRecipe(area=tmp_path / "a.geojson"))


def test_an_area_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gpkg").write_text("<OGRVRTDataSource><OGRVRTLayer name='a'/></OGRVRTDataSource>")
    with pytest.raises(InputError, match="virtual file"):
        draw_places(PlacesRecipe(area=tmp_path / "a.gpkg"))
