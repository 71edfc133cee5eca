"""The parts of the map that need no server: heat, tiles, the cache, what it keeps."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from geoglot.app import of_scenes, workspace
from geoglot.app.guard import TooLarge
from geoglot.app.kept_vectors import trim_vectors
from geoglot.app.mercator import placed, tile_grid, zooms
from geoglot.app.of_labels import do_teach
from geoglot.app.pictures import describe_scene, read_onto
from geoglot.app.routes_scenes import keep
from geoglot.app.tile_cache import TileCache
from geoglot.app.workspace import UnknownId, Workspace
from geoglot.errors import InputError, OutputError, SourceError
from geoglot.geo import Grid
from geoglot.outputs.own import own_folder
from geoglot.scene.class_words import parse_classes
from geoglot.scene.consult_bands import consult_bands
from geoglot.scene.dense import dense_of
from geoglot.scene.encoded_scene import EncodedScene, encode_scene
from geoglot.scene.score_field import ScoreField
from geoglot.sources.raster import open_raster
from geoglot.sources.scene_day import period_of
from geoglot.tasks.find import heat as heat_module
from geoglot.tasks.find.heat import Heat
from geoglot.tasks.find.heat_map import STEPS, HeatMap, byte_of
from mapserver import copy_demo


@pytest.mark.parametrize("by_pixel", [True, False])
def test_heat_that_grew_is_the_heat_of_the_finished_scene(
    tmp_path: Path, by_pixel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that were written early are those that a finished scene gives; scores are those of `find`."""
    if not by_pixel:
        monkeypatch.setattr(heat_module, "_MOST_PIXELS", 1)
    dense, words = dense_of("mini"), parse_classes(["building", "trees"])
    question, known = dense.question(words, None, ("a satellite photo of {}",)), list[int]()
    with open_raster(copy_demo(tmp_path), resolution=dense.card.resolution) as raster:
        evidence = consult_bands(raster, words, "words+bands", compete=False).evidence
        heat = Heat(tmp_path, question, evidence)

        def show(scene: EncodedScene, rows: int) -> None:
            heat.fill(scene, rows)
            known.append(int((HeatMap.open(tmp_path).bytes[0] > 0).any(1).sum()))

        with encode_scene(raster, dense, finished=show) as scene:
            show(scene, scene.plan.lattice[0])
            shown = HeatMap.open(tmp_path)
            for index in range(2):
                mine = evidence if evidence and evidence.judges_name(index) else None
                field = ScoreField(scene, question, index, mine)
                block = scene.plan.lattice_window.within(scene.plan.lattice_window)
                scores = field.read(raster.grid.whole) if by_pixel else field.patches(
                    block._replace(height=scene.plan.lattice[0], width=scene.plan.lattice[1]))  # fmt: skip
                there = shown.bytes[index] > 0
                assert there.mean() > 0.95
                error = np.abs((shown.bytes[index][there].astype(float) - 1) / STEPS - scores[there])
                assert error.max() <= 0.5 / STEPS + 1e-5
    assert known == sorted(known)
    assert 0 < known[0] < known[-1] == shown.grid.shape[0]
    assert shown.areas(0).sum() == pytest.approx(90_000, rel=0.02 if by_pixel else 0.06)  # patches reach beyond


def test_the_byte_of_a_score() -> None:
    assert [byte_of(score) for score in (0.0, 0.5, 1.0)] == [1, 128, 255]


