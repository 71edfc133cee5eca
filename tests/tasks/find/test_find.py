from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import torch
from affine import Affine
from torch import Tensor, nn

from geoglot.errors import ClassesError, InputError, OutputError, SourceError
from geoglot.options import FindOptions, ReadOptions
from geoglot.scene.encoded_scene import encode_scene
from geoglot.sources.raster import open_raster
from geoglot.tasks.ask.ask import ask
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.find import refine_outlines, search
from geoglot.tasks.find.find import find
from geoglot.tasks.find.find_result import FindResult
from geoglot.tasks.refine.edges import Edges
from geoglot.tasks.refine.refiner import CoarseMask, Masks, View
from scenes import Thing, plant, precision_and_recall, scatter
from stubs import COLOURS, ColourScorer, PooledColours
from worlds import scribble, write_scene

NAMES = ("roof", "sand", "water")
THINGS: list[Thing] = [
    ("roof", 40, 40, 12),
    ("roof", 64, 130, -20),
    ("water", 150, 60, 28),
    ("roof", 190, 190, 16),
    ("roof", 128, 256, 24),
]
READ = ReadOptions(tile=64, overlap=16)
PLAIN = FindOptions(overlay=False)


def encoder(halo: int = 0) -> ColourScorer:
    return ColourScorer(NAMES, halo=halo)


def table(result: FindResult) -> gpd.GeoDataFrame:
    """The objects without the window that saw them best, which depends on the windows."""
    return result.objects.drop(columns="window")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif", plant((260, 300), THINGS).pixels)


@pytest.mark.parametrize("seed", range(3))
def test_planted_things_are_found_and_outlined(tmp_path: Path, seed: int) -> None:
    """Several sizes, pairs that touch, things cut by borders of windows (128 px) and of the file's tiles (64 px)."""
    things = scatter((420, 480), 16, ("roof", "water"), seed)
    planted = plant((420, 480), things, seed)
    source = write_scene(tmp_path / "scene.tif", planted.pixels)
    read = replace(READ, tile=128, overlap=32)
    result = find(source, "roof, water", model=encoder(), read=read, options=PLAIN, refiner="edges")
    precision, recall = precision_and_recall(result.objects, planted)
    assert precision >= 0.95 and recall >= 0.95


def test_separated_things_are_counted_exactly_and_measured(scene: Path, tmp_path: Path) -> None:
    result = find(
        scene, "roof, water", tmp_path / "found.gpkg", model=encoder(), read=READ, options=PLAIN, refiner="edges"
    )
    assert result.counts == {"roof": 4, "water": 1}
    for name in result.counts:
        sizes = [4 * r * r if r < 0 else np.pi * r * r for own, *_, r in THINGS if own == name]
        assert result.areas_m2[name] == pytest.approx(sum(sizes) / 4, rel=0.05)
    stored = gpd.read_file(tmp_path / "found.gpkg", layer="objects")
    assert stored.crs == result.objects.crs
    assert list(stored["id"]) == [1, 2, 3, 4, 5]
    assert (stored.geometry.length / stored.perimeter_m - 1).abs().max() < 0.01
    centre = gpd.GeoSeries(gpd.points_from_xy(stored.lon, stored.lat), crs=4326).to_crs(stored.crs)
    assert (centre.distance(stored.centroid) < 0.1).all()
    assert (stored.outline == "edges").all()
    assert stored.score.between(0.5, 1).all()


@pytest.mark.parametrize("refiner", ["none", "edges"])
@pytest.mark.parametrize(("tile", "overlap", "batch"), [(64, 0, 1), (64, 32, 7), (96, 24, 4), (304, 16, 1)])
def test_windows_and_batches_change_nothing(scene: Path, refiner: str, tile: int, overlap: int, batch: int) -> None:
    one = find(scene, "roof, water", model=encoder(), read=READ, options=PLAIN, refiner=refiner)
    read = replace(READ, tile=tile, overlap=overlap, batch=batch)
    other = find(scene, "roof, water", model=encoder(), read=read, options=PLAIN, refiner=refiner)
    assert one.thresholds == other.thresholds
    assert table(one).equals(table(other))


