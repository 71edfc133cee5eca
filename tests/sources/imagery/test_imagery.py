"""Scenes from a real STAC API and real COGs behind byte ranges, and from a folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from rasterio.io import MemoryFile

from conftest import MakeGeotiff
from geoglot.errors import InputError, ReadError, ServiceError, SourceError
from geoglot.geo import Grid
from geoglot.pairs.collect.collect_recipe import ImageryRecipe
from geoglot.pairs.collect.imagery import (
    Wanted,
    _facts,
    _fill,
    _is_done,
    _make_question,
    load_pixels,
    rank,
    to_uint8,
)
from geoglot.sources.areas import Box
from geoglot.sources.imagery.catalogues import CATALOGUES
from geoglot.sources.imagery.scene import Scene
from geoglot.sources.imagery.scene_folder import LocalImagery, LocalImageryRecipe
from geoglot.sources.imagery.stac import Stac, StacRecipe, catalogue_of, web_of
from geoglot.web.client import RequestPolicy
from peers.country import write_cog
from peers.files import TOKEN, remote_files
from peers.http import Fault, Reply, peer
from peers.stac import StacPeer, item_of, stac_peer

QUICK = RequestPolicy(per_second=5000.0, retries=3, timeout_s=2.0, wait_s=0.01)
CORNER = (500_000.0, 5_400_000.0)
HERE = Box(8.9, 48.7, 9.1, 48.8)


def grid(left: float, top: float, side: int, resolution: float = 1.0, epsg: int = 32632) -> Grid:
    return Grid(pyproj.CRS(epsg), Affine(resolution, 0, left, 0, -resolution, top), (side, side))


def textured(side: int, bands: int = 3, seed: int = 0) -> np.ndarray:
    """A scene that compresses as photographs do: smooth, with some grain."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(40, 200, (bands, side // 16, side // 16)).repeat(16, axis=1).repeat(16, axis=2)
    return (coarse + rng.normal(0, 4, coarse.shape)).clip(1, 255).astype(np.uint8)


