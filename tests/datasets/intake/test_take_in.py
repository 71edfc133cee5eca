"""Folders as people have them become data sets that training reads: labels of every kind, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geoglot.datasets.check import check_set
from geoglot.datasets.intake.take_in import TakenIn, take_in
from geoglot.datasets.sets.folder import FOLDER
from geoglot.errors import GeoglotError, InputError, OutputError, SourceError
from published import save
from someones_folders import (
    COLOURS,
    SIDE,
    ids_of,
    picture,
    write_coco,
    write_masks,
    write_tiff,
    write_vectors,
    write_yolo,
)


def _ids(taken: TakenIn, stem: str) -> np.ndarray:
    """The class ids that training reads for an image."""
    for split in taken.splits:
        samples = FOLDER.read(taken.data, split)
        for image, mask in zip(samples.images, samples.masks, strict=True):
            if image.stem == stem:
                return mask()
    raise AssertionError(f"no split has the image {stem}")


def _names(taken: TakenIn) -> list[str]:
    return [kind["name"] for kind in taken.classes]


def _state(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_ids_with_gaps_are_renumbered_and_no_file_of_the_user_is_touched(tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "mine", lambda ids: (ids * 20 + 10).astype(np.uint8))
    before = _state(folder)
    taken = take_in(folder, ["field", "house", "road"])
    assert _state(folder) == before and sorted(path.name for path in tmp_path.iterdir()) == ["mine", "mine-geoglot"]
    assert taken.converted == 6 and _names(taken) == ["field", "house", "road"]
    assert any("ids 10, 30, 50 of the masks became 0 to 2" in note for note in taken.notes)
    for number, stem in enumerate(("placea", "placeb", "placec")):
        np.testing.assert_array_equal(_ids(taken, stem), ids_of(number))
    for split in taken.splits:
        assert not check_set(FOLDER, taken.data, split).faults


@pytest.mark.parametrize("labels", ["gt", "labels", "annotations", "masks"])
def test_colours_become_classes_without_new_masks(tmp_path: Path, labels: str) -> None:
    folder = write_masks(tmp_path / "mine", lambda ids: COLOURS[ids], labels=labels, ending="_mask.png")
    taken = take_in(folder)
    assert [kind["colour"] for kind in taken.classes] == ["#2828c8", "#28c828", "#c82828"]
    assert _names(taken) == ["class 0", "class 1", "class 2"] and not taken.converted
    np.testing.assert_array_equal(_ids(taken, "placea"), 2 - ids_of(0).astype(int))


def test_a_colour_of_some_pixels_is_told_as_a_slip(tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "mine", lambda ids: COLOURS[ids])
    path = next((folder / "masks").rglob("*.png"))
    pixels = np.asarray(Image.open(path)).copy()
    pixels[0, 0] = (1, 2, 3)
    Image.fromarray(pixels).save(path)
    assert [note for note in take_in(folder).notes if "slip" in note] == [
        "class 0 has 1 pixel in all masks: if that is a slip in a mask, mend it there"
    ]


def test_a_table_of_colours_names_the_classes(tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "mine", lambda ids: COLOURS[ids])
    (folder / "class_dict.csv").write_text("name,r,g,b\nroof,200,40,40\ngrass,40,200,40\nlake,40,40,200\nsand,9,9,9\n")
    taken = take_in(folder)
    assert _names(taken) == ["sand", "lake", "grass", "roof"]
    assert "no pixel is sand, so it cannot be learned" in taken.notes


def test_masks_of_0_and_255_are_background_and_an_object(tmp_path: Path) -> None:
    taken = take_in(write_masks(tmp_path / "mine", lambda ids: ((ids > 0) * 255).astype(np.uint8)), ["house"])
    assert _names(taken) == ["background", "house"] and not taken.converted
    np.testing.assert_array_equal(_ids(taken, "placea"), ids_of(0) > 0)


def test_255_beside_small_ids_does_not_count(tmp_path: Path) -> None:
    def hide(ids: np.ndarray) -> np.ndarray:
        return np.where(np.arange(SIDE) < 8, 255, ids).astype(np.uint8)

    taken = take_in(write_masks(tmp_path / "mine", hide))
    assert len(taken.classes) == 3 and (_ids(taken, "placea")[:, :8] == -1).all()


def test_masks_whose_background_is_no_data_are_told(tmp_path: Path) -> None:
    """Programs that draw polygons as a raster declare 0 as no data, or leave it transparent."""
    taken = take_in(write_masks(tmp_path / "mine", lambda ids: np.dstack([ids, 255 * (ids > 0)]).astype(np.uint8)))
    (note,) = (note for note in taken.notes if "do not count" in note)
    assert note.startswith(f"{np.mean([ids_of(number) == 0 for number in range(6)]):.0%} of the pixels are no data")


def test_a_mask_that_jpeg_blurred_gets_the_nearest_classes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def blur(ids: np.ndarray) -> np.ndarray:
        return np.clip(COLOURS[ids].astype(int) + rng.integers(-6, 7, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)

    folder = write_masks(tmp_path / "mine", blur)
    taken = take_in(folder)
    assert taken.converted == 6 and len(taken.classes) == 3
    shown = _ids(taken, "placea")
    assert len({(int(a), int(b)) for a, b in zip(shown.flat, ids_of(0).flat, strict=True)}) == 3
    assert any("as after JPEG" in note for note in taken.notes)


def test_yolo_and_coco_are_painted_once(tmp_path: Path) -> None:
    yolo, coco = take_in(write_yolo(tmp_path / "yolo")), take_in(write_coco(tmp_path / "coco"))
    assert (yolo.kind, coco.kind) == ("YOLO", "COCO") and yolo.converted == coco.converted == 6
    assert _names(yolo) == ["background", "roof", "pool"] and _names(coco) == ["background", "field"]
    assert _ids(yolo, "a")[32, 16] == 1 and _ids(yolo, "a")[32, 48] == 2 and _ids(yolo, "a")[1, 63] == 0
    assert (_ids(coco, "a")[:, :16] == 1).mean() == (_ids(coco, "b")[:, :16] == 1).mean() == 1


@pytest.mark.parametrize(
    ("column", "name"), [("class", "labels.gpkg"), ("Label", "map/labels.geojson"), ("type", "a.shp")]
)
def test_one_file_of_polygons_over_all_images(tmp_path: Path, column: str, name: str) -> None:
    (tmp_path / "mine" / "map").mkdir(parents=True)
    taken = take_in(write_vectors(tmp_path / "mine", column=column, name=name))
    assert taken.kind == "polygons" and _names(taken) == ["background", "lake"]
    assert (_ids(taken, "c")[:, :32] == 1).all() and (_ids(taken, "c")[:, 33:] == 0).all()
    assert taken.split_by == "ground" and taken.resolution == pytest.approx((0.5, 0.5), rel=0.01)


def test_a_large_image_is_cut_into_tiles_that_are_divided_by_place(tmp_path: Path) -> None:
    ids = np.tile(ids_of(0), (40, 34))[:2500, :2100]
    write_tiff(tmp_path / "mine" / "images" / "scene.tif", picture(ids), 500_000)
    write_tiff(tmp_path / "mine" / "masks" / "scene.tif", ids, 500_000)
    taken = take_in(tmp_path / "mine")
    assert sum(taken.splits.values()) == 9 and taken.split_by == "ground"
    again = np.zeros_like(ids)
    for split in taken.splits:
        samples = FOLDER.read(taken.data, split)
        for image, mask in zip(samples.images, samples.masks, strict=True):
            row, col = map(int, image.stem.split("_")[-2:])
            again[row : row + 1024, col : col + 1024][: mask().shape[0], : mask().shape[1]] = mask()
    np.testing.assert_array_equal(again, ids)


def test_splits_that_are_there_are_kept(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("valid", 2), ("test", 1)):
        write_masks(tmp_path / "mine" / split, lambda ids: (ids * 2).astype(np.uint8), count, name=split + "{}")
    taken = take_in(tmp_path / "mine")
    assert taken.splits == {"train": 3, "val": 2, "test": 1} and taken.split_by == "folders"


def test_val_is_taken_from_train_if_there_is_none(tmp_path: Path) -> None:
    for split, count in (("train", 6), ("test", 2)):
        write_masks(tmp_path / "mine" / split, lambda ids: ids, count, name=split + "{}")
    taken = take_in(tmp_path / "mine")
    assert taken.splits == {"train": 5, "val": 1, "test": 2}
    assert all(image.stem.startswith("test") for image in FOLDER.read(taken.data, "test").images)


def test_a_folder_that_is_ready_is_used_as_it_is(tmp_path: Path) -> None:
    for split in ("train", "val"):
        write_masks(tmp_path / "mine" / split, lambda ids: ids, 3)
    (tmp_path / "mine" / "classes.csv").write_text("id,name\n0,field\n1,house\n2,road\n3,lake\n")
    taken = take_in(tmp_path / "mine")
    assert taken.data == tmp_path / "mine" and not (tmp_path / "mine-geoglot").exists()
    assert _names(taken) == ["field", "house", "road", "lake"]


def test_images_and_masks_in_one_folder(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / "mine" / f"place{'abcd'[number]}.png", picture(ids_of(number)))
        save(tmp_path / "mine" / f"place{'abcd'[number]}_mask.png", ids_of(number))
    assert take_in(tmp_path / "mine").images == 4


def _empty(folder: Path) -> None:
    folder.mkdir()


def _no_labels(folder: Path) -> None:
    save(folder / "images" / "a.png", picture(ids_of(0)))


def _unknown(folder: Path) -> None:
    folder.mkdir()
    (folder / "a.xyz").write_text("?")


def _one_lacks(folder: Path) -> None:
    write_masks(folder, lambda ids: ids)
    (folder / "masks" / "placeb.png").unlink()


def _other_size(folder: Path) -> None:
    write_masks(folder, lambda ids: ids)
    for stem in ("placec", "placed"):
        save(folder / "masks" / f"{stem}.png", np.zeros((8, 9), np.uint8))


def _one_value(folder: Path) -> None:
    write_masks(folder, lambda ids: ids * 0)


def _pictures(folder: Path) -> None:
    rng = np.random.default_rng(0)
    write_masks(folder, lambda ids: rng.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8))


def _no_place(folder: Path) -> None:
    write_vectors(folder)
    for path in (folder / "images").iterdir():
        path.unlink()
    save(folder / "images" / "a.png", picture(ids_of(0)))


def _one_image(folder: Path) -> None:
    write_masks(folder, lambda ids: ids, 1)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (_empty, "has no images: it holds no files"),
        (_unknown, "1 file is left out of .*a.xyz"),
        (_no_labels, "has images but no labels: put masks"),
        (_one_lacks, "placeb.png has no mask: expected"),
        (_other_size, "^2 of 6 images have labels that cannot be used: .*placec.png has 64 x 64 px, its mask 8 x 9"),
        (_one_value, "have the value 0, so there is nothing to learn"),
        (_pictures, "are they pictures"),
        (_no_place, "does not say where on Earth it lies"),
        (_one_image, "has one image of 64 x 64 px"),
    ],
)
def test_what_cannot_be_used_ends_in_one_sentence_and_leaves_nothing(
    tmp_path: Path, write: object, message: str
) -> None:
    write(tmp_path / "mine")  # type: ignore[operator]
    with pytest.raises(GeoglotError, match=message) as caught:
        take_in(tmp_path / "mine")
    assert "\n" not in str(caught.value) and [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_names_must_be_as_many_as_classes_and_tables_are_never_replaced(tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "mine", lambda ids: ids)
    with pytest.raises(InputError, match=r"must name the 3 classes .* got 1: house"):
        take_in(folder, ["house"])
    with pytest.raises(InputError, match="there is no folder"):
        take_in(tmp_path / "other")
    taken = take_in(folder)
    (taken.data / "classes.csv").write_text("id,name\n0,a\n1,b\n2,c\n")
    with pytest.raises(OutputError, match="remove it to look at mine again"):
        take_in(folder)
    assert FOLDER.read(taken.data, "train").classes[0].name == "a"


def test_a_table_of_images_names_no_file_elsewhere(tmp_path: Path) -> None:
    taken = take_in(write_masks(tmp_path / "mine", lambda ids: ids))
    table = taken.data / "images.csv"
    good = table.read_text()
    for path in ("/etc/passwd", "../other/a.png", "../mine/../other/a.png", ""):
        table.write_text(good.replace("../mine/images/placea.png", path))
        with pytest.raises(SourceError, match="paths must lead into"):
            FOLDER.read(taken.data, "train")
    table.write_text(good.replace("placea.png", "gone.png"))
    with pytest.raises(SourceError, match="is not there"):
        FOLDER.read(taken.data, "train")