def test_a_scene_is_encoded_once_and_asked_often(scene: Path) -> None:
    scorer = ColourScorer(NAMES)
    with encode_scene(scene, scorer, read=READ) as encoded:
        calls = scorer.calls
        assert find(encoded, "roof", read=READ, options=PLAIN).counts == {"roof": 4}
        assert find(encoded, ["water", "roof"], read=READ, options=PLAIN).counts == {"water": 1, "roof": 4}
        assert find(encoded, {"made": ["water", "roof"]}, read=READ, options=PLAIN).counts == {"made": 5}
        assert scorer.calls == calls > 0


def test_vectors_that_are_kept_cost_no_encoding(scene: Path, tmp_path: Path) -> None:
    options = replace(PLAIN, vectors=tmp_path)
    first, second = ColourScorer(NAMES), ColourScorer(NAMES)
    one = find(scene, "roof", model=first, read=READ, options=options)
    other = find(scene, "roof", model=second, read=READ, options=options)
    assert first.calls > second.calls == 0
    assert one.objects.equals(other.objects)


def test_vectors_of_another_precision_are_not_taken(scene: Path, tmp_path: Path) -> None:
    model, kept = PooledColours(), list[int]()
    for kind in (torch.float32, torch.int8, torch.float32):
        model.register_parameter("weight", nn.Parameter(torch.zeros(1, dtype=kind), requires_grad=False))
        with encode_scene(scene, model, read=READ, vectors=tmp_path):
            kept.append(len(list(tmp_path.iterdir())))
    assert kept[0] < kept[1] == kept[2]


def test_words_are_asked_of_vectors(scene: Path) -> None:
    options = FindOptions(background="sand, forest", templates=("{}",))
    result = find(scene, {"house": ["roof"]}, model=PooledColours(), read=READ, options=options)
    assert result.counts == {"house": 4}
    assert result.thresholds["house"].how in ("scene", "background")


def test_a_name_does_not_depend_on_what_else_is_asked(scene: Path) -> None:
    alone = find(scene, "water", model=encoder(), read=READ, options=PLAIN).objects
    among = find(scene, "roof, water", model=encoder(), read=READ, options=PLAIN).objects
    among = among[among["name"] == "water"]
    assert alone.geometry.to_numpy()[0].equals(among.geometry.to_numpy()[0])


