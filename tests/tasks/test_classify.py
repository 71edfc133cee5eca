from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyproj import Transformer
from torch import Tensor

from geoglot.cli.classify import describe
from geoglot.errors import InputError, SourceError
from geoglot.options import ClassifyOptions, ReadOptions
from geoglot.tasks.batch.batch_table import measures
from geoglot.tasks.batch.scenes import Scene
from geoglot.tasks.batch.work import Outcome
from geoglot.tasks.classify import classify
from geoglot.tasks.image_labels import Label, Labels
from stubs import PooledColours
from worlds import class_field, paint, scribble, write_scene

NAMES = ("water", "forest", "roof")
MODEL = PooledColours()


def picture(path: Path, index: int, side: int = 20) -> Path:
    Image.fromarray(paint(np.full((side, side), index), NAMES).transpose(1, 2, 0)).save(path)
    return path


def test_a_folder_of_pictures_has_one_label_each(tmp_path: Path) -> None:
    for index in (2, 0, 1):
        picture(tmp_path / f"{index}.png", index, side=20 + 30 * index)
    labels = classify(tmp_path, NAMES, model=MODEL, read=ReadOptions(batch=2))
    assert [one.label for one in labels.results] == list(NAMES)
    assert all(one.window is None for one in labels.results)
    for one in labels.results:
        assert sum(one.probabilities.values()) == pytest.approx(1, abs=1e-4)
        assert one.probability == max(one.probabilities.values())


def test_a_raster_has_one_label_a_window(tmp_path: Path) -> None:
    field = np.zeros((96, 64), int)
    field[32:64] = 1
    field[64:] = 2
    pixels = paint(field, NAMES)
    pixels[:, :32, 32:] = 0
    scene = write_scene(tmp_path / "scene.tif", pixels, nodata=0)
    labels = classify([scene], NAMES, model=MODEL)
    assert [(one.window[:2] if one.window else None, one.label) for one in labels.results] == [
        ((0, 0), "water"), ((32, 0), "forest"), ((32, 32), "forest"), ((64, 0), "roof"), ((64, 32), "roof"),
    ]  # fmt: skip
    whole = classify(scene, NAMES, model=MODEL, options=ClassifyOptions(windows=False))
    assert len(whole.results) == 1


def test_labels_of_very_many_classes_are_all_counted_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geoglot.tasks.classify._KEPT", 1)  # probabilities of a label
    scene = write_scene(tmp_path / "scene.tif", paint(np.repeat([0, 1, 2], 32)[:, None].repeat(32, 1), NAMES))
    labels = classify(scene, NAMES, model=MODEL)
    assert [one.label for one in labels.results] == list(NAMES) and len(labels.results[0].probabilities) == 1
    assert [name for _, name in labels.draw().entries] == list(NAMES)
    [row] = measures("classify", [Outcome(Scene("scene", (str(scene),)), "done", labels.to_json())])
    assert [row[f"{name}_count"] for name in NAMES] == [1, 1, 1]


