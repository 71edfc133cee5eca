"""Pictures that a copy broke off are known by their bytes."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geoglot.errors import SourceError
from geoglot.sources.gdal import gdal_options, open_handle
from geoglot.sources.truncated import check_not_truncated, find_damage, find_damage_in

KINDS = {
    "png": {}, "jpg": {}, "jp2": {}, "webp": {}, "progressive.jpg": {"progressive": True},
    "lossless.webp": {"lossless": True}, "thumbnail.jpg": {"exif": True},
}  # fmt: skip


def _pixels(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (64, 64, 3), dtype=np.uint8)


def _body(kind: str) -> bytes:
    made, how = io.BytesIO(), dict(KINDS[kind])
    if how.pop("exif", None):  # a small picture inside has an end of its own
        inner = io.BytesIO()
        Image.fromarray(_pixels(1)[:16, :16]).save(inner, "JPEG")
        how["comment"] = inner.getvalue()
    suffix = kind.rpartition(".")[2]
    Image.fromarray(_pixels()).save(made, {"jpg": "JPEG", "jp2": "JPEG2000"}.get(suffix, suffix), **how)
    return made.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_whole_pictures_are_whole_and_cut_ones_are_not(tmp_path: Path, kind: str) -> None:
    path, body = tmp_path / kind, _body(kind)
    path.write_bytes(body)
    assert find_damage(path) is None
    path.write_bytes(body + bytes(100))  # what cameras and file systems add
    assert find_damage(path) is None
    for share in (0.5, 0.9):
        kept = body[: int(len(body) * share)]
        for damaged in (kept, kept + bytes(len(body) - len(kept))):  # broken off; reserved and never filled
            path.write_bytes(damaged)
            with pytest.raises(SourceError, match="cut short or damaged"):
                check_not_truncated(path)


def test_what_a_phone_writes_behind_a_jpeg_does_not_count(tmp_path: Path) -> None:
    """A film of a motion photo, in which every pair of bytes stands somewhere, or a second picture."""
    path, body = tmp_path / "a.jpg", _body("jpg")
    for more in (b"\0\0\0\x18ftypmp42\xff\xd9\xff\xda", body[: len(body) // 2]):
        path.write_bytes(body + more)
        assert find_damage(path) is None


def test_a_changed_byte_of_a_png_is_seen(tmp_path: Path) -> None:
    path, body = tmp_path / "a.png", bytearray(_body("png"))
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    assert find_damage(path) == "a checksum in it is wrong"


def test_a_garbled_jpeg_is_not_read(tmp_path: Path) -> None:
    path, body = tmp_path / "a.jpg", bytearray(_body("jpg"))
    middle = len(body) // 2
    body[middle : middle + 2] = b"\xff\x3a"  # a marker that no scan has
    path.write_bytes(body)
    with open_handle(str(path)) as dataset, gdal_options(str(path)), pytest.raises(OSError, match="Read failed"):
        dataset.read()


def test_other_files_are_left_to_their_readers(tmp_path: Path) -> None:
    Image.fromarray(_pixels()).save(tmp_path / "a.tif")
    (tmp_path / "empty.png").touch()
    for name in ("a.tif", "empty.png", "none.png"):
        assert find_damage(tmp_path / name) is None
    check_not_truncated("https://example.org/a.png")


def test_a_png_of_very_many_compressed_texts() -> None:
    chunk = b"\0\0\0\0zTXt" + zlib.crc32(b"zTXt").to_bytes(4, "big")
    assert find_damage_in(b"\x89PNG\r\n\x1a\n" + 40 * chunk) == "it has more than 32 compressed texts"
