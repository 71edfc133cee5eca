from __future__ import annotations

import os
import struct
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
from PIL import Image

from conftest import UTM, MakeGeotiff
from geoglot.errors import GeoglotError, SourceError
from geoglot.sources.gdal import gdal_options, open_dataset, open_handle
from geoglot.sources.raster import open_raster
from geoglot.sources.vectors import read_vectors
from geoglot.tasks.inspection import inspect_raster


@pytest.fixture
def remote() -> Iterator[tuple[str, list[str]]]:
    """A host that notes what it is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_what_is_no_image_is_one_sentence(tmp_path: Path, make_geotiff: MakeGeotiff) -> None:
    text = tmp_path / "notes.tif"
    text.write_text("not an image")
    with pytest.raises(SourceError, match="cannot be opened as an image"):
        open_handle(str(text))
    with pytest.raises(SourceError, match="No such file"):
        open_handle(str(tmp_path / "missing.tif"))
    with pytest.raises(SourceError, match=r"did you mean .*notes\.tif\?"):
        open_handle(str(tmp_path / "note.tif"))
    with pytest.raises(SourceError, match="there is no folder"):
        open_handle(str(tmp_path / "none/notes.tif"))
    with pytest.raises(SourceError, match="is a folder"):
        open_handle(str(tmp_path))
    with pytest.raises(SourceError, match="complex"):
        open_handle(str(make_geotiff(np.ones((1, 8, 8), np.complex64))))


def test_drivers_outside_the_list_are_refused(tmp_path: Path, make_geotiff: MakeGeotiff) -> None:
    image = make_geotiff(np.ones((1, 16, 16), np.uint8))
    hidden = tmp_path / "really_a_vrt.tif"
    hidden.write_text(
        '<VRTDataset rasterXSize="16" rasterYSize="16"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        f"<SourceFilename>{image}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(SourceError, match="cannot be opened as an image"):
        open_handle(str(hidden))
    with pytest.raises(SourceError, match="is a VRT"):
        open_handle(str(tmp_path / "mosaic.vrt"))
    grid = make_geotiff(np.ones((1, 16, 16), np.float32), driver="AAIGrid", path=tmp_path / "dem.asc")
    with pytest.raises(SourceError, match="cannot be opened as an image"):
        open_handle(str(grid))


def test_a_local_file_cannot_call_a_host(
    make_geotiff: MakeGeotiff, remote: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = remote
    monkeypatch.setenv("GDAL_HTTP_TIMEOUT", "2")
    path = make_geotiff(np.ones((1, 600, 600), np.uint8))
    hint = f'<MDI key="OVERVIEW_FILE">/vsicurl/{url}/overviews.tif</MDI>'
    Path(f"{path}.aux.xml").write_text(f'<PAMDataset><Metadata domain="OVERVIEWS">{hint}</Metadata></PAMDataset>')
    with open_dataset(str(path)) as dataset:
        assert dataset.overviews(1) == []
        dataset.read(out_shape=(1, 8, 8))
    assert asked == []
    with pytest.raises(SourceError):  # the caller names this host, so it is asked
        open_handle(f"{url}/scene.tif")
    assert any("scene.tif" in path for path in asked)


def test_the_cache_of_gdal_is_bounded() -> None:
    with gdal_options("scene.tif"):
        assert rasterio.env.getenv()["GDAL_CACHEMAX"] == 128 * 2**20  # bytes: rasterio does not take megabytes


def test_options_hold_until_the_outermost_block_ends() -> None:
    def allowed() -> object:
        return rasterio.env.getenv().get("CPL_VSIL_CURL_ALLOWED_FILENAME")

    with gdal_options("scene.tif"):
        with gdal_options("other.tif"):
            pass
        assert allowed() == "none"
        with gdal_options("https://host/a.tif"):
            assert allowed() == "/vsicurl/https://host/a.tif"
            with gdal_options("scene.tif"):
                assert allowed() == "none"
            assert allowed() == "/vsicurl/https://host/a.tif"
        assert allowed() == "none"
    with gdal_options("scene.tif"):  # and again afterwards
        assert allowed() == "none"


HINT = '<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">{}</MDI></Metadata></PAMDataset>'


@pytest.mark.parametrize("how", ["in the file", "beside it", "of another name"])
def test_overviews_that_are_another_raster_are_not_opened(
    make_geotiff: MakeGeotiff, rng: np.random.Generator, remote: tuple[str, list[str]], how: str
) -> None:
    url, asked = remote
    path = make_geotiff(rng.integers(0, 255, (3, 600, 600)).astype(np.uint8))
    other = make_geotiff(np.full((3, 300, 300), 7, np.uint8))
    for target in (str(other), f"{url}/a.tif", f"vrt://{url}/a.tif", f"WMS:{url}"):
        hint = "overview_file" if how == "of another name" else "OVERVIEW_FILE"
        if how == "beside it":
            Path(f"{path}.aux.xml").write_text(HINT.format(target))
        else:
            with rasterio.open(path, "r+") as dataset:
                dataset.update_tags(ns="OVERVIEWS", **{hint: target})
        with open_raster(path) as raster:
            assert raster.thumbnail(100).pixels.mean() == pytest.approx(0.5, abs=0.02)
            raster.check_unchanged()
    assert asked == []


@pytest.mark.parametrize("suffix", [".ovr", ".msk", ".ovr.ovr", ".msk.ovr"])
def test_what_lies_beside_a_raster_is_a_tiff_of_its_own(make_geotiff: MakeGeotiff, suffix: str) -> None:
    path = make_geotiff(np.ones((1, 600, 600), np.uint8))
    make_geotiff(np.ones((1, 300, 300), np.uint8), path=Path(f"{path}{suffix[:4]}"))
    open_handle(str(path)).close()
    beside = Path(path.parent / f"{path.name}{suffix}")
    beside.write_text('<VRTDataset rasterXSize="300" rasterYSize="300"></VRTDataset>')
    with pytest.raises(SourceError, match=suffix):
        open_handle(str(path))


def bare_tiff(path: Path, width: int, height: int, rows: int, bands: int = 1) -> Path:
    """A few hundred bytes that declare this size."""
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 200), (277, 3, 1, bands), (278, 4, 1, rows), (279, 4, 1, 100)]
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + body + bytes(200))
    return path


@pytest.mark.parametrize(
    ("width", "height", "rows", "bands"),
    [
        (2**31 - 1, 2**31 - 1, 2**31 - 1, 1),
        (2**31 - 1, 1, 1, 1),
        (1, 2**31 - 1, 1, 1),
        (100_000, 100_000, 100_000, 1),
        (20_000, 20_000, 1, 1),
        (40_000_000, 1, 1, 1),
        (20_000, 20_000, 16, 65_535),
    ],
)
def test_a_size_that_no_file_of_its_length_holds_is_refused(
    tmp_path: Path, width: int, height: int, rows: int, bands: int
) -> None:
    with pytest.raises(SourceError, match=r"declares|cannot be opened"):
        open_handle(str(bare_tiff(tmp_path / "a.tif", width, height, rows, bands)))


def test_blocks_beyond_memory_are_refused(make_geotiff: MakeGeotiff, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoglot.sources.raster_guard._MAX_BLOCK_BYTES", 64 * 64 * 2 * 2)
    open_handle(str(make_geotiff(np.ones((2, 128, 128), np.uint16)))).close()
    with pytest.raises(SourceError, match="MiB in memory"):
        open_handle(str(make_geotiff(np.ones((3, 128, 128), np.uint16), interleave="pixel")))
    open_handle(str(make_geotiff(np.ones((3, 128, 128), np.uint16), interleave="band"))).close()


def test_a_sparse_raster_is_none_of_those(tmp_path: Path) -> None:
    path = tmp_path / "sparse.tif"
    form = {"width": 200_000, "height": 200_000, "count": 1, "dtype": "uint8", "tiled": True, "sparse_ok": True}
    with rasterio.open(path, "w", driver="GTiff", crs="EPSG:32631", transform=UTM, bigtiff="YES", **form):
        pass
    open_handle(str(path)).close()


@pytest.mark.parametrize("name", ["a.tif", "a.tif.ovr", "a.tif.msk", "a.tfw", "a.TFW", "a.wld"])
def test_nobody_waits_for_a_pipe(make_geotiff: MakeGeotiff, tmp_path: Path, name: str) -> None:
    path = make_geotiff(np.ones((3, 64, 64), np.uint8), None, None, path=tmp_path / "a.tif")
    if name == path.name:
        path.unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(SourceError, match=r"a device or a pipe|remove it"):
        open_raster(path)


@pytest.mark.parametrize("name", ["", "x" * 5000, "a\0b.tif"])
def test_names_that_no_file_can_have_are_none_of_a_file(name: str) -> None:
    with pytest.raises(SourceError, match="No such file"):
        open_raster(name)


def test_a_picture_that_is_large_by_being_empty_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (1500, 1500)).save(path)
    open_handle(str(path)).close()
    monkeypatch.setattr("geoglot.sources.raster_guard._MAX_UNPACKED", 1500 * 1500)
    with pytest.raises(SourceError, match="packed more closely than any picture"):
        open_handle(str(path))


def test_metadata_that_make_gdal_raise_are_told_at_every_door(make_geotiff: MakeGeotiff) -> None:
    path = make_geotiff(np.ones((3, 64, 64), np.uint8))
    Path(f"{path}.aux.xml").write_text('<PAMDataset><SRS>PROJCS["x",GEOGCS["y"]]</SRS></PAMDataset>', "utf-8")
    for door in (open_raster, inspect_raster):
        with pytest.raises(GeoglotError, match=r"aux\.xml|a file beside it"):
            door(path)


def process_state() -> list[object]:
    """What a thread could change for all others."""
    names = ("CPL_VSIL_CURL_ALLOWED_FILENAME", "GDAL_HTTP_PROXY", "GDAL_DISABLE_READDIR_ON_OPEN", "OGR_CURRENT_DATE")
    gdals = (rasterio.env.get_gdal_config, pyogrio.get_gdal_config_option)
    return [[get(name) for get in gdals for name in names], list(warnings.filters), dict(os.environ)]


def test_threads_that_read_do_not_change_each_others_state(make_geotiff: MakeGeotiff, tmp_path: Path) -> None:
    plain = make_geotiff(np.full((3, 64, 64), 9, np.uint8), None, None)  # rasterio warns of a raster without a place
    points = tmp_path / "a.geojson"
    points.write_text('{"type": "Point", "coordinates": [1, 2]}')
    state = process_state()

    def read(number: int) -> float:
        if number % 2:
            return float(read_vectors(points).geometry.x.sum())
        with open_raster(plain) as raster:
            return float(raster.read(raster.grid.whole).pixels.mean() * 255)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, range(40))) == pytest.approx([9, 1] * 20)
    assert process_state() == state


def test_the_main_threads_options_do_not_refuse_the_url_of_another_thread() -> None:
    url = "https://example.org/a.tif"

    def allowed() -> str:
        with gdal_options(url):
            return str(rasterio.env.get_gdal_config("CPL_VSIL_CURL_ALLOWED_FILENAME"))

    with gdal_options("scene.tif"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(allowed).result() == f"/vsicurl/{url}"