def test_a_tile_shows_what_the_raster_holds(tmp_path: Path) -> None:
    """Read on the Mercator grid, and again from pixels that were averaged first, a scene looks the same."""
    with open_raster(copy_demo(tmp_path)) as raster:
        near, valid = read_onto(raster, tile_grid(17, 67122, 43371))
        wide, seen = read_onto(raster, tile_grid(15, 67122 // 4, 43371 // 4))
    row, col = (43371 % 4) * 64, (67122 % 4) * 64
    small = near.reshape(3, 64, 4, 64, 4).mean((2, 4))
    both = valid.reshape(64, 4, 64, 4).all((1, 3)) & seen[row : row + 64, col : col + 64]
    assert both.any()
    assert np.abs(small - wide[:, row : row + 64, col : col + 64])[:, both].mean() < 0.03


def test_a_scene_without_a_place_lies_around_the_middle_of_the_map() -> None:
    grid = placed(Grid(None, Affine.identity(), (100, 200)))
    lon, lat = grid.to_lonlat(50, 100)
    assert (float(lon), float(lat)) == pytest.approx((0, 0))
    least, most = zooms(grid)
    assert least < most == 18


def test_bottom_up_rasters_are_shown_the_right_way(tmp_path: Path, make_geotiff) -> None:  # type: ignore[no-untyped-def]
    pixels = np.full((3, 64, 64), 20, np.uint8)
    pixels[:, :32] = 250  # the first rows, which lie in the south
    path = make_geotiff(pixels, crs=3857, transform=Affine(1, 0, 100, 0, 1, 100))
    with open_raster(path) as raster:
        shown, valid = read_onto(raster, Grid(placed(raster.native).crs, Affine(1, 0, 100, 0, -1, 164), (64, 64)))
    assert valid.all()
    assert shown[:, :31].mean() < 0.2
    assert shown[:, 33:].mean() > 0.9


def test_the_cache_forgets_what_was_not_asked_for_longest() -> None:
    cache = TileCache(most=10)
    for name in "abc":
        cache.put(name, b"1234")
    assert [cache.get(name) for name in "abc"] == [None, b"1234", b"1234"]
    cache.put("b", b"12345678")
    assert cache.get("c") is None


def test_vectors_beyond_the_bound_go_the_oldest_first(tmp_path: Path) -> None:
    folders = [tmp_path / f".{name}.work" for name in "abc"]
    for age, folder in enumerate(folders):
        own_folder(folder)
        (folder / "seen-000000000.npy").write_bytes(b"x" * 1000)
        os.utime(folder, (1e9 + age, 1e9 + age))
    os.utime(folders[1])  # in use
    trim_vectors(tmp_path, most=2700)
    assert [folder.exists() for folder in folders] == [False, True, True]


def test_vectors_that_another_child_removes_meanwhile_are_passed_over(tmp_path: Path) -> None:
    own_folder(folder := tmp_path / ".a.work")
    (folder / "seen-000000000.npy").symlink_to(tmp_path / "gone")  # it was there when the folder was listed
    trim_vectors(tmp_path)
    assert folder.exists()


@pytest.mark.parametrize("kind", ["heat", "find", "ask"])
def test_work_that_keeps_vectors_makes_room_for_them(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trimmed = list[Path]()
    monkeypatch.setattr(of_scenes, "trim_vectors", trimmed.append)
    asked = {"question": "how many ponds?"} if kind == "ask" else {"words": "pond"}
    task = {"body": {"scene": "x", **asked}, "folder": str(tmp_path), "model": ("mini", ""),
            "source": str(tmp_path / "gone.tif"), "vectors": str(tmp_path / "vectors")}  # fmt: skip
    with pytest.raises(SourceError):
        getattr(of_scenes, f"do_{kind}")(task, lambda **_: None)
    assert trimmed == [tmp_path / "vectors"]


def test_a_lesson_takes_the_model_that_its_child_has_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_scenes.warm({"model": ("mini", "")}, lambda **_: None)
    monkeypatch.setattr("geoglot.models.zoo.load_weights", None)
    point = {"type": "Point", "coordinates": [99, 9]}
    labels = {"type": "FeatureCollection",
              "features": [{"type": "Feature", "properties": {"class": "roof"}, "geometry": point}]}  # fmt: skip
    task = {"body": {"scene": "x", "labels": labels, "name": "roofs"}, "folder": str(tmp_path), "model": ("mini", ""),
            "source": str(copy_demo(tmp_path)), "output": str(tmp_path / "roofs")}  # fmt: skip
    with pytest.raises(InputError, match="no label"):  # after the model was taken
        do_teach(task, lambda **_: None)


def test_what_is_sent_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    async def parts(fault: Exception | None = None) -> AsyncIterator[bytes]:
        yield b"1234"
        if fault:
            raise fault
        yield b"5678"

    path = tmp_path / "scene.tif"
    asyncio.run(keep(path, parts(), 8))
    assert path.read_bytes() == b"12345678"
    faults = (TooLarge, parts(), 7), (OutputError, parts(OSError(28, "No space left on device")), 8)
    for kind, sent, most in faults:
        with pytest.raises(kind) as told:
            asyncio.run(keep(path, sent, most))
        assert not path.exists()
        assert str(tmp_path) not in str(told.value)


def test_folders_that_systems_write_are_no_scenes(tmp_path: Path) -> None:
    copy_demo(tmp_path)
    (tmp_path / "__MACOSX").mkdir()
    copy_demo(tmp_path / "__MACOSX")
    assert len(Workspace.open(tmp_path / "cache", [tmp_path]).of_kind("scene")) == 1


def test_names_of_models_and_files_are_plain(tmp_path: Path) -> None:
    space = Workspace.open(tmp_path, [copy_demo(tmp_path)])
    for name in ("../x", "/x", "", ".x", "mini", "x" * 61, "a\nb"):
        with pytest.raises(InputError):
            space.taught_folder(name)
    with pytest.raises(UnknownId):
        space.model("roofs")
    assert space.upload_path("../../../etc/a b.TIF", "0" * 64) == tmp_path / "uploads" / "a-b-aaaaaaaa.tif"


def test_a_model_that_was_given_is_known_by_its_folder_and_by_what_lies_there(tmp_path: Path) -> None:
    """It may be taught anew outside of the map, and be called as the bundled model is."""
    for name in ("roofs", "mini"):
        given = tmp_path / name
        given.mkdir()
        (given / "card.json").touch()
        space = Workspace.open(tmp_path / "space", [], [given, "mini"])
        before = space.model(name)
        os.utime(given / "card.json", ns=(1, 10**18))
        os.utime(given, ns=(1, 1))
        assert before[0] == str(given) and space.model(name) == (str(given), str(10**18)) != before
    gone = Workspace.open(tmp_path / "space", [], [tmp_path / "gone"])
    assert gone.model("gone") == (str(tmp_path / "gone"), "")


@pytest.mark.parametrize("digest", ["20190101", "a2019bcd", "1999ffff"])
@pytest.mark.parametrize("name", ["port.tif", "port_2024-05-31.tif"])
def test_a_dropped_file_has_the_name_and_the_date_that_it_came_with(tmp_path: Path, digest: str, name: str) -> None:
    space = Workspace.open(tmp_path, [])
    path = space.upload_path(name, digest)
    assert period_of(str(path), None) == period_of(name, None)
    assert space.add_upload(path).name == name


@pytest.mark.parametrize(
    ("name", "time"), [("x.tif", None), ("x_2024-05-31.tif", "2024-05-31"), ("x_1990.tif", "1990")]
)
def test_a_scene_has_the_date_that_change_takes(tmp_path: Path, name: str, time: str | None) -> None:
    facts, _ = describe_scene({"source": str(copy_demo(tmp_path).rename(tmp_path / name))}, lambda **_: None)
    assert facts["time"] == time


def test_the_last_pictures_to_search_by_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "MOST_PICTURES", 2)
    space = Workspace.open(tmp_path, [])
    for age, name in enumerate(("new.png", "older.png", "oldest.png", ".being-written.png")):
        (tmp_path / "pictures" / name).write_bytes(b"")
        os.utime(tmp_path / "pictures" / name, ns=(10**18 - age, 10**18 - age))
    space.trim_pictures()
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == [
        ".being-written.png",
        "new.png",
        "older.png",
    ]
    with pytest.raises(UnknownId):
        space.picture("oldest.png")
