"""Rasters and pictures of strangers: bytes, and the fields of a TIFF's directory."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fuzz.changes import contents, fields_of_tiff
from fuzz.oracle import ends_well, examples
from geoglot.datasets.image_files import digest_of, orientation_of
from geoglot.errors import SourceError
from geoglot.options import ClassifyOptions
from geoglot.sources.photos.decoding import read_tags, shrink
from geoglot.tasks.classify import classify
from geoglot.tasks.inspection import inspect_raster
from stubs import PooledColours
from worlds import write_scene

PIXELS = np.random.default_rng(3).integers(1, 255, (3, 80, 70), np.uint8)


@pytest.fixture(scope="module")
def tiffs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("tiffs")
    kinds = {
        "deflate": {}, "strips": {"tiled": False, "compress": None, "blockysize": 8}, "lzw": {"compress": "lzw", "predictor": 2},
        "jpeg": {"compress": "jpeg", "photometric": "ycbcr"}, "zstd": {"compress": "zstd", "interleave": "pixel"},
        "webp": {"compress": "webp", "interleave": "pixel"}, "lerc": {"compress": "lerc"}, "lzma": {"compress": "lzma"},
    }  # fmt: skip
    made = {name: write_scene(folder / f"{name}.tif", PIXELS, **kind).read_bytes() for name, kind in kinds.items()}
    deep = write_scene(folder / "deep.tif", PIXELS.astype(np.float32), predictor=3, nodata=float("nan"))
    return made | {"float": deep.read_bytes()}


def use(path: Path) -> None:
    inspect_raster(path)
    classify(path, "roof, sand", model=PooledColours(), options=ClassifyOptions(windows=False))
    classify(path, "roof, sand", model=PooledColours(), options=ClassifyOptions(windows=True))
    digest_of(path)


@pytest.mark.parametrize("kind", ["deflate", "strips", "lzw", "jpeg", "zstd", "webp", "lerc", "lzma", "float"])
def test_tiffs(kind: str, tiffs: dict[str, bytes], place: Path) -> None:
    path = place / "scene.tif"

    @examples(6)
    @given(st.one_of(contents(tiffs[kind]), fields_of_tiff(tiffs[kind])))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        ends_well(lambda: use(path))

    check()


def shrunk(content: bytes) -> Callable[[], None]:
    def call() -> None:
        try:
            shrink(content)
        except OSError as error:  # as it says
            raise SourceError(str(error)) from error

    return call


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "JPEG2000", "GIF", "BMP", "TIFF"])
def test_pictures(form: str, place: Path) -> None:
    file = io.BytesIO()
    more = {"progressive": True} if form == "JPEG" else {}
    exif = Image.Exif()
    exif[274] = 6
    exif.get_ifd(0x8825).update({1: "N", 2: (50.0, 1.0, 2.0), 3: "E", 4: (4.0, 1.0, 2.0)})
    Image.fromarray(PIXELS.transpose(1, 2, 0)).save(file, form, exif=exif, **more)
    endings = {
        "PNG": "png",
        "JPEG": "jpg",
        "WEBP": "webp",
        "JPEG2000": "jp2",
        "GIF": "gif",
        "BMP": "bmp",
        "TIFF": "tif",
    }
    path = place / f"picture.{endings[form]}"

    @examples(6)
    @given(contents(file.getvalue(), head=120))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        ends_well(lambda: use(path))
        ends_well(lambda: (orientation_of(path), read_tags(path)))
        ends_well(shrunk(content))

    check()
