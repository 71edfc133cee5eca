"""Masks as people's programs write them: any depth, palettes in any order, colours, transparency, no data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.enums import ColorInterp

from geoglot.datasets.classes import MapClass, read_classes
from geoglot.datasets.masks import MaskFile
from geoglot.errors import SourceError

SIDE = 24
IDS = np.random.default_rng(0).integers(0, 3, (SIDE, SIDE)).astype(np.uint8)
COLOURS = np.array([(0, 0, 0), (255, 0, 0), (0, 0, 255)], np.uint8)
CLASSES = tuple(MapClass(name, (index,)) for index, name in enumerate(("background", "house", "water")))
COLOURED = tuple(MapClass(one.name, one.values, colour=tuple(map(int, COLOURS[one.values[0]]))) for one in CLASSES)
GREYS = tuple(MapClass(name, (index,), colour=(255 * index,) * 3) for index, name in enumerate(("background", "house")))
PLAIN = [ColorInterp.gray, ColorInterp.undefined]


def _resampled(ids: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(ids).resize((SIDE, SIDE), Image.Resampling.BILINEAR, (0, 0, 9, 9)))


def _tif(path: Path, bands: np.ndarray, **how: object) -> Path:
    bands = bands[None] if bands.ndim == 2 else bands
    kinds = how.pop("colorinterp", None)
    with rasterio.open(
        path, "w", driver="GTiff", count=len(bands), height=bands.shape[1], width=bands.shape[2], dtype=bands.dtype,
        transform=rasterio.Affine(1, 0, 500, 0, -1, 500), **how,
    ) as file:  # fmt: skip
        if kinds:
            file.colorinterp = kinds
        file.write(bands)
    return path


def _png(path: Path, pixels: np.ndarray, mode: str | None = None) -> Path:
    picture = Image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(path)
    return path


def _read(folder: Path, path: Path, classes: tuple[MapClass, ...] = CLASSES) -> np.ndarray:
    _png(folder / "image.png", np.zeros((SIDE, SIDE, 3), np.uint8))
    return MaskFile(folder / "image.png", path, classes, (255,), "classes.csv")()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"])
def test_ids_count_as_they_are_at_any_depth(tmp_path: Path, dtype: str) -> None:
    assert (_read(tmp_path, _tif(tmp_path / "m.tif", IDS.astype(dtype))) == IDS).all()


def test_ids_in_pngs_of_one_and_of_sixteen_bits_and_in_three_bands(tmp_path: Path) -> None:
    assert (_read(tmp_path, _png(tmp_path / "a.png", IDS > 0)) == (IDS > 0)).all()
    assert (_read(tmp_path, _png(tmp_path / "b.png", IDS.astype(np.uint16))) == IDS).all()
    assert (_read(tmp_path, _png(tmp_path / "c.png", np.stack([IDS] * 3, 2))) == IDS).all()
    assert (_read(tmp_path, _tif(tmp_path / "d.tif", np.stack([IDS * np.uint16(1)] * 3)), COLOURED) == IDS).all()


@pytest.mark.parametrize(("dtype", "nodata"), [("int16", -9999), ("uint8", 15), ("float32", np.nan), ("uint8", 0)])
def test_pixels_of_the_files_own_no_data_do_not_count(tmp_path: Path, dtype: str, nodata: float) -> None:
    ids = IDS.astype(dtype)
    ids[:4] = nodata
    found = _read(tmp_path, _tif(tmp_path / "m.tif", ids, nodata=nodata))
    gone = np.isnan(ids) if np.isnan(nodata) else ids == nodata
    assert (found == np.where(gone, -1, IDS.astype(int))).all()


def test_transparent_pixels_do_not_count(tmp_path: Path) -> None:
    opaque = np.full_like(IDS, 255)
    opaque[:4] = 0
    truth = np.where(opaque > 0, IDS.astype(int), -1)
    assert (_read(tmp_path, _png(tmp_path / "a.png", np.stack([IDS, opaque], 2))) == truth).all()
    rgba = np.concatenate([COLOURS[IDS], opaque[:, :, None]], 2)
    assert (_read(tmp_path, _png(tmp_path / "b.png", rgba), COLOURED) == truth).all()
    grey = [ColorInterp.gray, ColorInterp.alpha]
    assert (_read(tmp_path, _tif(tmp_path / "c.tif", np.stack([IDS, opaque]), colorinterp=grey)) == truth).all()
    shown = Image.fromarray(np.where(opaque > 0, IDS, 9).astype(np.uint8)).convert("P")
    shown.putpalette([part for colour in (*COLOURS.tolist(), *[(1, 1, 1)] * 7) for part in colour])
    for number, clear in enumerate((b"\xff" * 9 + b"\0", b"\xff" * 8 + b"\0\0")):
        shown.save(tmp_path / f"d{number}.png", transparency=clear)
        assert (_read(tmp_path, tmp_path / f"d{number}.png", COLOURED) == truth).all()


@pytest.mark.parametrize("mode", ["RGB", "P"])
def test_colours_of_the_table_are_read(tmp_path: Path, mode: str) -> None:
    """A program that makes a palette numbers the colours as it likes."""
    picture = Image.fromarray(COLOURS[IDS])
    if mode == "P":
        picture = picture.quantize(8)
        assert (np.asarray(picture) != IDS).any()
    picture.save(tmp_path / "m.png")
    assert (_read(tmp_path, tmp_path / "m.png", COLOURED) == IDS).all()


def test_a_tile_of_one_colour_is_not_taken_for_an_id(tmp_path: Path) -> None:
    """Black is not class 0 where the table says that class 1 is black."""
    classes = (MapClass("house", (0,), colour=(255, 0, 0)), MapClass("ground", (1,), colour=(0, 0, 0)))
    assert (_read(tmp_path, _png(tmp_path / "m.png", np.zeros((SIDE, SIDE, 3), np.uint8)), classes) == 1).all()


def test_an_empty_palette_does_not_make_one_class_of_all(tmp_path: Path) -> None:
    picture = Image.fromarray(IDS).convert("P")
    picture.putpalette([0] * 768)
    picture.save(tmp_path / "m.png")
    with pytest.raises(SourceError, match="shows house in #000000, the class table in #ff0000"):
        _read(tmp_path, tmp_path / "m.png", COLOURED)


def test_black_and_white_are_read_where_the_table_says_so(tmp_path: Path) -> None:
    mask = np.where(IDS == 1, 255, 0).astype(np.uint8)
    for number, pixels in enumerate((mask, np.stack([mask] * 3, 2))):
        assert (_read(tmp_path, _png(tmp_path / f"{number}.png", pixels), GREYS) == (IDS == 1)).all()
    assert (_read(tmp_path, _png(tmp_path / "m.png", mask)) == np.where(IDS == 1, -1, 0)).all()
    assert (_read(tmp_path, _png(tmp_path / "n.png", (IDS > 0).astype(np.uint8)), GREYS) == (IDS > 0)).all()


REFUSED: dict[str, tuple[Callable[[Path], Path], tuple[MapClass, ...], str]] = {
    "an unknown colour": (
        lambda folder: _png(folder / "m.png", COLOURS[IDS]), COLOURED[:2],
        r"px of the colour #0000ff, which classes\.csv does not have$",
    ),
    "colours without a table of them": (
        lambda folder: _png(folder / "m.png", COLOURS[IDS]), CLASSES, r"the colour #0000ff.*id,name,colour",
    ),
    "a negative id": (
        lambda folder: _tif(folder / "m.tif", IDS.astype(np.int16) - 9), CLASSES, "of the id -[789]; known are 0, 1, 2",
    ),
    "a resampled mask": (
        lambda folder: _png(folder / "m.png", _resampled(IDS * 90)),
        (MapClass("a", (0,)), MapClass("b", (90,)), MapClass("c", (180,))), "to the nearest pixel",
    ),
    "a JPEG": (lambda folder: _png(folder / "m.jpg", COLOURS[IDS]), COLOURED, "JPEG changes values"),
    "fractions": (lambda folder: _tif(folder / "m.tif", IDS + np.float32(0.5)), CLASSES, "holds fractions"),
    "two bands of ids": (
        lambda folder: _tif(folder / "m.tif", np.stack([IDS, IDS]), colorinterp=PLAIN),
        CLASSES, "has 2 bands",
    ),
    "colours of 16 bit": (
        lambda folder: _tif(folder / "m.tif", np.moveaxis(COLOURS[IDS], 2, 0) * np.uint16(257)), COLOURED, "8 bit",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_meant_is_refused_in_a_sentence(tmp_path: Path, what: str) -> None:
    make, classes, told = REFUSED[what]
    with pytest.raises(SourceError, match=told):
        _read(tmp_path, make(tmp_path), classes)


def test_a_mask_that_a_copy_broke_off_is_never_read(tmp_path: Path) -> None:
    body = _png(tmp_path / "m.png", np.random.default_rng(1).integers(0, 3, (SIDE, SIDE), dtype=np.uint8)).read_bytes()
    (tmp_path / "m.png").write_bytes(body[: len(body) * 2 // 3])
    for strict in (True, False):
        mask = MaskFile(tmp_path / "m.png", tmp_path / "m.png", CLASSES, strict=strict)
        with pytest.raises(SourceError, match="cut short or damaged"):
            mask()


@pytest.mark.parametrize(
    "columns",
    [
        "id,name,colour\n0,a,#f00\n1,b,#00ff00\n",
        "id,name,color\n0,a,red\n1,b,lime\n",
        "id;name;colour\n0;a;255,0,0\n1;b;(0, 255, 0)\n",
        'id,name,colour\n0,a,"rgb(255, 0, 0)"\n1,b,#00ff00ff\n',
        "id,name,colour\n0,a,0xFF0000\n1,b,00ff00\n",
        "id,name,r,g,b\n0,a,255,0,0\n1,b,0,255,0\n",
        "id,name,Red,Green,Blue\n0,a,255,0,0\n1,b,0,255,0\n",
    ],
)
def test_colours_of_a_table_in_any_form(tmp_path: Path, columns: str) -> None:
    path = tmp_path / "classes.csv"
    path.write_text(columns)
    assert [one.colour for one in read_classes(path)[0]] == [(255, 0, 0), (0, 255, 0)]


@pytest.mark.parametrize("colour", ["#ff", "reddish", "1 2", "1 2 300"])
def test_what_is_no_colour_is_told(tmp_path: Path, colour: str) -> None:
    path = tmp_path / "classes.csv"
    path.write_text(f"id,name,colour\n0,a,{colour}\n")
    with pytest.raises(SourceError, match="write it as #ff8800"):
        read_classes(path)


def test_a_mask_of_more_pixels_than_its_bytes_explain_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = {"width": 2048, "height": 2048, "count": 1, "dtype": "uint8", "tiled": True, "SPARSE_OK": True}
    with rasterio.open(tmp_path / "m.tif", "w", driver="GTiff", transform=rasterio.Affine(1, 0, 9, 0, -1, 9), **shape):
        pass
    monkeypatch.setenv("GEOGLOT_READ_MB", "16")
    with pytest.raises(SourceError, match=r"2,048 x 2,048 px in [\d,]+ bytes.*GEOGLOT_READ_MB"):
        _read(tmp_path, tmp_path / "m.tif")
