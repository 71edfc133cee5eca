"""Sources that change, and servers that are killed, while a map is open: nothing of before is shown as what is now."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from geoglot.app import of_archives
from geoglot.app.children import Pool
from geoglot.app.jobs import Jobs
from geoglot.app.state import State
from geoglot.app.tile_cache import TileCache
from geoglot.app.workspace import Workspace
from geoglot.errors import ChildError, GeoglotError, LimitError, SourceError
from geoglot.index.build.build import add
from geoglot.index.store.archive import Archive
from mapserver import Served, copy_demo, serve


class Readers(Pool):
    """A child that answers with errors, and then with facts."""

    def __init__(self, errors: list[GeoglotError]) -> None:
        super().__init__(0, 0)
        self._errors = errors

    async def do(self, task: str, body: dict[str, Any], seconds: float) -> tuple[dict[str, Any], bytes]:
        if self._errors:
            raise self._errors.pop()
        return {"time": "2024"}, b""


@pytest.mark.parametrize(("error", "again"), [(LimitError, True), (ChildError, True), (SourceError, False)])
def test_only_what_is_wrong_with_the_file_is_remembered(tmp_path: Path, error: type[GeoglotError], again: bool) -> None:
    async def main() -> list[bool]:
        space = Workspace.open(tmp_path / "work", [copy_demo(tmp_path)])
        readers = Readers([error("not now")])
        state = State(space, readers, Jobs(tmp_path, readers, lambda _: {}, 1), TileCache(), None, 0)
        [scene] = space.of_kind("scene")
        return ["error" in await state.describe(scene) for _ in range(2)]

    assert asyncio.run(main()) == [True, not again]


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("a/2023", "a/2024", "b/2024", "c"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / ("x.tif" if folder != "c" else "y.tif")).touch()
    space = Workspace.open(tmp_path / "work", [tmp_path / "a", tmp_path / "b", tmp_path / "c"])
    names = [source.name for source in space.of_kind("scene")]
    assert names == ["2023/x.tif", "a/2024/x.tif", "b/2024/x.tif", "y.tif"]


def test_a_name_that_is_not_utf8_costs_its_file_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "good.png").touch()
    Path(os.fsdecode(os.fsencode(folder) + b"/b\xfcd.png")).touch()
    space = Workspace.open(tmp_path / "work", [folder])
    assert [source.name for source in space.of_kind("scene")] == ["good.png"]
    assert space.of_kind("folder")[0].content
    assert "not UTF-8" in caplog.text


def test_what_a_killed_server_left_of_files_that_were_sent_is_removed(tmp_path: Path) -> None:
    space = Workspace.open(tmp_path, [])
    kept = space.upload_path("ä b.tif", "0" * 8)
    left = [tmp_path / "uploads" / ".x.tif.1.part", tmp_path / "pictures" / ".area.00.zip"]
    for path in (kept, *left):
        path.touch()
    space.clear_drafts()
    assert kept.exists()
    assert not any(path.exists() for path in left)


def test_a_picture_that_changed_in_a_folder_is_other_work(tmp_path: Path) -> None:
    (tmp_path / "pictures" / "deep").mkdir(parents=True)
    path = tmp_path / "pictures" / "deep" / "a.png"
    path.write_bytes(b"a")
    [folder] = Workspace.open(tmp_path / "work", [tmp_path / "pictures"]).of_kind("folder")
    before = folder.content
    assert folder.content == before
    os.utime(path, ns=(1, 1))
    assert folder.content != before


def test_a_chip_keeps_its_number_when_others_come(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(6):
        pixels = rng.integers(0, 255, (64, 64, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        add(tmp_path / "archive", [tmp_path / f"{number}.png"])
        archive = Archive.open(tmp_path / "archive")
        if not number:
            first, name = of_archives._number_of(archive, 0), archive.shards[0].name
            assert 0 <= first < 2**53
        row = of_archives._row_of(archive, first)
        assert row is not None
        assert archive.shards[archive.locate(np.array([row]))[0][0]].name == name
    assert of_archives._row_of(archive, first + 1) is None
    assert of_archives._row_of(archive, 0) is None


def test_the_item_of_a_source_across_the_antimeridian_lies_there(tmp_path: Path) -> None:
    import shapely
    from shapely.geometry import shape

    row = {"bbox": {"xmin": 179.0, "ymin": -1.0, "xmax": -179.0, "ymax": 1.0}, "time": None, "source": "/a.tif",
           "chips": 1, "scale_m": 1.0}  # fmt: skip
    ground = shape(of_archives._item("x", row)["geometry"])
    assert ground.area == pytest.approx(4)
    assert [ground.intersects(shapely.Point(lon, 0)) for lon in (179.5, -179.5, 0)] == [True, True, False]


def test_a_replaced_scene_is_shown_by_a_browser_that_knew_it(tmp_path: Path) -> None:
    path = tmp_path / "scene.png"
    Image.new("RGB", (64, 64), "red").save(path)
    with serve([path], tmp_path / "cache") as running:
        [scene] = running.ask("/api/state").json()["scenes"]
        picture = f"/api/scenes/{scene['id']}/thumbnail.png"
        first = running.ask(picture)
        assert "no-cache" in first.headers["cache-control"]
        known = {"if-none-match": first.headers["etag"]}
        again = running.ask(picture, headers=known)
        assert (again.status, again.body) == (304, b"")
        Image.new("RGB", (64, 64), "blue").save(path)
        assert running.ask(picture, headers=known).status == 200


@pytest.mark.parametrize("query", ["filter=a", "sortby=b", "query=c"])
def test_stac_refuses_what_it_would_not_obey(served: Served, query: str) -> None:
    [archive] = served.ask("/stac/collections").json()["collections"]
    for path in ("/stac/search", f"/stac/collections/{archive['id']}/items"):
        assert served.ask(f"{path}?limit=1").status == 200
        assert served.ask(f"{path}?limit=1&{query}").status == 400
    name, _, value = query.partition("=")
    assert served.ask("/stac/search", {"limit": 1, name: None}).status == 200
    assert served.ask("/stac/search", {"limit": 1, name: value}).status == 400


def test_a_file_that_is_dropped_again_stays_open_when_it_cannot_be_looked_at_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (64, 64)).save(path)
    with serve([path], tmp_path / "cache") as running:
        drop = lambda: running.ask("/api/scenes?name=mine.png", path.read_bytes())  # noqa: E731
        names = lambda: [scene["name"] for scene in running.ask("/api/state").json()["scenes"]]  # noqa: E731
        assert (drop().status, names()) == (201, ["a.png", "mine.png"])

        async def busy(*_: Any) -> None:
            raise LimitError("this took more than 60 s")

        with monkeypatch.context() as patch:
            patch.setattr(Pool, "do", busy)
            assert drop().status == 422
        assert names() == ["a.png", "mine.png"]
