"""A folder of one's own as a data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import pytest
from shapely.geometry import box

from geoglot.datasets.catalogue import dataset_of
from geoglot.errors import InputError, SourceError
from labelled import NAMES, write_folder

FOLDER = dataset_of("folder")
MakeGeotiff = Callable[..., Path]


def test_images_and_masks(tmp_path: Path) -> None:
    found = FOLDER.read(write_folder(tmp_path), "train")
    assert [one.name for one in found.classes] == list(NAMES)
    assert len(found) == 3
    labels = found.masks[0]()
    assert labels.shape == (64, 64)
    assert (labels[-1] == -1).all() and labels[:-1].min() >= 0


def with_polygons(root: Path, make_geotiff: MakeGeotiff, crs: int = 32617) -> Path:
    """One image of 10 m pixels, its left half a lake, its upper right quarter a wood, in another reference system."""
    (root / "train" / "images").mkdir(parents=True)
    (root / "train" / "polygons").mkdir()
    source = make_geotiff(np.zeros((3, 20, 20), np.uint8))
    target = root / "train" / "images" / "a.tif"
    target.write_bytes(source.read_bytes())
    west, north = 500_000, 4_000_000
    shapes = [box(west, north - 200, west + 100, north), box(west + 100, north - 100, west + 200, north)]
    frame = geopandas.GeoDataFrame({"class": ["lake", "wood"]}, geometry=shapes, crs=32617).to_crs(crs)
    frame.to_file(root / "train" / "polygons" / "a.geojson")
    return root


@pytest.mark.parametrize("crs", [32617, 4326])
def test_polygons_are_burnt_on_the_pixels_of_their_image(tmp_path: Path, make_geotiff: MakeGeotiff, crs: int) -> None:
    found = FOLDER.read(with_polygons(tmp_path / "set", make_geotiff, crs), "train")
    assert [one.name for one in found.classes] == ["lake", "wood"]
    labels = found.masks[0]()
    assert (labels[:, :10] == 0).all()
    assert (labels[:10, 10:] == 1).all()
    assert (labels[10:, 10:] == -1).all()


@pytest.mark.parametrize("name", ["background", "Background"])
def test_ground_without_polygons_is_the_background_where_there_is_one(
    tmp_path: Path, make_geotiff: MakeGeotiff, name: str
) -> None:
    root = with_polygons(tmp_path / "set", make_geotiff)
    (root / "classes.csv").write_text(f"id,name\n0,{name}\n1,wood\n2,lake\n", encoding="utf-8")
    labels = FOLDER.read(root, "train").masks[0]()
    assert (labels[0, 0], labels[0, 15], labels[15, 15]) == (2, 1, 0)


def test_polygons_without_a_class_are_told(tmp_path: Path, make_geotiff: MakeGeotiff) -> None:
    root = with_polygons(tmp_path / "set", make_geotiff)
    path = root / "train" / "polygons" / "a.geojson"
    path.write_text(path.read_text().replace('"lake"', "null"))
    with pytest.raises(SourceError, match="1 polygons whose attribute class is empty"):
        FOLDER.read(root, "train")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("id,name\n0,lake\n2,wood\n", "0, 1, 2 and so on"),
        ("number,name\n0,lake\n", "columns id and name"),
        ("id,name\n0,lake\n1,lake\n", "must differ"),
        ("id,name\n0,lake\n", "'wood', which the class table does not have"),
    ],
)
def test_tables_that_do_not_fit_are_told(tmp_path: Path, make_geotiff: MakeGeotiff, table: str, said: str) -> None:
    root = with_polygons(tmp_path / "set", make_geotiff)
    (root / "classes.csv").write_text(table, encoding="utf-8")
    with pytest.raises(SourceError, match=said):
        FOLDER.read(root, "train").masks[0]()


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no folder .*nowhere; give the folder that holds the splits"):
        FOLDER.read(tmp_path / "nowhere", "train")
    with pytest.raises(SourceError, match=r"no folder .*train/images; .*YOLO and COCO.*geoglot datasets tile"):
        FOLDER.read(tmp_path, "train")
    (tmp_path / "empty/train/images").mkdir(parents=True)
    with pytest.raises(SourceError, match="has no images in it"):
        FOLDER.read(tmp_path / "empty", "train")
    root = write_folder(tmp_path / "set")
    (root / "train" / "masks" / "1.png").unlink()
    with pytest.raises(SourceError, match="has no mask"):
        FOLDER.read(root, "train")
    (root / "train" / "images" / "2.jpg").write_bytes((root / "train" / "images" / "2.png").read_bytes())
    with pytest.raises(SourceError, match=r"two images in .* are called 2"):
        FOLDER.read(root, "train")
    with pytest.raises(InputError, match="segmentation"):
        FOLDER.check("retrieval", "train")
