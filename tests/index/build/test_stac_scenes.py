from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
import shapely
from affine import Affine

from conftest import MakeGeotiff
from geoglot.errors import InputError, SourceError
from geoglot.index.build.build import Added, add, prepare
from geoglot.index.build.chip_pixels import read_chip
from geoglot.index.build.cluster import do_unit, join_units, write_plan
from geoglot.index.build.find_sources import list_sources
from geoglot.index.build.stac_scenes import read_catalogue, search_scenes
from geoglot.index.store.archive import Archive
from geoglot.index.store.cells import cells_at
from geoglot.options import IndexOptions, ReadOptions
from peers.country import write_cog
from peers.files import remote_files
from peers.stac import StacPeer, item_of, stac_peer
from stubs import PooledColours

MODEL = PooledColours()
OPTIONS = IndexOptions(scale="32m")
CORNER = (500_000.0, 5_400_000.0)


@pytest.fixture
def naip(tmp_path: Path) -> Iterator[tuple[StacPeer, np.ndarray]]:
    """A service with one scene of 2018 and one of 2020, whose files are 128 px a side."""
    pixels = np.random.default_rng(0).integers(1, 256, (3, 16, 16), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    (tmp_path / "cogs").mkdir()
    for name in ("old", "new"):
        write_cog(tmp_path / f"cogs/{name}.tif", pixels, Affine(1, 0, CORNER[0], 0, -1, CORNER[1]), 32632)
    with ExitStack() as stack:
        files = stack.enter_context(remote_files(tmp_path / "cogs"))
        outline = shapely.box(8.99, 48.74, 9.01, 48.76)
        items = [
            item_of(name, "naip", outline, f"{year}-07-01T15:00:00Z", {"image": f"{files.url}/{name}.tif"})
            for name, year in (("old", 2018), ("new", 2020))
        ]
        yield stack.enter_context(stac_peer(items, "naip")), pixels


def query(peer: StacPeer, **more: str) -> str:
    return f"stac:naip?{urlencode({'bbox': '8.9,48.7,9.1,48.8', 'url': peer.url, 'hosts': '127.0.0.1', **more})}"


def test_a_search_is_indexed_as_its_files_are(naip: tuple[StacPeer, np.ndarray], tmp_path: Path) -> None:
    peer, _ = naip
    added = add(tmp_path / "a", query(peer, datetime="2020-01-01/2020-12-31"), model=MODEL, options=OPTIONS)
    here = add(tmp_path / "b", tmp_path / "cogs" / "new.tif", model=MODEL, options=OPTIONS)
    assert added.chips == here.chips > 12 and not added.failed
    (there,), (local,) = (Archive.open(tmp_path / name).shards for name in "ab")
    np.testing.assert_array_equal(there.vectors, local.vectors)
    rows, expected = there.table().to_pylist(), local.table().to_pylist()
    for name in ("cell", "geometry", "window_row", "nodata", "resolution_m"):
        assert [row[name] for row in rows] == [row[name] for row in expected]
    assert str(rows[0]["time"]) == "2020-07-01 15:00:00+00:00" and rows[0]["source"].endswith("/new.tif")
    again = add(tmp_path / "a", query(peer), model=MODEL, options=OPTIONS)
    assert (again.sources, again.there, again.chips) == (2, 1, here.chips)


def test_units_of_a_search_can_be_done_elsewhere(naip: tuple[StacPeer, np.ndarray], tmp_path: Path) -> None:
    job = prepare(tmp_path / "a", query(naip[0]), model=MODEL, read=ReadOptions(), options=OPTIONS, progress=None)
    for file in write_plan(job, tmp_path / "plan"):
        do_unit(file, lambda name: MODEL)
    assert join_units(tmp_path / "a", tmp_path / "plan").chips > 24


_BOX = "stac:naip?bbox=1,2,3,4"


@pytest.mark.parametrize(
    "text",
    ["stac:naip", "stac:other?bbox=1,2,3,4", "stac:naip?bbox=1,2,3", f"{_BOX}&x=1", f"{_BOX}&datetime=soon",
     f"{_BOX}&url=http://x.org"],
)  # fmt: skip
def test_searches_that_cannot_be_read(text: str) -> None:
    with pytest.raises(InputError):
        list(search_scenes(text))


def item(name: str, href: str, **facts: object) -> dict[str, object]:
    properties = {"datetime": "2021-05-04T10:00:00Z", **facts}
    assets = {"visual": {"href": href, "type": "image/tiff"}, "thumbnail": {"href": "a.png", "type": "image/png"}}
    return {"type": "Feature", "id": name, "properties": properties, "assets": assets}


def test_a_catalogue_in_files_gives_times_and_clouds(make_geotiff: MakeGeotiff, tmp_path: Path) -> None:
    (tmp_path / "items").mkdir()
    pixels = np.random.default_rng(0).integers(1, 256, (3, 64, 64), dtype=np.uint8)
    make_geotiff(pixels, path=tmp_path / "items" / "a.tif")
    (tmp_path / "items" / "a.json").write_text(json.dumps(item("a", "./a.tif", **{"eo:cloud_cover": 12.5})))
    links = [{"rel": "self", "href": "collection.json"}, {"rel": "item", "href": "items/a.json"}]
    (tmp_path / "collection.json").write_text(json.dumps({"type": "Collection", "links": links}))
    added: Added = add(tmp_path / "x", tmp_path / "collection.json", model=MODEL)
    row = Archive.open(tmp_path / "x").shards[0].table().to_pylist()[0]
    assert added.chips > 4 and (row["cloud"], str(row["time"])) == (0.125, "2021-05-04 10:00:00+00:00")


def test_times_of_a_catalogue_are_brought_to_utc(tmp_path: Path) -> None:
    for text in ("2021-05-04T12:00:00+02:00", "2021-05-04T10:00:00"):
        (tmp_path / "a.json").write_text(json.dumps(item("a", "./a.tif", datetime=text)))
        [(_, time, _)] = read_catalogue(tmp_path / "a.json")
        assert time == "2021-05-04T10:00:00+00:00"
    (tmp_path / "a.json").write_text(json.dumps(item("a", "./a.tif", datetime="0001-01-01T00:00:00+14:00")))
    with pytest.raises(SourceError):
        list(read_catalogue(tmp_path / "a.json"))


def test_catalogues_that_lead_elsewhere_or_in_a_circle_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    for document in (item("a", "https://example.org/a.tif"), {"type": "Feature"}, {"type": "Catalog", "links": 3}, []):
        path.write_text(json.dumps(document))
        with pytest.raises(SourceError):
            list(read_catalogue(path))
    path.write_text(json.dumps({"type": "Catalog", "links": [{"rel": "child", "href": "c.json"}]}))
    with pytest.raises(SourceError, match="deep"):
        list(read_catalogue(path))
    assert "deep" in list_sources([path])[1][0][1]


def test_one_file_of_a_scene_does_not_show_its_colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.full((1, 64, 64), 7, np.uint8)
    write_cog(tmp_path / "red.tif", pixels, Affine(1, 0, CORNER[0], 0, -1, CORNER[1]), 32632)
    cell = "32m_{}_{}".format(*(int(axis[0]) for axis in cells_at(32.0, 9.0004, 48.7585)))
    assert read_chip(str(tmp_path / "red.tif"), cell, 32).pixels.shape == (3, 32, 32)  # a picture in grey
    monkeypatch.setattr("geoglot.index.build.chip_pixels.is_local", lambda source: False)
    with pytest.raises(SourceError, match="fewer than 3 bands"):
        read_chip(str(tmp_path / "red.tif"), cell, 32)