def test_windows_and_pictures_of_other_sizes_share_a_batch(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene.tif", paint(np.ones((64, 64), int), NAMES))
    sources = [scene, picture(tmp_path / "small.png", 2)]
    labels = classify(sources, NAMES, model=MODEL, read=ReadOptions(tile=64, batch=8))
    assert [label.label for label in labels.results] == ["forest", "roof"] and not labels.failed


def test_words_stand_for_classes(tmp_path: Path) -> None:
    source = picture(tmp_path / "a.png", 0)
    labels = classify(source, {"wet": ["water", "water"], "dry": ["sand", "roof"]}, model=MODEL)
    assert labels.results[0].label == "wet"
    document = labels.to_json()
    keys = {"source", "window", "label", "probability", "probabilities", "present", "bounds"}
    assert keys == set(document["results"][0])
    assert document["results"][0]["window"] is None and document["failed"] == []


def test_what_cannot_be_read_is_named_and_the_rest_is_labelled(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene.tif", paint(np.zeros((128, 128), int), NAMES))
    scribble(scene, block=1)
    labels = classify(scene, NAMES, model=MODEL)
    assert len(labels.failed) == 4 and len(labels.results) == 12
    assert all(one.window.col >= 64 and one.window.row < 64 for _, one in labels.failed)


def test_a_bad_file_among_good_ones_does_not_stop_the_rest(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 0)
    (tmp_path / "b.png").write_text("not an image")
    picture(tmp_path / "c.png", 2)
    labels = classify(tmp_path, NAMES, model=MODEL)
    assert [one.label for one in labels.results] == ["water", "roof"]
    assert [source for source, _ in labels.failed] == [str(tmp_path / "b.png")]
    with pytest.raises(SourceError):
        classify(tmp_path / "b.png", NAMES, model=MODEL)


def test_windows_know_where_they_are(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene.tif", paint(np.zeros((32, 32), int), NAMES))
    bounds = classify(scene, NAMES, model=MODEL).results[0].bounds
    assert bounds is not None
    west, north = Transformer.from_crs(32631, 4326, always_xy=True).transform(593_270, 5_747_657)
    assert (bounds[0], bounds[3]) == pytest.approx((west, north), abs=1e-5)


def test_a_model_that_gives_no_numbers_or_fails_on_a_batch(tmp_path: Path) -> None:
    for index in (0, 1):
        picture(tmp_path / f"{index}.png", index)

    class Small(PooledColours):
        def encode_image(self, pixels: Tensor) -> Tensor:
            if len(pixels) > 1:
                raise RuntimeError("out of memory")
            return super().encode_image(pixels)

    class Broken(PooledColours):
        def encode_image(self, pixels: Tensor) -> Tensor:
            return super().encode_image(pixels) * float("nan")

    assert [one.label for one in classify(tmp_path, NAMES, model=Small()).results] == ["water", "forest"]
    labels = classify(tmp_path, NAMES, model=Broken())
    assert (
        labels.results == []
        and [one.reason for _, one in labels.failed] == ["the model gave numbers that are not finite"] * 2
    )


def test_a_scene_without_a_valid_pixel_fails(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", np.zeros((3, 40, 40), np.uint8), nodata=0)
    for windows in (True, False):
        labels = classify(source, NAMES, model=MODEL, options=ClassifyOptions(windows=windows))
        assert labels.results == [] and "no pixel of the scene is valid" in labels.failed[0][1].reason


def test_a_large_picture_is_averaged_and_not_sampled(tmp_path: Path) -> None:
    """Every second row is water: sampling would see nothing else, or nothing of it."""
    field = np.full((320, 320), NAMES.index("forest"))
    field[::4] = NAMES.index("water")
    Image.fromarray(paint(field, NAMES).transpose(1, 2, 0)).save(tmp_path / "striped.png")
    assert [one.label for one in classify(tmp_path / "striped.png", NAMES, model=MODEL).results] == ["forest"]


def test_the_choice_of_bands_is_the_callers(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", NAMES.index("roof"))
    turned = classify(path, NAMES, model=MODEL, read=ReadOptions(bands=(3, 2, 1)))
    assert turned.results[0].label == "water" != classify(path, NAMES, model=MODEL).results[0].label


def test_progress_is_told_by_windows_or_by_sources(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    source = write_scene(tmp_path / "scene.tif", paint(class_field((70, 70), 3), NAMES))
    classify(source, NAMES, model=MODEL, progress=lambda *args: seen.append(args))
    assert seen == [*(("windows", done, 9) for done in range(1, 10)), ("sources", 1, 1)]
    seen.clear()
    classify(
        [picture(tmp_path / "a.png", 0), picture(tmp_path / "b.png", 1)],
        NAMES,
        model=MODEL,
        progress=lambda *args: seen.append(args),
    )
    assert seen == [("sources", 1, 2), ("sources", 2, 2)]


def test_one_class_and_missing_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two classes"):
        classify(tmp_path, "water", model=MODEL)
    with pytest.raises(SourceError):
        classify(tmp_path / "none.png", NAMES, model=MODEL)


def test_how_sources_were_read_is_told(tmp_path: Path) -> None:
    field = np.zeros((64, 64), int)
    field[32:] = 1
    pixels = np.concatenate([paint(field, NAMES), paint(field, NAMES)[:1]]).astype(np.uint16) * 9
    scene = write_scene(tmp_path / "scene.tif", pixels)
    notes = classify(scene, NAMES, model=MODEL).notes
    assert any("are taken as red, green, blue" in note for note in notes)
    assert any("is not 8 bit" in note for note in notes)
    Image.fromarray(paint(field, NAMES).transpose(1, 2, 0)).save(tmp_path / "plain.png")
    assert classify(tmp_path / "plain.png", NAMES, model=MODEL).notes == ()
    many = [write_scene(tmp_path / f"{index}.tif", pixels) for index in range(12)]
    told = classify(many, NAMES, model=MODEL).notes
    assert len(told) == 21 and told[-1].startswith("and 4 more")


def test_notes_of_many_sources_are_bounded_and_reasons_are_not_kept(tmp_path: Path) -> None:
    for number in range(30):
        write_scene(tmp_path / f"{number:02}.tif", np.full((3, 40, 40), 9, np.uint16) * number)  # each is stretched
    notes = classify(tmp_path, NAMES, model=MODEL).notes
    assert len([note for note in notes if "stretched" in note]) <= 20
    assert any(note.endswith("more on how other sources were read") for note in notes)


def test_a_label_that_is_not_there_is_marked_in_its_line() -> None:
    good = Label("a.png", None, "town", 0.9, {"town": 0.9}, present=True)
    labels = Labels("mini", [good, replace(good, present=False), replace(good, why="too small")])
    first, second, third = describe(labels).splitlines()
    assert first.endswith("a.png") and second.endswith("nothing looks like it") and third.endswith("not to be trusted")