def own_size(pixels: np.ndarray) -> int:
    """Bytes of a tile as a COG of its own, compressed as its scene is."""
    blocks = {"driver": "GTiff", "tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "DEFLATE"}
    profile = {"count": len(pixels), "height": pixels.shape[1], "width": pixels.shape[2], "dtype": pixels.dtype}
    with MemoryFile() as file:
        with file.open(
            crs="EPSG:32632", transform=Affine(1, 0, CORNER[0], 0, -1, CORNER[1]), **blocks, **profile
        ) as dataset:
            dataset.write(pixels)
        return len(file.read())


def test_a_window_of_a_cog_costs_little_more_than_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = textured(4096)
    write_cog(tmp_path / "scene.tif", scene, Affine(1, 0, CORNER[0], 0, -1, CORNER[1]), 32632)
    shares, rng = [], np.random.default_rng(0)
    with remote_files(tmp_path) as files:
        recipe = StacRecipe("naip", url="http://127.0.0.1", hosts=("127.0.0.1",))
        stac = Stac(recipe, web_of(recipe, QUICK))
        whole = Scene("s", "2020-01-01T00:00:00Z", None, {}, {"image": f"{files.url}/scene.tif"})
        for row, col in rng.integers(0, 4096 - 448, (8, 2)).tolist():
            before = files.sent.get("/scene.tif", 0)
            pixels = to_uint8(stac.read(whole, grid(CORNER[0] + col, CORNER[1] - row, 448)))
            spent = files.sent["/scene.tif"] - before
            assert np.array_equal(pixels, scene[:, row : row + 448, col : col + 448])
            shares.append(spent / own_size(pixels))
        stac.close()
    with capsys.disabled():
        size = (tmp_path / "scene.tif").stat().st_size
        print(
            f"\nbytes fetched for a tile of 448 px from a COG of {size / 1e6:.0f} MB in blocks of 256 px, by its own "
            f"compressed size: {np.mean(shares):.2f} (most {max(shares):.2f}) of 8 tiles"
        )
    assert max(shares) <= 4


SENTINEL = "sentinel-2-l2a"


@pytest.fixture
def sentinel(tmp_path: Path) -> Iterator[tuple[StacPeer, Stac]]:
    """Scenes of three days: one cloudy where the tile is, a clear one, and one that is cloudy all over."""
    with ExitStack() as stack:
        (tmp_path / "cogs").mkdir()
        files = stack.enter_context(remote_files(tmp_path / "cogs", signed=True))
        outline, items = shapely.box(8.9, 48.7, 9.1, 48.8), []
        facts = [("near", 3, 0.5, "03.01"), ("clear", 8, 0.2, "04.00")]
        facts += [("covered", 4, 60.0, "04.00"), ("later", 28, 0.1, "03.01")]
        at = {size: Affine(size, 0, CORNER[0], 0, -size, CORNER[1]) for size in (10, 20)}
        for name, day, cloud, baseline in facts:
            for band, value in (("B04", 600), ("B03", 900), ("B02", 1200)):
                stored = np.full((1, 256, 256), value + (1000 if baseline >= "04.00" else 0), np.uint16)
                write_cog(tmp_path / f"cogs/{name}-{band}.tif", stored, at[10], 32632)
            classes = np.full((1, 128, 128), 4, np.uint8)
            classes[:, :64] = 9 if name == "near" else 4
            write_cog(tmp_path / f"cogs/{name}-SCL.tif", classes, at[20], 32632)
            assets = {band: f"{files.url}/{name}-{band}.tif?sig=x" for band in ("B04", "B03", "B02", "SCL")}
            properties = {"eo:cloud_cover": cloud, "s2:processing_baseline": baseline}
            items.append(item_of(name, SENTINEL, outline, f"2021-06-{day:02d}T10:00:00Z", assets, **properties))
        api = stack.enter_context(stac_peer(items, SENTINEL))
        recipe = StacRecipe(
            "sentinel2-l2a-planetary", url=api.url, hosts=("127.0.0.1",), token_url=f"{files.url}/token"
        )
        stac = Stac(recipe, web_of(recipe, QUICK))
        yield api, stac
        stac.close()


def test_scenes_are_found_page_by_page_and_few_clouds_are_asked_for(sentinel: tuple[StacPeer, Stac]) -> None:
    _, stac = sentinel
    scenes = stac.scenes(HERE, None, None)
    assert sorted(scene.id for scene in scenes) == ["clear", "later", "near"]
    assert [scene.id for scene in stac.scenes(HERE, date(2021, 6, 20), date(2021, 6, 30))] == ["later"]
    assert not stac.scenes(Box(20.0, 48.0, 21.0, 49.0), None, None)
    assert all("sig" not in uri for scene in scenes for uri in scene.assets.values())


def test_the_nearest_clear_scene_is_taken(sentinel: tuple[StacPeer, Stac], tmp_path: Path) -> None:
    _, stac = sentinel
    rules, scenes = ImageryRecipe(days=30), stac.scenes(HERE, None, None)
    wanted = Wanted("t", grid(CORNER[0] + 200, CORNER[1] - 200, 64, 10.0), "2021-06-04T09:00:00", tmp_path / "t.npz")
    assert [scene.id for scene in rank(scenes, wanted, stac.newest, rules)] == ["near", "clear", "later"]
    assert [scene.id for scene in rank(scenes, wanted, stac.newest, ImageryRecipe(days=10))] == ["near", "clear"]
    _fill(wanted, stac, rank(scenes, wanted, stac.newest, rules), rules)
    pixels = load_pixels(wanted.path)
    # Reflectance 0.06, 0.09, 0.12 of 0.3, whether stored with an offset of 1000 or without.
    assert np.array_equal(pixels[:, 5, 5], np.round(np.array([0.2, 0.3, 0.4]) * 255))
    facts = str(np.load(wanted.path)["facts"])
    assert '"clear"' in facts and '"cloud": 0.0' in facts and TOKEN not in facts
    near = next(scene for scene in scenes if scene.id == "near")
    assert stac.read_cloud(near, wanted.grid) == pytest.approx(1.0)
    cloudy = stac.read(near, wanted.grid)
    assert np.array_equal(to_uint8(cloudy)[:, 5, 5], pixels[:, 5, 5])
    assert (cloudy.grid, cloudy.bands, cloudy.time) == (wanted.grid, ("red", "green", "blue"), near.moment)


def test_gaps_are_counted_and_told(sentinel: tuple[StacPeer, Stac], tmp_path: Path) -> None:
    _, stac = sentinel
    (clear,) = (scene for scene in stac.scenes(HERE, None, None) if scene.id == "clear")
    half = grid(CORNER[0] - 320, CORNER[1] - 200, 64, 10.0)
    tile = stac.read(clear, half)
    assert tile.valid.mean() == pytest.approx(0.5) and not tile.pixels[:, ~tile.valid].any()
    wanted = Wanted("t", half, "", tmp_path / "t.npz")
    _fill(wanted, stac, [clear], ImageryRecipe())
    assert (tmp_path / "t.none").read_text() == "no scene without gaps"
    _fill(wanted, stac, [clear], ImageryRecipe(most_nodata=0.5))
    assert wanted.path.exists()


def test_a_scene_in_another_zone_lands_on_the_grid(sentinel: tuple[StacPeer, Stac]) -> None:
    _, stac = sentinel
    (clear,) = (scene for scene in stac.scenes(HERE, None, None) if scene.id == "clear")
    x, y = pyproj.Transformer.from_crs(32632, 32633, always_xy=True).transform(CORNER[0] + 900, CORNER[1] - 900)
    tile = stac.read(clear, grid(round(x / 10) * 10, round(y / 10) * 10, 64, 10.0, 32633))
    assert tile.valid.all() and np.allclose(tile.pixels[:, 30, 30], np.array([0.2, 0.3, 0.4]), atol=1 / 255)


def test_no_host_is_read_that_nobody_named() -> None:
    recipe = StacRecipe("naip", url="http://127.0.0.1:1", hosts=("127.0.0.1",))
    stac = Stac(recipe, web_of(recipe, QUICK))
    for uri in ("http://169.254.169.254/x.tif", "/etc/passwd", "file:///etc/passwd", "/vsicurl/http://127.0.0.1/x.tif"):
        with pytest.raises(SourceError, match="names no host"):
            stac.read(Scene("s", "", None, {}, {"image": uri}), grid(*CORNER, 64))
    stac.close()


@pytest.mark.parametrize(("host", "followed"), [("127.0.0.1", True), ("localhost", False)])
def test_a_redirect_is_followed_to_hosts_that_are_named_alone(tmp_path: Path, host: str, followed: bool) -> None:
    scene = textured(512)
    write_cog(tmp_path / "scene.tif", scene, Affine(1, 0, CORNER[0], 0, -1, CORNER[1]), 32632)
    with remote_files(tmp_path) as files:
        elsewhere = f"{files.url.replace('127.0.0.1', host)}/scene.tif"
        with peer(lambda request: Reply(b"", status=302, headers={"Location": elsewhere})) as named:
            recipe = StacRecipe("naip", url="http://127.0.0.1", hosts=("127.0.0.1",))
            stac = Stac(recipe, web_of(recipe, QUICK))
            whole = Scene("s", "", None, {}, {"image": f"{named.url}/scene.tif"})
            if followed:
                assert np.array_equal(to_uint8(stac.read(whole, grid(*CORNER, 64))), scene[:, :64, :64])
                assert max(files.sent.values()) < (tmp_path / "scene.tif").stat().st_size
            else:
                with pytest.raises(ReadError, match=f"the recipe does not allow http://{host}"):
                    stac.read(whole, grid(*CORNER, 64))
            assert bool(files.requests) == followed and named.requests
            stac.close()


def test_a_cog_that_goes_on_failing_is_told_without_its_signature(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_cog(tmp_path / "scene.tif", textured(512), Affine(1, 0, CORNER[0], 0, -1, CORNER[1]), 32632)
    with remote_files(tmp_path, signed=True) as files:
        files.order(*[Fault("500", "/scene.tif", number) for number in range(40)])
        recipe = StacRecipe("naip", url="http://127.0.0.1", hosts=("127.0.0.1",), token_url=f"{files.url}/token")
        stac = Stac(recipe, web_of(recipe, QUICK))
        with pytest.raises(ServiceError) as caught, caplog.at_level("DEBUG"):
            stac.read(Scene("s", "", None, {}, {"image": f"{files.url}/scene.tif"}), grid(*CORNER, 64))
        stac.close()
    assert "scene.tif" in str(caught.value) and files.served
    assert "signature" not in str(caught.value) and "signature" not in caplog.text


def refused(status: int) -> Reply:
    return Reply(b"<html>no</html>", "text/html", status)


@pytest.mark.parametrize("fault", ["403", "no GeoTIFF", "damaged inside"])
def test_a_scene_that_is_refused_or_damaged_is_told_and_the_next_one_taken(tmp_path: Path, fault: str) -> None:
    (tmp_path / "cogs").mkdir()
    for name, seed in (("bad", 0), ("good", 1)):
        at = Affine(1, 0, CORNER[0], 0, -1, CORNER[1])
        write_cog(tmp_path / f"cogs/{name}.tif", textured(512, seed=seed), at, 32632)
    bad = tmp_path / "cogs/bad.tif"
    whole = bad.read_bytes()
    if fault == "no GeoTIFF":
        bad.write_bytes(b"<html>moved</html>" * 2000)
    elif fault == "damaged inside":
        bad.write_bytes(whole[:4096] + bytes(len(whole) - 4096))
    with remote_files(tmp_path / "cogs") as files:
        answer = files.answer
        if fault == "403":
            files.answer = lambda request: refused(403) if request.path == "/bad.tif" else answer(request)
        recipe = StacRecipe("naip", url="http://127.0.0.1", hosts=("127.0.0.1",))
        stac, wanted = Stac(recipe, web_of(recipe, QUICK)), Wanted("t", grid(*CORNER, 64), "", tmp_path / "t.npz")
        scenes = [Scene(name, "", None, {}, {"image": f"{files.url}/{name}.tif"}) for name in ("bad", "good")]
        with pytest.raises(ReadError, match=r"bad\.tif .*; run the same again later"):
            _fill(wanted, stac, scenes[:1], ImageryRecipe())
        assert not _is_done(wanted)
        _fill(wanted, stac, scenes, ImageryRecipe())
        assert np.array_equal(load_pixels(wanted.path), textured(512, seed=1)[:, :64, :64])
        assert "bad.tif" in _facts(wanted)["unread"][0] and not _is_done(wanted)
        files.answer = answer
        bad.write_bytes(whole)
        _fill(wanted, stac, scenes, ImageryRecipe())
        assert np.array_equal(load_pixels(wanted.path), textured(512)[:, :64, :64]) and _is_done(wanted)
        stac.close()


@pytest.mark.parametrize("status", [404, 410])
def test_a_scene_that_is_gone_is_not_waited_for(tmp_path: Path, status: int) -> None:
    with peer(lambda request: refused(status)) as there:
        recipe = StacRecipe("naip", url="http://127.0.0.1", hosts=("127.0.0.1",))
        stac, wanted = Stac(recipe, web_of(recipe, QUICK)), Wanted("t", grid(*CORNER, 64), "", tmp_path / "t.npz")
        _fill(wanted, stac, [Scene("s", "", None, {}, {"image": f"{there.url}/s.tif"})], ImageryRecipe())
        assert _facts(wanted)["why"] == "no scene that can be read" and _is_done(wanted) and len(there.requests) == 1
        stac.close()


@pytest.mark.parametrize("status", [403, 404])
def test_a_service_that_signs_nothing_is_no_scene_that_is_gone(tmp_path: Path, status: int) -> None:
    with peer(lambda request: refused(status)) as there:
        recipe = StacRecipe("naip", url=there.url, hosts=("127.0.0.1",), token_url=f"{there.url}/token")
        stac, wanted = Stac(recipe, web_of(recipe, QUICK)), Wanted("t", grid(*CORNER, 64), "", tmp_path / "t.npz")
        with pytest.raises(ServiceError, match=f"token answers HTTP {status}; run the same again later"):
            _fill(wanted, stac, [Scene("s", "", None, {}, {"image": f"{there.url}/s.tif"})], ImageryRecipe())
        assert not _is_done(wanted)
        stac.close()


def test_a_token_that_ended_by_the_service_s_clock_is_had_anew(tmp_path: Path) -> None:
    write_cog(tmp_path / "scene.tif", textured(512), Affine(1, 0, CORNER[0], 0, -1, CORNER[1]), 32632)
    with remote_files(tmp_path, signed=True) as files:
        recipe = StacRecipe("naip", url="http://127.0.0.1", hosts=("127.0.0.1",), token_url=f"{files.url}/token")
        stac = Stac(recipe, web_of(recipe, QUICK))
        stac._files._token, stac._files._expiry = "sig=of-yesterday", time.time() + 3600
        tile = stac.read(Scene("s", "", None, {}, {"image": f"{files.url}/scene.tif"}), grid(*CORNER, 64))
        stac.close()
    assert tile.valid.all()


class Searched:
    """A service that gives these items, whatever is asked."""

    def __init__(self, items: list[dict[str, object]]) -> None:
        self.items = items
        self.boxes: list[list[float]] = []

    def search(self, *, bbox: list[float], **asked: object) -> Searched:
        self.boxes.append(bbox)
        return self

    def items_as_dicts(self) -> Iterator[dict[str, object]]:
        yield from self.items


def test_scenes_that_cannot_be_meant_are_left_and_clouds_are_looked_at_here_too() -> None:
    recipe = StacRecipe("sentinel2-l2a")
    stac, box = Stac(recipe, web_of(recipe, QUICK)), shapely.box(8.9, 48.7, 9.1, 48.8)
    assets = dict.fromkeys(("red", "green", "blue", "scl"), "https://x/y.tif")

    def item(name: str, **changes: object) -> dict[str, object]:
        made = item_of(name, SENTINEL, box, "2021-06-01T10:00:00Z", assets, **{"eo:cloud_cover": 0.5})
        return made | changes

    clouds = {"datetime": "2021-06-01T10:00:00Z", "eo:cloud_cover": 40.0}
    untimed = {"datetime": None, "eo:cloud_cover": 0.1}
    stac._client = Searched([
        item("good"), item("nowhere", geometry=None), item("odd", geometry={"type": "Polygon", "coordinates": 3}),
        item("never", properties=untimed), item("cloudy", properties=clouds), item("bare", assets={}),
    ])  # fmt: skip
    assert [scene.id for scene in stac.scenes(HERE, None, None)] == ["good"]
    for items in ([{"id": 1}], ["x"]):
        stac._client = Searched(items)  # type: ignore[arg-type]
        with pytest.raises(ServiceError, match="in the form of STAC"):
            stac.scenes(HERE, None, None)
    stac.close()


def test_a_catalogue_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoglot.sources.imagery.stac._MOST_ITEMS", 5)
    recipe = StacRecipe("naip")
    stac = Stac(recipe, web_of(recipe, QUICK))
    one = item_of("a", "naip", shapely.box(8, 48, 9, 49), "2021-06-01T10:00:00Z", {"image": "https://x/y.tif"})
    stac._client = Searched([one] * 6)
    with pytest.raises(ServiceError, match="has no end: one search found more than 5 scenes"):
        stac.scenes(HERE, None, None)
    stac.close()


@pytest.mark.parametrize("text", ['{"a": 1}', "[]", '{"type": "Catalog", "id": "x"}'])
def test_what_is_no_stac_service_is_told(text: str) -> None:
    with peer(lambda request: Reply(text.encode())) as there:
        recipe = StacRecipe("naip", url=there.url, hosts=("127.0.0.1",))
        stac = Stac(recipe, web_of(recipe, QUICK))
        with pytest.raises(SourceError):
            stac.scenes(HERE, None, None)
        stac.close()


def test_presets_are_whole() -> None:
    for name, catalogue in CATALOGUES.items():
        assert [band.name for band in catalogue.bands] == ["red", "green", "blue"] and catalogue.hosts
        assert catalogue_of(StacRecipe(name)) == catalogue
        assert catalogue.newest == (catalogue.classes is None)
    with pytest.raises(InputError, match="hosts is missing"):
        catalogue_of(StacRecipe("naip", url="https://example.org"))


def test_a_folder_of_rasters_is_an_archive(make_geotiff: MakeGeotiff, tmp_path: Path) -> None:
    place = Affine(1, 0, CORNER[0], 0, -1, CORNER[1])
    for year, value in ((2014, 50), (2020, 200)):
        pixels = np.full((3, 256, 256), value, np.uint8)
        make_geotiff(pixels, "EPSG:32632", place, path=tmp_path / f"scene-{year}-05-06.tif")
    source = LocalImagery(LocalImageryRecipe(tmp_path, newest=False))
    scenes = source.scenes(HERE, None, None)
    assert [scene.time[:10] for scene in scenes] == ["2014-05-06", "2020-05-06"]
    assert [scene.time[:4] for scene in source.scenes(HERE, date(2019, 1, 1), None)] == ["2020"]
    wanted = Wanted("t", grid(CORNER[0] + 10, CORNER[1] - 10, 64), "2014-06-01T00:00:00", tmp_path / "t.npz")
    first = rank(scenes, wanted, source.newest, ImageryRecipe(days=60))[0]
    assert (to_uint8(source.read(first, wanted.grid)) == 50).all()
    assert not source.scenes(Box(0.0, 0.0, 1.0, 1.0), None, None)
    source.close()
    with pytest.raises(InputError, match="no folder"):
        LocalImagery(LocalImageryRecipe(tmp_path / "none"))


def test_a_raster_of_another_satellite_is_left_out_and_told(make_geotiff: MakeGeotiff, tmp_path: Path) -> None:
    place = Affine(1, 0, CORNER[0], 0, -1, CORNER[1])
    for name in ("S2A_MSIL2A_20200506T1.tif", "LC08_L2SP_20200507.tif"):
        counts = np.full((3, 64, 64), 900, np.uint16)
        make_geotiff(counts, "EPSG:32632", place, path=tmp_path / name, descriptions=["B4", "B3", "B2"])
    source = LocalImagery(LocalImageryRecipe(tmp_path, sensor="sentinel2-l2a"))
    assert [scene.id for scene in source.scenes(HERE, None, None)] == ["S2A_MSIL2A_20200506T1.tif"]
    assert len(source.unused()) == 1 and "LC08" in source.unused()[0] and "landsat-c2-l2" in source.unused()[0]
    source.close()


def fiji(side: int, resolution: float = 1.0) -> Grid:
    """A square whose middle lies on the antimeridian, in the zone east of it."""
    x, y = pyproj.Transformer.from_crs("OGC:CRS84", 32701, always_xy=True).transform(180.0, -17.0)
    return grid(round(x) - side / 2 * resolution, round(y) + side / 2 * resolution, side, resolution, 32701)


def test_a_tile_across_the_antimeridian_asks_for_two_small_boxes(tmp_path: Path) -> None:
    recipe = StacRecipe("naip")
    stac = Stac(recipe, web_of(recipe, QUICK))
    east, west = shapely.box(179.9, -17.1, 180.0, -16.9), shapely.box(-180.0, -17.1, -179.9, -16.9)
    item = item_of("a", "naip", east.union(west), "2021-06-01T10:00:00Z", {"image": "https://x/y.tif"})
    stac._client = Searched([item])
    tile, beside = (Wanted("t", one, "", tmp_path / "t.npz") for one in (fiji(256, 10.0), fiji(64)))
    (scene,) = _make_question(stac, ImageryRecipe(), [beside, tile]).scenes(stac)
    first, second = sorted(stac._client.boxes)
    assert first == pytest.approx([-180.0, -17.0, -179.988, -17.0], abs=0.013) and first[0] == -180
    assert second == pytest.approx([179.988, -17.0, 180.0, -17.0], abs=0.013) and second[2] == 180
    assert scene.covers(tile.grid) and not scene.covers(fiji(4096, 10.0))
    stac.close()


def test_a_raster_across_the_antimeridian_is_found_from_both_sides(make_geotiff: MakeGeotiff, tmp_path: Path) -> None:
    around = fiji(512)
    make_geotiff(np.full((3, 512, 512), 77, np.uint8), "EPSG:32701", around.transform, path=tmp_path / "fiji.tif")
    source, tile = LocalImagery(LocalImageryRecipe(tmp_path)), Wanted("t", fiji(64), "", tmp_path / "t.npz")
    for box in (Box(179.999, -17.1, 180.0, -16.9), Box(-180.0, -17.1, -179.999, -16.9)):
        assert len(source.scenes(box, None, None)) == 1
    assert not source.scenes(Box(-1.0, -17.1, 1.0, -16.9), None, None)
    (scene,) = _make_question(source, ImageryRecipe(), [tile]).scenes(source)
    assert scene.covers(tile.grid) and (to_uint8(source.read(scene, tile.grid)) == 77).all()
    source.close()
