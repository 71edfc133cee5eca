"""Labels that do not lie on their image are refused, and those that do are brought onto its pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import ExifTags, Image, ImageOps

from geoglot.datasets.classes import MapClass
from geoglot.datasets.image_files import orientation_of, shown_shape
from geoglot.datasets.labels import register
from geoglot.datasets.masks import MaskFile
from geoglot.errors import SourceError

ROWS, COLS = 20, 30
CLASSES = tuple(MapClass(str(index), (index,)) for index in range(2))


def _tif(path: Path, bands: int, west: float = 500_000, metres: float = 1, crs: str | None = "EPSG:32631") -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", count=bands, height=ROWS, width=COLS, dtype="uint8", crs=crs,
        transform=Affine(metres, 0, west, 0, -metres, 5_700_000),
    ) as file:  # fmt: skip
        file.write(np.ones((bands, ROWS, COLS), np.uint8))
    return path


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ({}, None),
        ({"west": 500_000.4}, None),
        ({"crs": None}, None),
        ({"crs": "EPSG:25831"}, None),  # ETRS89, which lies on WGS 84 to less than a metre
        ({"west": 500_100}, r"lies \+100 east and \+0 north of the image"),
        ({"metres": 2}, "2 times as large"),
        ({"metres": 1.03}, "1.03 times as large"),
        ({"crs": "EPSG:32632"}, "UTM zone 32N, the image in .* 31N"),
        ({"west": 499_998, "crs": None}, "lies -2 east"),
    ],
)
def test_a_mask_lies_where_its_image_lies(tmp_path: Path, where: dict[str, object], told: str | None) -> None:
    mask = MaskFile(_tif(tmp_path / "image.tif", 3), _tif(tmp_path / "mask.tif", 1, **where), CLASSES)
    if told is None:
        assert (mask() == 1).all()
        return
    with pytest.raises(SourceError, match=told):
        mask()


def test_a_mask_without_a_place_lies_on_an_image_with_one(tmp_path: Path) -> None:
    Image.fromarray(np.ones((ROWS, COLS), np.uint8)).save(tmp_path / "mask.png")
    assert (MaskFile(_tif(tmp_path / "image.tif", 3), tmp_path / "mask.png", CLASSES)() == 1).all()


def _turned(path: Path, turn: int, shape: tuple[int, int] = (ROWS, COLS)) -> Path:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = turn
    Image.fromarray(np.zeros((*shape, 3), np.uint8)).save(path, exif=tags)
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("turn", [5, 6, 7, 8])
def test_labels_drawn_on_a_turned_picture_are_turned_back(tmp_path: Path, turn: int, suffix: str) -> None:
    image = _turned(tmp_path / f"a{suffix}", turn)
    assert orientation_of(image) == turn
    assert shown_shape(image) == (COLS, ROWS)
    stored = np.arange(ROWS * COLS, dtype=np.int32).reshape(ROWS, COLS)
    tagged = Image.fromarray(stored)
    tagged.getexif()[ExifTags.Base.Orientation] = turn
    shown = np.asarray(ImageOps.exif_transpose(tagged))
    assert (register(shown, image) == stored).all()
    assert (register(stored, image) == stored).all()


@pytest.mark.parametrize(
    ("turn", "shape"), [(2, (ROWS, COLS)), (3, (ROWS, COLS)), (4, (ROWS, COLS)), (6, (ROWS, ROWS))]
)
def test_a_turn_that_the_size_does_not_tell_is_refused(tmp_path: Path, turn: int, shape: tuple[int, int]) -> None:
    with pytest.raises(SourceError, match=f"EXIF orientation {turn}.*auto-orient"):
        register(np.zeros(shape, np.int32), _turned(tmp_path / "a.jpg", turn, shape))
