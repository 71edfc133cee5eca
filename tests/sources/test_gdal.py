from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import rasterio

from conftest import MakeGeotiff
from geoglot.errors import SourceError
from geoglot.sources.gdal import Handles, environment, open_dataset


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
        open_dataset(str(text))
    with pytest.raises(SourceError, match="No such file"):
        open_dataset(str(tmp_path / "missing.tif"))
    with pytest.raises(SourceError, match="is a folder"):
        open_dataset(str(tmp_path))
    with pytest.raises(SourceError, match="complex"):
        open_dataset(str(make_geotiff(np.ones((1, 8, 8), np.complex64))))


def test_drivers_outside_the_list_are_refused(tmp_path: Path, make_geotiff: MakeGeotiff) -> None:
    image = make_geotiff(np.ones((1, 16, 16), np.uint8))
    hidden = tmp_path / "really_a_vrt.tif"
    hidden.write_text(
        '<VRTDataset rasterXSize="16" rasterYSize="16"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        f"<SourceFilename>{image}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(SourceError, match="cannot be opened as an image"):
        open_dataset(str(hidden))
    with pytest.raises(SourceError, match="is a VRT"):
        open_dataset(str(tmp_path / "mosaic.vrt"))
    grid = make_geotiff(np.ones((1, 16, 16), np.float32), driver="AAIGrid", path=tmp_path / "dem.asc")
    with pytest.raises(SourceError, match="cannot be opened as an image"):
        open_dataset(str(grid))


def test_a_local_file_cannot_call_a_host(
    make_geotiff: MakeGeotiff, remote: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = remote
    monkeypatch.setenv("GDAL_HTTP_TIMEOUT", "2")
    path = make_geotiff(np.ones((1, 600, 600), np.uint8))
    hint = f'<MDI key="OVERVIEW_FILE">/vsicurl/{url}/overviews.tif</MDI>'
    Path(f"{path}.aux.xml").write_text(f'<PAMDataset><Metadata domain="OVERVIEWS">{hint}</Metadata></PAMDataset>')
    with open_dataset(str(path)) as dataset, environment(str(path)):
        assert dataset.overviews(1) == []
        dataset.read(out_shape=(1, 8, 8))
    assert asked == []
    with pytest.raises(SourceError):  # the caller names this host, so it is asked
        open_dataset(f"{url}/scene.tif")
    assert any("scene.tif" in path for path in asked)


def test_the_cache_of_gdal_is_bounded() -> None:
    with environment("scene.tif"):
        assert rasterio.env.getenv()["GDAL_CACHEMAX"] == 128 * 2**20  # bytes: rasterio does not take megabytes


def test_a_handle_is_lent_to_one_reader_at_a_time() -> None:
    opened: list[Handle] = []

    class Handle:
        closed = False

        def __init__(self) -> None:
            opened.append(self)

        def close(self) -> None:
            self.closed = True

    handles = Handles(Handle)
    with handles.borrow() as one, handles.borrow() as two:
        assert one is not two
    with handles.borrow() as again:
        assert again in (one, two)
        handles.close()
        assert not again.closed
    assert len(opened) == 2 and all(handle.closed for handle in opened)
