"""Photos of one's own: where EXIF tags and tables say they were taken, which files are read, and what is told."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import ExifTags, Image, features
from PIL.TiffImagePlugin import IFDRational

from geoglot.errors import InputError, SourceError
from geoglot.sources.photos.decoding import place_of, shrink
from geoglot.sources.photos.local_photos import LocalPhotos, LocalPhotosRecipe, read_photo_table
from geoglot.sources.photos.photo import Photo, Query

QUERY = Query(0.0, 0.0, 1000.0)
LAT, LON = (33.0, 51.0, 36.0), (70.0, 30.0, 0.0)


def picture(seed: int = 0, size: tuple[int, int] = (160, 120)) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size)


def tags(lat: Any, lat_ref: Any, lon: Any = LON, lon_ref: Any = "E") -> Image.Exif:
    made = Image.Exif()
    told = zip((2, 1, 4, 3), (lat, lat_ref, lon, lon_ref), strict=True)
    made.get_ifd(ExifTags.IFD.GPSInfo).update({tag: value for tag, value in told if value is not None})
    return made


def place(*told: Any) -> tuple[float, float]:
    return place_of(tags(*told).get_ifd(ExifTags.IFD.GPSInfo))


@pytest.mark.parametrize("south", ["S", "s", "S\0", " s ", "South", "SOUTH", b"S", b"s\0"])
@pytest.mark.parametrize("west", ["W", "w", "West"])
def test_a_hemisphere_is_understood_in_any_form(south: str | bytes, west: str) -> None:
    assert place(LAT, south, LON, west) == pytest.approx((-70.5, -33.86))
    assert place(LAT, "n", LON, "East") == pytest.approx((70.5, 33.86))


@pytest.mark.parametrize(
    "told",
    [
        (LAT, None), (LAT, ""), (("a", "b", "c"), "N"), (LAT, "X"), (LAT, "E"), (LAT, "Süd"), (LAT, "N", LON, "S"),
        ((-33.0, 51.0, 36.0), "N"), ((-33.0, 51.0, 36.0), None), ((33.0, -51.0, 36.0), "N"), ((33.0, 90.0, 0.0), "N"),
        ((IFDRational(33, 0), 51.0, 36.0), "N"), ((IFDRational(0, 0),) * 3, "N", (IFDRational(0, 0),) * 3, "E"),
        ((91.0, 0.0, 0.0), "N"), ((33.0, 1.0, 2.0, 3.0), "N"), (LAT, "N", (180.0, 30.0, 0.0), "E"),
        (None, "N"),
    ],
)  # fmt: skip
def test_a_place_in_doubt_is_no_place(told: tuple[Any, ...]) -> None:
    assert np.isnan(place(*told)).any()


def test_degrees_alone_and_a_sign_that_agrees_are_a_place() -> None:
    assert place((33.86, 0.0, 0.0), "N")[1] == pytest.approx(33.86)
    assert place((33.0, 51.6), "S")[1] == pytest.approx(-33.86)
    assert place((-33.0, 51.0, 36.0), "S")[1] == pytest.approx(-33.86)


def found(folder: Path) -> tuple[dict[str, Photo], LocalPhotos]:
    source = LocalPhotos(LocalPhotosRecipe(folder=folder))
    return {photo.id: photo for photo in source.search(QUERY)}, source


KINDS: dict[str, dict[str, Any]] = {
    "a.JPG": {"progressive": True}, "cmyk.jpg": {}, "grey.jpeg": {}, "mpo.jpg": {"format": "MPO", "save_all": True},
    "sixteen.png": {}, "moving.webp": {"save_all": True}, "a.tif": {}, "a.avif": {},
}  # fmt: skip


def test_photos_of_phones_and_cameras_are_read(tmp_path: Path) -> None:
    kinds = dict(KINDS)
    if not features.check("avif"):
        kinds.pop("a.avif")
    for seed, (name, how) in enumerate(kinds.items()):
        made: Any = picture(seed)
        made = {"cmyk": made.convert("CMYK"), "grey": made.convert("L")}.get(name.partition(".")[0], made)
        if name == "sixteen.png":
            made = Image.fromarray(np.asarray(made.convert("L")).astype(np.uint16) * 257)
        more = {"append_images": [picture(seed + 100)]} if "save_all" in how else {}
        made.save(tmp_path / name, exif=tags(LAT, "N").tobytes(), **how, **more)
    photos, source = found(tmp_path)
    assert set(photos) == set(kinds) and source.unused() == []
    for seed, name in enumerate(kinds):
        assert photos[name].lat == pytest.approx(33.86), name
        small = Image.open(io.BytesIO(shrink(source.picture(photos[name]))))
        expected = np.asarray(picture(seed).convert("L"), float)
        assert np.corrcoef(np.asarray(small.convert("L"), float).ravel(), expected.ravel())[0, 1] > 0.95


def test_files_that_are_not_read_are_counted_and_hidden_ones_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".small").mkdir()
    picture().save(tmp_path / "a.jpg", exif=tags(LAT, "N"))
    for name in ("._a.jpg", ".small/a.jpg", "1.HEIC", "2.heic", "film.mov", "readme"):
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic")
    photos, source = found(tmp_path)
    (told,) = source.unused()
    assert set(photos) == {"a.jpg"}
    assert "holds 1 other, 2 .heic, 1 .mov files, which are not read; convert" in told
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(SourceError, match=r"holds no photos but .*2 \.heic"):
        found(tmp_path)[1].identity()


def test_what_is_cut_short_or_no_picture_is_none() -> None:
    whole = io.BytesIO()
    picture().save(whole, "JPEG")
    for body in (whole.getvalue()[: len(whole.getvalue()) // 2], b"<!DOCTYPE html><html>403</html>", b""):
        with pytest.raises(OSError, match=r"cut short|cannot identify"):
            shrink(body)


def test_a_jpeg_that_is_garbled_inside_is_none() -> None:
    """Other decoders fill what is lacking with grey."""
    for how in ({}, {"progressive": True}):
        file = io.BytesIO()
        picture(0, (640, 480)).save(file, "JPEG", **how)
        body = bytearray(file.getvalue())
        assert shrink(bytes(body))
        body[len(body) // 2 : len(body) // 2 + 400] = bytes(400)
        with pytest.raises(OSError, match="garbled inside"):
            shrink(bytes(body))


def table(folder: Path, text: str, encoding: str = "utf-8", name: str = "photos.csv") -> Path:
    (folder / name).write_text(text, encoding=encoding)
    return folder / name


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize(("separator", "comma"), [(",", "."), (";", ","), ("\t", ","), (";", ".")])
def test_a_table_is_read_as_people_save_it(tmp_path: Path, encoding: str, separator: str, comma: str) -> None:
    rows = ["Path|LON|lat|author", "café.jpg|5.25|52.5|Zoé", "short.jpg|5.5|52.5"]
    text = "\n".join(rows).replace("5.25", f"5{comma}25").replace("52.5", f"52{comma}5").replace("5.5|", f"5{comma}5|")
    source = LocalPhotos(LocalPhotosRecipe(table=table(tmp_path, text.replace("|", separator), encoding)))
    one, short = source.search(QUERY)
    assert (one.id, one.lon, one.lat, one.author) == ("café.jpg", 5.25, 52.5, "Zoé")
    assert (short.lon, short.lat, short.author) == (5.5, 52.5, "")


def test_paths_of_windows_are_found(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    picture().save(tmp_path / "photos/a.jpg")
    source = LocalPhotos(LocalPhotosRecipe(table=table(tmp_path, "path,lon,lat\nphotos\\a.jpg,5,52\n")))
    (photo,) = source.search(QUERY)
    assert photo.url == "photos/a.jpg" and photo.state and source.picture(photo)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.jpg,31.2,121.4\nb.jpg,31.3,121.5", "photo 1 has lon 31.2 and lat 121.4.*are lon and lat swapped"),
        ("a.jpg,500000,5700000", "must be degrees on WGS 84"),
    ],
)
def test_a_table_of_no_place_on_earth_is_refused(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_photo_table(table(tmp_path, f"path,lon,lat\n{rows}\n"))


def test_some_places_that_are_none_are_told_and_the_rest_read(tmp_path: Path) -> None:
    path = table(tmp_path, "path,lon,lat\na.jpg,5,52\nb.jpg,5,95\nc.jpg,,\n")
    source = LocalPhotos(LocalPhotosRecipe(table=path))
    assert len(list(source.search(QUERY))) == 3
    (told,) = source.unused()
    assert "photo 2 has lon 5 and lat 95" in told and "1 of 3 photos" in told
    pd.DataFrame({"path": ["a.jpg"], "lon": [31.2], "lat": [121.4]}).to_parquet(tmp_path / "p.parquet")
    with pytest.raises(InputError, match="swapped"):
        read_photo_table(tmp_path / "p.parquet")


def test_a_pipe_is_no_photo(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to("/dev/zero")
    with pytest.raises(SourceError, match="holds no photos"):
        LocalPhotos(LocalPhotosRecipe(folder=tmp_path)).identity()
    (tmp_path / "t.csv").write_text("path,lon,lat\na.jpg,1,1\n")
    photos = LocalPhotos(LocalPhotosRecipe(table=tmp_path / "t.csv"))
    for photo in photos.search(QUERY):
        with pytest.raises(SourceError, match="must be a file"):
            photos.picture(photo)


def test_a_table_that_unpacks_to_millions_of_rows_is_refused(tmp_path: Path) -> None:
    same = pa.DictionaryArray.from_arrays(pa.array(np.zeros(10**6, "int8")), pa.array([1.0]))
    columns = {"path": same, "lon": same, "lat": same} | {f"more {number}": same for number in range(20)}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="1,000,000 rows of 23 columns"):
        read_photo_table(tmp_path / "t.parquet")


def test_metadata_of_a_table_is_not_trusted(tmp_path: Path) -> None:
    table = pa.table({"path": ["a"], "lon": [1.0], "lat": [1.0]})
    pq.write_table(table.replace_schema_metadata({"pandas": "[" * 20_000}), tmp_path / "t.parquet")
    assert read_photo_table(tmp_path / "t.parquet").places.tolist() == [[1.0, 1.0]]
