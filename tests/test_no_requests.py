"""No door that opens rasters asks a server, opens a raster that a stranger names, or waits for a pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from geoglot.cli.main import cli
from geoglot.datasets.image_files import digest_of
from geoglot.datasets.masks import read_mask
from geoglot.errors import GeoglotError, SourceError
from geoglot.sources.imagery.scene_folder import LocalImagery, LocalImageryRecipe
from geoglot.sources.raster import open_raster
from geoglot.tasks.inspection import inspect_raster
from hostile_rasters import write_hostile_rasters, write_raster
from peers.http import Peer, Reply


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    peer = Peer(lambda _: Reply(b"", "image/tiff", 404))
    yield peer
    peer.close()


@pytest.fixture(scope="module")
def rasters(tmp_path_factory: pytest.TempPathFactory, peer: Peer) -> list[Path]:
    folder = tmp_path_factory.mktemp("hostile")
    other = write_raster(tmp_path_factory.mktemp("other") / "other.tif")
    return write_hostile_rasters(folder, peer.url, other)


def look_at(path: Path) -> float:
    """The mean of a thumbnail, for which GDAL takes overviews if there are any."""
    with open_raster(path) as raster:
        raster.fingerprint()
        raster.check_unchanged()
        return float(raster.thumbnail(16).pixels.mean())


def read_as_mask(path: Path) -> object:
    return read_mask(path, path)


@pytest.mark.parametrize("door", [inspect_raster, read_as_mask, digest_of])
def test_a_hostile_raster_asks_no_server(rasters: list[Path], peer: Peer, door: Callable[[Path], object]) -> None:
    for path in rasters[::3]:  # the doors open a raster in the same way
        try:
            door(path)
        except GeoglotError as error:
            assert "\n" not in str(error), path
        assert not peer.requests, path


def test_the_pixels_are_those_of_the_raster(rasters: list[Path], peer: Peer) -> None:
    """The overviews that it names may show another place, or ask a server for it."""
    means = []
    for path in rasters:
        try:
            means.append(look_at(path))
        except GeoglotError as error:
            assert "\n" not in str(error), path
        assert not peer.requests, path
    assert len(means) > 20 and np.ptp(means) < 0.02


def test_a_folder_goes_on_without_them(rasters: list[Path], peer: Peer) -> None:
    folder = rasters[0].parents[1]
    good = write_raster(folder / "good.tif")
    result = CliRunner().invoke(cli, ["classify", str(folder), "--classes", "houses, trees", "--whole", "--json"])
    assert result.exit_code == 3 and str(good) in result.stdout, result.output
    imagery = LocalImagery(LocalImageryRecipe(folder))
    assert good.name in imagery._opened.scenes and imagery.failed() and not peer.requests
    imagery.close()


@pytest.mark.parametrize("command", ["info", "segment", "find", "ask"])
def test_no_command_asks_a_server(tmp_path: Path, peer: Peer, command: str) -> None:
    path = write_raster(tmp_path / "a.tif", OVERVIEW_FILE=f"{peer.url}/a.tif")
    more = {
        "info": [],
        "segment": ["--classes", "houses", "--background", "trees", "-o", str(tmp_path / "map.tif")],
        "find": ["building", "-o", str(tmp_path / "found.gpkg")],
        "ask": ["How many buildings are there?"],
    }
    result = CliRunner().invoke(cli, [command, str(path), *more[command]])
    assert result.exit_code == 0, result.output
    assert not peer.requests


def test_the_server_counts() -> None:
    """Else it would count nothing by mistake."""
    peer = Peer(lambda _: Reply(b"", "image/tiff", 404))
    with pytest.raises(SourceError):
        open_raster(f"{peer.url}/a.tif")
    assert peer.requests
    peer.close()