def test_nothing_found_is_a_valid_file(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", plant((96, 96), [("roof", 40, 40, 12)]).pixels)
    for kind in ("gpkg", "parquet", "geojson"):
        result = find(
            source, "water", tmp_path / f"none.{kind}", model=encoder(), read=READ, options=PLAIN, refiner="edges"
        )
        assert (result.counts, result.areas_m2) == ({"water": 0}, {"water": 0.0})
        assert result.summary == "Found none of 'water'."
    for path in (tmp_path / "none.gpkg", tmp_path / "none.geojson"):
        assert len(gpd.read_file(path, layer=0)) == 0
    empty = gpd.read_parquet(tmp_path / "none.parquet")
    assert empty.crs == "EPSG:32631" and "area_m2" in empty


def test_a_name_that_matches_everything_says_so(scene: Path) -> None:
    result = find(scene, {"ground": ["sand", "roof"]}, model=encoder(), read=READ, options=PLAIN)
    assert any("'ground' matches 9" in note and "narrow" in note for note in result.notes)
    assert result.thresholds["ground"].is_everywhere


def test_sizes_are_limited_in_square_metres(scene: Path) -> None:
    every = find(scene, "roof", model=encoder(), read=READ, options=PLAIN).objects.area_m2
    middle = float(every.median())
    for options in (replace(PLAIN, min_area=middle), replace(PLAIN, max_area=middle)):
        areas = find(scene, "roof", model=encoder(), read=READ, options=options).objects.area_m2
        assert 0 < len(areas) < 4
        assert areas.between(options.min_area or 0, options.max_area or 1e9).all()


def test_why_a_name_that_is_there_has_no_object_is_told(scene: Path) -> None:
    found = find(scene, "roof", model=encoder(), read=READ, options=replace(PLAIN, min_area=1e6))
    assert found.counts == {"roof": 0} and any("of roof: none has a size" in note for note in found.notes)
    found = find(scene, "roof", model=encoder(), read=READ, options=replace(PLAIN, min_score=0.9999999))
    assert found.counts == {"roof": 0} and any("less than the least score" in note for note in found.notes)


def test_a_name_is_there_if_and_only_if_an_object_of_it_is(tmp_path: Path) -> None:
    """Between the centres of patches no pixel scores what the best patch does."""
    sand, roof = (np.array(COLOURS[name])[:, None, None] * 255 for name in ("sand", "roof"))
    for share in (0.49, 0.505, 0.51, 0.53):
        pixels = np.broadcast_to(sand, (3, 96, 96)).copy()
        pixels[:, 40:48, 40:48] = share * roof + (1 - share) * sand
        source = write_scene(tmp_path / f"{share}.tif", pixels.round().astype(np.uint8))
        found = find(source, "roof", model=encoder(), options=PLAIN)
        assert bool(found.counts["roof"]) == (found.presence["roof"] >= 0.5), share
        assert bool(found.counts["roof"]) != any("no roof found" in note for note in found.notes)


def test_presence_is_that_in_the_area_of_interest(scene: Path, tmp_path: Path) -> None:
    area = tmp_path / "area.geojson"
    with rasterio.open(scene) as dataset:
        corners = [dataset.transform @ corner for corner in ((200, 0), (299, 60))]
        gpd.GeoDataFrame(geometry=[shapely.box(*corners[0], *corners[1])], crs=dataset.crs).to_file(area)
    within = replace(PLAIN, area=str(area))
    found = find(scene, "roof", model=encoder(), read=READ, options=within)
    assert found.counts == {"roof": 0} and found.presence["roof"] < 0.1
    assert any("no roof found" in note for note in found.notes)
    rivals = replace(within, background="sand, water")
    answer = ask(scene, "Is there a roof?", model=PooledColours(), read=READ, options=AskOptions(find=rivals))
    assert answer.value is False and answer.confidence is not None and answer.confidence > 0.5


def test_an_area_of_interest_keeps_what_lies_in_it_whole(scene: Path, tmp_path: Path) -> None:
    scorer = ColourScorer(NAMES)
    every = find(scene, "roof", model=scorer, read=READ, options=PLAIN).objects
    looked_at = scorer.tiles
    west = shapely.box(*every.total_bounds - np.array([9, 9, 40, -9]))
    gpd.GeoDataFrame(geometry=[west], crs=every.crs).to_crs(4326).to_file(tmp_path / "aoi.geojson")
    scorer.tiles = 0
    options = replace(PLAIN, area=tmp_path / "aoi.geojson")
    some = find(scene, "roof", model=scorer, read=READ, options=options).objects
    inside = every[every.centroid.within(west)]
    assert 0 < len(some) == len(inside) < len(every)
    assert scorer.tiles < looked_at
    assert some.area_m2.tolist() == pytest.approx(inside.area_m2.tolist())


def test_points_and_boxes_are_prompts_instead_of_words(scene: Path, tmp_path: Path) -> None:
    every = find(scene, "roof, water", model=encoder(), read=READ, options=PLAIN).objects
    places = [every.geometry[4].centroid, shapely.box(*every.geometry[2].bounds)]
    frame = gpd.GeoDataFrame({"name": ["shed", None]}, geometry=places, crs=every.crs)
    frame.to_file(tmp_path / "places.gpkg")
    result = find(
        scene,
        None,
        model=encoder(),
        read=READ,
        options=replace(PLAIN, points=tmp_path / "places.gpkg"),
        refiner="edges",
    )
    assert result.counts == {"shed": 1, "object": 1}
    for index, own in ((4, "shed"), (2, "object")):
        outline = result.objects[result.objects["name"] == own].geometry.to_numpy()[0]
        truth = every.geometry[index]
        assert outline.intersection(truth).area / outline.union(truth).area > 0.7


def write_points(path: Path, xy: list[tuple[float, float]]) -> Path:
    gpd.GeoDataFrame(geometry=gpd.points_from_xy(*zip(*xy, strict=True)), crs=32631).to_file(path)
    return path


def test_places_are_called_as_any_program_calls_them_and_each_is_one(scene: Path, tmp_path: Path) -> None:
    """KML writes Name, other programs NAME; some keep several points as one feature."""
    every = find(scene, "roof", model=encoder(), read=READ, options=PLAIN).objects
    shed, *others = shapely.get_coordinates(every.geometry.centroid.to_numpy())[:3]
    frame = gpd.GeoDataFrame(
        {"Name": ["shed", "stable"]}, geometry=[shapely.Point(shed), shapely.MultiPoint(others)], crs=every.crs
    )
    frame.to_file(tmp_path / "places.geojson")
    options = replace(PLAIN, points=tmp_path / "places.geojson")
    assert find(scene, None, model=encoder(), read=READ, options=options).counts == {"shed": 1, "stable": 2}


def test_places_on_one_thing_are_told(scene: Path, tmp_path: Path) -> None:
    roof = find(scene, "roof", model=encoder(), read=READ, options=PLAIN).objects.geometry[0].centroid
    points = write_points(tmp_path / "points.gpkg", [(roof.x, roof.y), (roof.x + 1, roof.y), (roof.x, roof.y + 1)])
    result = find(scene, None, model=encoder(), read=READ, options=replace(PLAIN, points=points))
    assert result.counts == {"object": 1}
    assert any(note.startswith("2 of object overlap objects") for note in result.notes)


def test_places_where_nothing_can_be_seen_are_told(tmp_path: Path) -> None:
    pixels = plant((96, 96), [("roof", 40, 40, 20)]).pixels
    pixels[:, :, 60:] = 0
    source = write_scene(tmp_path / "half.tif", pixels, nodata=0)
    # on the roof, where there is no data, far away, on the right border of the scene
    places = [(593_290, 5_747_637), (593_315, 5_747_637), (0, 0), (593_270 + 48, 5_747_637)]
    points = write_points(tmp_path / "points.gpkg", places)
    result = find(source, None, model=encoder(), read=READ, options=replace(PLAIN, points=points))
    assert sum(result.counts.values()) == 1
    assert "3 of 4 points and boxes lie outside the scene or where it has no data" in result.notes
    points = write_points(tmp_path / "points.gpkg", places[1:])
    with pytest.raises(InputError, match="is their CRS right"):
        find(source, None, model=encoder(), read=READ, options=replace(PLAIN, points=points))


def test_what_a_person_made_is_not_written_over(scene: Path, tmp_path: Path) -> None:
    points = write_points(tmp_path / "points.gpkg", [(593_290, 5_747_637)])
    before = points.read_bytes()
    for options in (replace(PLAIN, points=points), replace(PLAIN, area=points)):
        names = None if options.points else "roof"
        with pytest.raises(InputError, match="another name"):
            find(scene, names, points, model=encoder(), read=READ, options=options)
    assert points.read_bytes() == before


def test_places_that_cannot_be_read_cost_no_encoding(scene: Path, tmp_path: Path) -> None:
    scorer = ColourScorer(NAMES)
    with pytest.raises(InputError, match="cannot be read"):
        find(
            scene,
            None,
            model=scorer,
            read=READ,
            options=replace(PLAIN, points=tmp_path / "no.gpkg"),
        )
    assert scorer.calls == 0


def test_an_encoded_scene_takes_an_area_and_refuses_what_is_decided(scene: Path, tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(geometry=[shapely.box(593_270, 5_747_600, 593_310, 5_747_657)], crs=32631)
    frame.to_file(tmp_path / "aoi.gpkg")
    narrow = replace(PLAIN, area=tmp_path / "aoi.gpkg")
    with encode_scene(scene, encoder(), read=READ) as encoded:
        assert find(encoded, "roof", options=narrow).counts == {"roof": 1}
        with pytest.raises(InputError, match="tile is decided"):
            find(encoded, "roof", read=replace(READ, tile=128), options=PLAIN)
    wide = replace(PLAIN, area=tmp_path / "wide.gpkg")
    frame.buffer(500).to_file(tmp_path / "wide.gpkg")
    with (
        encode_scene(scene, encoder(), area=narrow.area) as encoded,
        pytest.raises(InputError, match="reaches beyond"),
    ):
        find(encoded, "roof", options=wide)


class Stubborn:
    """A refiner that refuses some things and gives the others as a large and a small part."""

    name, side = "stub", None

    def facts(self) -> dict[str, Any]:
        return {"name": self.name}

    def __call__(self, view: View, proposals: Sequence[CoarseMask]) -> list[Masks]:
        answers = []
        for one in proposals:
            mask = one.mask.copy()
            mask[1, 1] = True
            refuses = view.window.col > 100
            answers.append(() if refuses else (mask,))
        return answers


def test_outlines_that_a_refiner_refused_are_told_and_scores_are_of_what_is_drawn(scene: Path) -> None:
    plain = find(scene, "roof", model=encoder(), read=READ, options=PLAIN)
    result = find(scene, "roof", model=encoder(), read=READ, options=PLAIN, refiner=Stubborn())
    left = int((result.objects.outline == "none").sum())
    assert 0 < left < 4
    assert any(f"{left} of 4 outlines could not be refined" in note for note in result.notes)
    assert result.objects.score.tolist() == plain.objects.score.tolist()


def test_interrupted_while_refining_nothing_is_encoded_again(scene: Path, tmp_path: Path) -> None:
    class Interrupted(Edges):
        def __call__(self, view: View, proposals: Sequence[CoarseMask]) -> list[Masks]:
            if view.window.col > 100:
                raise KeyboardInterrupt
            return super().__call__(view, proposals)

    find(scene, "roof", tmp_path / "whole.gpkg", model=encoder(), read=READ, options=PLAIN, refiner="edges")
    output, scorer = tmp_path / "roofs.gpkg", ColourScorer(NAMES)
    with pytest.raises(KeyboardInterrupt):
        find(scene, "roof", output, model=encoder(), read=READ, options=PLAIN, refiner=Interrupted())
    assert not output.exists()
    find(scene, "roof", output, model=scorer, read=READ, options=PLAIN, refiner="edges")
    assert scorer.calls == 0
    assert output.read_bytes() == (tmp_path / "whole.gpkg").read_bytes()


def test_a_manifest_never_tells_of_other_objects(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "found.gpkg"
    find(scene, "roof", output, model=encoder(), read=READ, options=PLAIN)

    def full(*_: object) -> None:
        raise OutputError("disk full")

    monkeypatch.setattr("geoglot.outputs.made.Made.finish", full)
    with pytest.raises(OutputError, match="disk full"):
        find(scene, "water", output, model=encoder(), read=READ, options=PLAIN, overwrite=True)
    assert not (tmp_path / "found.manifest.json").exists()


def test_a_raster_is_not_written_over(scene: Path, tmp_path: Path) -> None:
    (tmp_path / "found.gpkg").symlink_to(scene)
    with open_raster(scene) as raster, pytest.raises(InputError, match="another name"):
        find(raster, "roof", tmp_path / "found.gpkg", model=encoder(), read=READ, options=PLAIN)


def test_what_two_names_want_goes_to_the_higher_score(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", plant((128, 128), [("roof", 60, 60, 20)]).pixels)
    result = find(source, {"house": ["roof"], "thing": ["roof"]}, model=encoder(), read=READ, options=PLAIN)
    assert sum(result.counts.values()) == 1
    assert any("1 of " in note and "one name at a time" in note for note in result.notes)


def test_a_region_too_large_to_hold_is_whole_and_not_refined(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = find(scene, "water", model=encoder(), read=READ, options=PLAIN)
    monkeypatch.setattr(search, "LARGEST", 100)
    large = find(scene, "water", model=encoder(), read=READ, options=PLAIN, refiner="edges")
    assert large.objects.outline.tolist() == ["none"]
    assert any("too large" in note for note in large.notes)
    assert large.objects.geometry[0].equals(small.objects.geometry[0])
    assert large.objects.score[0] == pytest.approx(small.objects.score[0], abs=1e-3)


def test_the_manifest_says_how_it_was_made(scene: Path, tmp_path: Path) -> None:
    result = find(
        scene, "roof", tmp_path / "roofs.parquet", model=encoder(), read=READ, options=replace(PLAIN, overlay=True)
    )
    manifest = json.loads((tmp_path / "roofs.manifest.json").read_text())
    assert manifest["counts"] == {"roof": 4}
    assert manifest["run"]["windows"] == {"tile": 64, "overlap": 16, "patch": 8}
    assert manifest["run"]["options"]["min_score"] is None
    assert manifest["thresholds"]["roof"]["core"] == round(result.thresholds["roof"].high, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "roofs.manifest.json", "roofs.overlay.png", "roofs.parquet", "roofs.qml",
    ]  # fmt: skip
    objects = result.to_json()["objects"]
    assert {"id", "name", "score", "area_m2", "bounds"} <= set(objects[0])
    west, south, east, north = objects[0]["bounds"]
    assert west < objects[0]["lon"] < east and south < objects[0]["lat"] < north


def test_a_source_without_a_crs_works_and_says_so(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", plant((96, 96), [("roof", 40, 40, 16)]).pixels, crs=None)
    result = find(source, "roof", tmp_path / "roofs.geojson", model=encoder(), read=READ, options=PLAIN)
    assert result.counts == {"roof": 1} and result.areas_m2 == {"roof": None}
    assert result.to_json()["objects"][0]["area_m2"] is None
    for limit in ({"min_area": 5000.0}, {"max_area": 50.0}):
        with pytest.raises(InputError, match="has no CRS, so its objects have no square metres"):
            find(source, "roof", model=encoder(), read=READ, options=replace(PLAIN, **limit))


def test_edges_reach_the_rim_of_the_scene(tmp_path: Path) -> None:
    """What the rim cuts is no edge in the picture: beyond it the picture is mirrored."""
    things: list[Thing] = [("roof", 10, 60, -30), ("roof", 120, 0, -24), ("roof", 199, 120, 25)]
    planted = plant((200, 200), things)
    source = write_scene(tmp_path / "scene.tif", planted.pixels)
    for patch in (8, 16):
        stub = ColourScorer(NAMES, patch=patch)
        found = find(source, "roof", model=stub, read=READ, options=PLAIN, refiner="edges").objects
        assert precision_and_recall(found, planted, 0.9) == (1, 1)


def test_a_thing_that_an_area_cuts_is_whole_across_windows(tmp_path: Path) -> None:
    """The area ends five pixels before a window does; the thing reaches into the next window."""
    source = write_scene(tmp_path / "scene.tif", plant((64, 192), [("roof", 32, 54, -16)]).pixels)
    read = ReadOptions(tile=64, overlap=0)
    whole = find(source, "roof", model=encoder(), read=read, options=PLAIN).objects
    left, bottom, _, top = whole.total_bounds
    gpd.GeoDataFrame(geometry=[shapely.box(left - 5, bottom, 593_270 + 59 / 2, top)], crs=whole.crs).to_file(
        tmp_path / "aoi.gpkg"
    )
    cut = find(source, "roof", model=encoder(), options=replace(PLAIN, area=tmp_path / "aoi.gpkg")).objects
    assert cut.area_m2.tolist() == pytest.approx(whole.area_m2.tolist(), rel=0.001)


@pytest.mark.parametrize("refiner", ["none", "edges"])
def test_the_rim_of_a_rotated_scene_is_no_object(tmp_path: Path, refiner: str) -> None:
    """Read on a north-up grid it has corners without data."""
    things: list[Thing] = [("roof", 60, 60, 25), ("roof", 150, 190, 20)]
    turned = Affine.translation(593_270, 5_747_657) @ Affine.rotation(33) @ Affine.scale(0.5, -0.5)
    source = write_scene(tmp_path / "scene.tif", plant((200, 240), things).pixels, transform=turned)
    result = find(source, "roof", model=encoder(), read=READ, options=PLAIN, refiner=refiner)
    assert result.counts == {"roof": 2}


def test_no_data_is_no_object(tmp_path: Path) -> None:
    pixels = plant((96, 96), [("roof", 40, 40, 20)]).pixels
    pixels[:, :, :40] = 0
    source = write_scene(tmp_path / "scene.tif", pixels, nodata=0)
    for refiner in ("none", "edges"):
        found = find(source, "roof", model=encoder(), read=READ, options=PLAIN, refiner=refiner).objects
        assert len(found) == 1
        assert found.total_bounds[0] >= 593_270 + 20 - 0.5


def test_failed_windows_are_told_and_the_rest_is_found(tmp_path: Path) -> None:
    things: list[Thing] = [("roof", 40, 40, 12), ("roof", 200, 40, 12)]
    source = write_scene(tmp_path / "scene.tif", plant((256, 64), things).pixels)
    scribble(source, block=3)
    read = replace(READ, overlap=0)
    result = find(source, "roof", tmp_path / "roofs.gpkg", model=encoder(), read=read, options=PLAIN, refiner="edges")
    assert result.counts == {"roof": 1}
    assert [one.window.row for one in result.failed] == [192]
    assert result.to_json()["windows"]["failed"][0]["window"] == [192, 0, 64, 64]


def test_a_scene_without_a_readable_window_is_an_error(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", plant((64, 64), []).pixels)
    scribble(source, block=0)
    with pytest.raises(SourceError, match="no window"):
        find(source, "roof", tmp_path / "roofs.gpkg", model=encoder(), read=READ, options=PLAIN)
    assert not list(tmp_path.glob(".*"))


def test_an_area_without_a_readable_window_is_an_error(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", plant((192, 64), [("roof", 32, 32, 16)]).pixels)
    scribble(source, block=0)
    corner = shapely.box(593_271, 5_747_655, 593_272, 5_747_656)
    gpd.GeoDataFrame(geometry=[corner], crs=32631).to_file(tmp_path / "aoi.gpkg")
    options = replace(PLAIN, area=tmp_path / "aoi.gpkg")
    with pytest.raises(SourceError, match="no window of"):
        find(source, "roof", model=encoder(), read=replace(READ, overlap=0), options=options)


def test_places_without_a_readable_window_are_an_error(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", plant((192, 64), [("roof", 32, 32, 16)]).pixels)
    scribble(source, block=0)
    options = replace(PLAIN, points=write_points(tmp_path / "points.gpkg", [(593_272, 5_747_655)]))
    with pytest.raises(SourceError, match="1 windows failed"):
        find(source, None, model=encoder(), read=replace(READ, overlap=0), options=options)


def test_outlines_of_a_killed_run_are_cleared_away_by_a_run_that_refines_nothing(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "found.gpkg"
    with monkeypatch.context() as patch, pytest.raises(OutputError):
        patch.setattr("geoglot.tasks.find.find_result.write_frames", _full)
        find(scene, "roof", output, model=encoder(), read=READ, options=PLAIN, refiner=Edges())
    assert list(tmp_path.glob(".*outlines*"))
    find(scene, "roof", output, model=encoder(), read=READ, options=PLAIN)
    assert not list(tmp_path.glob(".*"))


KILLED = """
import os, signal, sys
from geoglot.tasks.find import refine_outlines
from geoglot.tasks.find.find import find
from geoglot.options import ReadOptions
from geoglot.tasks.refine.edges import Edges
from stubs import ColourScorer

class Killer:
    left = int(sys.argv[4])

    def __call__(self, *given):
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1
        return super().__call__(*given)

class KilledScorer(Killer, ColourScorer):
    pass

class KilledEdges(Killer, Edges):
    pass

refine_outlines._EVERY_SECONDS = 0
names = ("roof", "sand", "water")
scorer, refiner = (KilledScorer, Edges) if sys.argv[3] == "encoding" else (ColourScorer, KilledEdges)
read = ReadOptions(tile=64, overlap=16, batch=8)
model = scorer(names)
find(sys.argv[1], "roof, water", sys.argv[2], model=model, read=read, refiner=refiner())
"""


class CountedEdges(Edges):
    """Counts the views that it is shown."""

    views = 0

    def __call__(self, view: View, proposals: Sequence[CoarseMask]) -> list[Masks]:
        self.views += 1
        return super().__call__(view, proposals)


@pytest.mark.parametrize(("where", "calls"), [("encoding", 3), ("outlines", 2)])
def test_a_killed_run_goes_on_and_gives_the_same_bytes(scene: Path, tmp_path: Path, where: str, calls: int) -> None:
    read = ReadOptions(tile=64, overlap=16, batch=8)
    whole, edges = ColourScorer(NAMES), CountedEdges()
    straight, output = tmp_path / "straight.gpkg", tmp_path / "killed.gpkg"
    find(scene, "roof, water", straight, model=whole, read=read, refiner=edges)
    path = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    command = [sys.executable, "-c", KILLED, str(scene), str(output), where, str(calls)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not output.exists()
    rest, left = ColourScorer(NAMES), CountedEdges()
    find(scene, "roof, water", output, model=rest, read=read, refiner=left)
    if where == "encoding":
        assert 0 < rest.calls < whole.calls and left.views == edges.views
    else:
        assert rest.calls == 0 and left.views == edges.views - calls
    assert output.read_bytes() == straight.read_bytes()
    assert gpd.read_file(output, layer=0)["id"].is_unique
    assert (tmp_path / "killed.overlay.png").read_bytes() == (tmp_path / "straight.overlay.png").read_bytes()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("change", ["names", "refiner", "none"])
def test_finished_outlines_are_of_this_question_and_refiner(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    class Other(CountedEdges):
        def facts(self) -> dict[str, Any]:
            return {"name": "other"}

    monkeypatch.setattr(refine_outlines, "_EVERY_SECONDS", 0)
    output = tmp_path / "found.gpkg"
    with monkeypatch.context() as patch, pytest.raises(OutputError):
        patch.setattr("geoglot.tasks.find.find_result.write_frames", _full)
        find(scene, "roof", output, model=encoder(), read=READ, options=PLAIN, refiner=Edges())
    edges = Other() if change == "refiner" else CountedEdges()
    names = ["roof", "water"] if change == "names" else "roof"
    found = find(scene, names, output, model=encoder(), read=READ, options=PLAIN, refiner=edges)
    assert edges.views == (0 if change == "none" else len(found.objects))


def _full(*_: object) -> None:
    raise OutputError("the disk is full")


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are a thing of Unix")
@pytest.mark.parametrize(("kind", "room"), [("gpkg", 40_000), ("parquet", 2_000), ("geojson", 1_000), ("gpkg", 300)])
def test_a_full_disk_leaves_no_half_file_and_the_same_call_goes_on(
    scene: Path, tmp_path: Path, kind: str, room: int
) -> None:
    """Full when the objects are written, or when the first strip is."""
    import resource

    output, limits = tmp_path / f"found.{kind}", resource.getrlimit(resource.RLIMIT_FSIZE)
    options = replace(PLAIN, vectors=None if room < 1_000 else tmp_path)
    if options.vectors:  # so that only what is written in the end does not fit
        find(scene, "roof, water", model=encoder(), read=READ, options=options)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(OutputError, match="disk is full"):
            find(scene, "roof, water", output, model=encoder(), read=READ, options=options, refiner="edges")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir() if not path.name.endswith(".work")] == []
    result = find(scene, "roof, water", output, model=encoder(), read=READ, options=options, refiner="edges")
    assert result.counts == {"roof": 4, "water": 1}
    layer = {"layer": "objects"} if kind == "gpkg" else {}  # beside that of its style
    assert len(gpd.read_parquet(output) if kind == "parquet" else gpd.read_file(output, **layer)) == 5
    assert not list(tmp_path.glob(f".{output.name}*"))


def test_a_scene_that_changes_while_it_is_asked_is_refused(scene: Path, tmp_path: Path) -> None:
    source = tmp_path / "scene.tif"
    source.write_bytes(scene.read_bytes())
    with encode_scene(source, encoder(), read=READ) as encoded:
        os.utime(source, (1, 1))
        with pytest.raises(SourceError, match="was changed"):
            find(encoded, "roof", tmp_path / "roofs.gpkg", read=READ, options=PLAIN)
    assert not (tmp_path / "roofs.gpkg").exists()


def test_a_window_that_the_model_fails_on_is_told_and_tried_anew(scene: Path, tmp_path: Path) -> None:
    class Broken(ColourScorer):
        def __call__(self, pixels: Tensor) -> Tensor:
            answer = super().__call__(pixels)
            return answer * np.nan if self.calls == 1 else answer

    read, options = replace(READ, batch=1), replace(PLAIN, vectors=tmp_path)
    result = find(scene, "roof", model=Broken(NAMES), read=read, options=options)
    assert len(result.failed) == 1 and "not finite" in result.failed[0].reason
    again = find(scene, "roof", model=encoder(), read=read, options=options)
    assert not again.failed and again.counts == {"roof": 4}


@pytest.mark.parametrize(
    ("names", "output", "options", "error", "words"),
    [
        ("", None, {}, ClassesError, "no names were given; write them"),
        (None, None, {}, InputError, "--points"),
        ("roof", None, {"points": "x.gpkg"}, InputError, "give either names to find"),
        ("tower", None, {}, InputError, "knows no 'tower'"),
        ("roof", "roofs.kml", {}, InputError, ".gpkg"),
        ("roof", "no/roofs.gpkg", {}, OutputError, "mkdir -p"),
        ("roof", None, {"vectors": "none"}, InputError, "mkdir -p"),
        ("roof", None, {"area": "none.gpkg"}, InputError, "cannot be read as points or polygons"),
        (None, None, {"points": "none.gpkg", "min_score": 0.9}, InputError, "are for names"),
        (None, None, {"points": "none.gpkg"}, InputError, "cannot be read as points or polygons"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    scene: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    names: str | None,
    output: str | None,
    options: dict[str, str],
    error: type[Exception],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        find(scene, names, output, model=encoder(), read=READ, options=replace(PLAIN, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"min_score": 1.5}, {"min_area": -1.0}, {"min_area": 9.0, "max_area": 3.0}])
def test_options_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        FindOptions(**wrong)  # type: ignore[arg-type]
