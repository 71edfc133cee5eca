"""Other bands beside words, from a raster to maps and objects."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch

from geoglot.geo import Window
from geoglot.models.taught import Taught
from geoglot.options import FindOptions, ReadOptions, SegmentOptions
from geoglot.scene.class_words import parse_classes
from geoglot.scene.consult_bands import consult_bands
from geoglot.scene.cover_rules import NEAR_INFRARED
from geoglot.sources.raster import open_raster
from geoglot.tasks.ask.ask import AskOptions, ask
from geoglot.tasks.change.change import change
from geoglot.tasks.find.find import find
from geoglot.tasks.segment.segment import segment
from stubs import COLOURS, PooledColours
from worlds import write_scene

CLASSES, BACKGROUND = "water, forest, sand, road", "forest, sand, road"
READ = ReadOptions(tile=64, overlap=16, batch=2)
NAMED = ("red", "green", "blue", "nir")
SIDE = 160


def lakes() -> np.ndarray:
    """Where water is: two discs with edges inside patches."""
    rows, cols = np.ogrid[:SIDE, :SIDE]
    return ((rows - 41) ** 2 + (cols - 45) ** 2 < 27**2) | ((rows - 117) ** 2 + (cols - 109) ** 2 < 22**2)


def pixels() -> np.ndarray:
    """Lakes on sand, a wood, and a field that has the colour of water; only near infrared tells it from a lake."""
    cover = np.full((SIDE, SIDE), "sand", object)
    cover[:, 124:], cover[100:150, 8:64], cover[lakes()] = "forest", "water", "water"
    picture = np.zeros((3, SIDE, SIDE))
    for name in np.unique(cover):
        picture[:, cover == name] = np.array(COLOURS[name])[:, None]
    infrared = np.where(lakes(), 0.08, np.where(cover == "forest", 0.7, 0.9))
    noise = np.random.default_rng(0).normal(0, 0.01, (4, SIDE, SIDE))
    return ((np.stack([*picture, infrared]) + noise).clip(0.02, 1) * 255).round().astype(np.uint8)


def write(path: Path, bands: np.ndarray, names: tuple[str, ...] = NAMED, **profile: Any) -> Path:
    write_scene(path, bands, photometric="minisblack", **profile)
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = names
        dataset.colorinterp = [rasterio.enums.ColorInterp.undefined] * len(bands)
    return path


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("lakes") / "scene.tif", pixels())


def mapped(source: Path, output: Path, evidence: Any = "words+bands", classes: str = CLASSES, **more: Any) -> Any:
    options = SegmentOptions(evidence=evidence, overlay=False, scores=True)
    return segment(source, classes, output, model=PooledColours(), read=READ, options=options, **more)


def found(source: Path, evidence: Any = "words+bands", name: str = "water", background: str = BACKGROUND) -> Any:
    options = FindOptions(evidence=evidence, background=background)
    return find(source, name, model=PooledColours(), read=READ, options=options)


def water(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return np.asarray(dataset.read(1) == 1)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_near_infrared_tells_water_from_a_field_of_its_colour(scene: Path, tmp_path: Path) -> None:
    by_words, by_both = mapped(scene, tmp_path / "w.tif", "words"), mapped(scene, tmp_path / "b.tif")
    assert iou(water(tmp_path / "w.tif"), lakes()) < 0.7
    assert iou(water(tmp_path / "b.tif"), lakes()) > 0.95  # finer than the patches of 8 pixels
    assert any("water was decided together with NDWI and near infrared of bands 2 (green)" in n for n in by_both.notes)
    assert not any("together" in note for note in by_words.notes)


def test_map_objects_and_answer_agree(scene: Path, tmp_path: Path) -> None:
    shares = {share.name: share.area_m2 for share in mapped(scene, tmp_path / "b.tif").classes}
    objects = found(scene)
    options = AskOptions(find=FindOptions(background=BACKGROUND, overlay=False))
    answer = ask(scene, "What is the area of water?", model=PooledColours(), options=options, read=READ)
    area = lakes().sum() / 4
    assert shares["water"] == pytest.approx(area, rel=0.03)
    assert objects.areas_m2["water"] == pytest.approx(area, rel=0.03)
    assert objects.counts["water"] == 2
    assert found(scene, "words").counts["water"] == 3
    assert any("together with NDWI" in note for note in objects.notes)
    assert answer.value == pytest.approx(objects.areas_m2["water"], rel=0.01)
    assert any("together with NDWI" in note for note in answer.notes)


def test_words_alone_give_what_the_picture_alone_gives(scene: Path, tmp_path: Path) -> None:
    picture = write(tmp_path / "rgb.tif", pixels()[:3], NAMED[:3])
    mapped(scene, tmp_path / "w.tif", "words")
    mapped(picture, tmp_path / "p.tif")
    for name in ("w", "p"):
        assert (tmp_path / f"{name}.tif").exists()
    assert (tmp_path / "w.tif").read_bytes() == (tmp_path / "p.tif").read_bytes()
    assert (tmp_path / "w.scores.tif").read_bytes() == (tmp_path / "p.scores.tif").read_bytes()
    assert found(scene, "words").objects.equals(found(picture).objects)


def test_words_that_no_band_judges_change_nothing(scene: Path, tmp_path: Path) -> None:
    for name, evidence in (("w", "words"), ("b", "words+bands")):
        result = mapped(scene, tmp_path / f"{name}.tif", evidence, "marsh, heath")
        assert not any("band" in note and "together" in note for note in result.notes)
    assert (tmp_path / "w.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_bands_that_nothing_names_are_not_used_and_a_note_says_so(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.tif", pixels(), ("", "", "", ""))
    result = mapped(plain, tmp_path / "b.tif")
    mapped(plain, tmp_path / "w.tif", "words")
    assert (tmp_path / "w.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    notes = [note for note in result.notes if "near infrared" in note]
    assert len(notes) == 1
    assert "4 bands" in notes[0] and "water, forest, sand and road" in notes[0] and "--sensor" in notes[0]
    assert not any("near infrared" in note for note in mapped(plain, tmp_path / "c.tif", classes="marsh, heath").notes)
    sensor = ReadOptions(tile=64, overlap=16, sensor="naip")
    named = find(plain, "water", model=PooledColours(), read=sensor, options=FindOptions(background=BACKGROUND))
    assert named.counts["water"] == 2


def test_pixels_without_near_infrared_are_decided_by_words(tmp_path: Path) -> None:
    bands = pixels().astype(np.float32)
    bands[3, 100:150, 8:64] = np.nan
    hole = write(tmp_path / "hole.tif", bands)
    mapped(hole, tmp_path / "b.tif")
    assert water(tmp_path / "b.tif")[108:142, 16:56].all()  # the field is water to words
    assert iou(water(tmp_path / "b.tif")[:90], lakes()[:90]) > 0.95


def test_a_run_that_was_stopped_resumes_with_the_same_bytes(scene: Path, tmp_path: Path) -> None:
    def stop(step: str, done: int, total: int) -> None:
        if step == "windows" and done > total // 2:
            raise KeyboardInterrupt

    mapped(scene, tmp_path / "straight.tif")
    with pytest.raises(KeyboardInterrupt):
        mapped(scene, tmp_path / "stopped.tif", progress=stop)
    again = mapped(scene, tmp_path / "stopped.tif")
    assert any("going on after" in note for note in again.notes)
    for kind in ("tif", "scores.tif"):
        assert (tmp_path / f"stopped.{kind}").read_bytes() == (tmp_path / f"straight.{kind}").read_bytes()


def test_the_map_does_not_depend_on_rows_read_at_once(scene: Path, tmp_path: Path) -> None:
    read = ReadOptions(tile=SIDE, overlap=0)
    options = SegmentOptions(overlay=False)
    mapped(scene, tmp_path / "a.tif")
    segment(scene, CLASSES, tmp_path / "b.tif", model=PooledColours(), read=read, options=options)
    assert (water(tmp_path / "a.tif") == water(tmp_path / "b.tif")).mean() > 0.999


def test_scores_hold_the_evidence_too(scene: Path, tmp_path: Path) -> None:
    mapped(scene, tmp_path / "b.tif")
    with rasterio.open(tmp_path / "b.scores.tif") as dataset:
        scores = dataset.read()
    np.testing.assert_allclose(scores.sum(0), 1, atol=1e-5)
    assert scores[0, 4:6, 4:6].min() > 0.9  # a lake
    assert scores[0, 14:17, 3:6].max() < 0.5  # the field


def test_the_manifest_records_what_the_bands_said(scene: Path, tmp_path: Path) -> None:
    evidence = json.loads(mapped(scene, tmp_path / "b.tif").manifest.read_text())["run"]["evidence"]
    assert evidence["bands"] == {"blue": 3, "green": 2, "red": 1, "nir": 4}
    assert NEAR_INFRARED in evidence["ramps"]["water"]


def test_reflectances_need_no_two_heaps(tmp_path: Path) -> None:
    """All water, in counts of surface reflectance: published thresholds hold."""
    counts = np.stack([np.full((64, 64), number, np.uint16) for number in (600, 700, 800, 200)])
    counts += np.random.default_rng(0).integers(0, 30, counts.shape).astype(np.uint16)
    sea = write(tmp_path / "sea.tif", counts)
    options = FindOptions(background="sand, forest", min_score=0.5)
    by = {
        kind: find(sea, "water", model=PooledColours(), read=ReadOptions(sensor="planetscope"), options=chosen)
        for kind, chosen in (("words", replace(options, evidence="words")), ("words+bands", options))
    }
    assert by["words+bands"].areas_m2["water"] == pytest.approx(64 * 64 / 4, rel=0.01)
    assert by["words"].areas_m2["water"] == 0  # the colour is nearer to that of a wood


def test_a_name_that_no_band_judges_scores_as_it_does_alone(scene: Path) -> None:
    alone = find(scene, "elephant", options=FindOptions(overlay=False), read=READ)
    beside = find(scene, "elephant, water", options=FindOptions(overlay=False), read=READ)
    assert any("water was decided" in note for note in beside.notes)
    assert beside.presence["elephant"] == alone.presence["elephant"] < 0.05


def test_a_note_on_very_many_classes_is_a_few_lines(scene: Path, tmp_path: Path) -> None:
    classes = ["water", "forest", *(f"forest of oaks number {number}" for number in range(60))]
    options = SegmentOptions(overlay=False)
    result = segment(scene, classes, tmp_path / "map.tif", read=READ, options=options)
    notes = [note for note in result.notes if "NDVI" in note]
    assert notes and any("more" in note for note in notes) and max(map(len, notes)) < 900


def damage(path: Path, source: Path, block: int) -> Path:
    """A copy of a scene in bands and blocks of 32 pixels, of which one block of near infrared is spoilt."""
    with rasterio.open(source) as dataset:
        layout = {"tiled": True, "blockxsize": 32, "blockysize": 32, "interleave": "band", "compress": "deflate"}
        with rasterio.open(path, "w", **(dataset.profile | layout)) as copy:
            copy.write(dataset.read())
            copy.descriptions = dataset.descriptions
            copy.colorinterp = dataset.colorinterp
    with rasterio.open(path) as dataset:
        row, col = divmod(block, SIDE // 32)
        tag = dataset.tags(4, ns="TIFF")  # GDAL tells where a block lies
        offset = int(
            tag.get(f"BLOCK_OFFSET_{col}_{row}") or dataset.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", 4)
        )
    content = bytearray(path.read_bytes())
    content[offset : offset + 40] = b"\xff" * 40
    path.write_bytes(content)
    return path


def test_a_damaged_block_of_near_infrared_takes_the_bands_from_that_block_only(scene: Path, tmp_path: Path) -> None:
    spoilt = damage(tmp_path / "spoilt.tif", scene, 4)  # the upper right corner, where no water is
    result = mapped(spoilt, tmp_path / "b.tif")
    assert iou(water(tmp_path / "b.tif")[32:], lakes()[32:]) > 0.95
    assert any("damaged in places" in note for note in result.notes)
    objects = found(spoilt)
    assert objects.counts["water"] == 2
    assert objects.areas_m2["water"] == pytest.approx(lakes().sum() / 4, rel=0.03)


def test_evidence_does_not_depend_on_the_window_that_is_read(scene: Path, tmp_path: Path) -> None:
    spoilt = damage(tmp_path / "spoilt.tif", scene, 6)
    with open_raster(spoilt) as raster:
        evidence = consult_bands(raster, parse_classes("house, water"), "words+bands", compete=False).evidence
        assert evidence and max(evidence.widths) > 3
        whole = evidence.at(raster.grid.whole, slice(0, 2))
        for part in (Window(20, 25, 60, 45), Window(0, 0, 31, 160), Window(33, 33, 1, 1)):
            np.testing.assert_allclose(evidence.at(part, slice(0, 2)), whole[(slice(None), *part.slices)], atol=1e-5)


def test_a_pond_smaller_than_a_patch_is_present(tmp_path: Path) -> None:
    sand, pond = (
        np.array([*COLOURS[name], infrared])[:, None, None] for name, infrared in (("sand", 0.9), ("water", 0.08))
    )
    bands = np.broadcast_to(sand, (4, SIDE, SIDE)).copy()
    bands[:, 85:92, 85:92] = pond  # in the corners of four patches
    counts = write(tmp_path / "pond.tif", (bands * 4000).astype(np.uint16))
    options, read = FindOptions(background=BACKGROUND, overlay=False), replace(READ, sensor="planetscope")
    result = find(counts, "water", model=PooledColours(), read=read, options=options)
    assert result.counts["water"] == 1
    assert result.presence["water"] > 0.5


def test_specks_that_objects_leave_out_and_maps_keep_are_told(tmp_path: Path) -> None:
    bands = pixels()
    for row, col in ((140, 80), (150, 90)):
        bands[:, row : row + 3, col] = bands[:, 41:44, 45]  # three pixels of a lake
    place = rasterio.Affine(2, 0, 500_000, 0, -2, 5_000_000)
    specks = write(tmp_path / "specks.tif", bands, transform=place)
    result = found(specks)
    assert result.counts["water"] == 2
    assert [note for note in result.notes if "speck" in note] == [
        "left out 2 specks of 'water' below 4 pixels, where bands decide; a map by `segment` keeps them"
    ]
    assert not any("speck" in note for note in found(specks, "words").notes)


def test_notes_on_bands_come_from_their_pixels(scene: Path, tmp_path: Path) -> None:
    bands = pixels().astype(np.float32)
    bands[3] = np.nan
    empty = write(tmp_path / "empty.tif", bands)
    notes = mapped(empty, tmp_path / "e.tif").notes
    assert any("have no data: water, forest, sand and road were decided by words alone" in note for note in notes)
    assert not any("together" in note for note in notes)
    bands = pixels().astype(np.float32)
    bands[3, : SIDE // 2] = np.nan
    half = mapped(write(tmp_path / "half.tif", bands), tmp_path / "h.tif").notes
    assert any("no data in 50% of the scene" in note for note in half)
    hidden = find(scene, "water, manhole", read=READ, options=FindOptions(overlay=False))
    assert "manhole" in hidden.why and not any("manhole" in note for note in hidden.notes if "together" in note)


def test_a_class_that_bands_show_is_not_told_to_be_nowhere(scene: Path, tmp_path: Path) -> None:
    options = SegmentOptions(overlay=False)
    result = segment(scene, "river, brown field, parking lot", tmp_path / "map.tif", read=READ, options=options)
    shares = {share.name: share.share for share in result.classes}
    assert shares["river"] > 0.05
    assert not any("no river" in note for note in result.notes)


@pytest.mark.parametrize("name", ["lawn", "trees"])
@pytest.mark.parametrize("words", [(), ("house",)], ids=["", "of a class file"])
def test_bands_that_show_a_cover_decide_nothing_between_two_taught_classes_of_it(
    name: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    """At every door, with one of the two asked for: the bands show plants, of which both are."""
    kind = np.zeros((SIDE, SIDE), int)
    kind[:, 60:], kind[100:] = 1, 2
    names, colours = ("lawn", "trees", "sand"), [COLOURS[each] for each in ("marsh", "forest", "sand")]
    picture = np.moveaxis(np.array(colours)[kind], 2, 0)
    bands = (np.concatenate([picture, 0.9 + 0.01 * (kind[None] > 0)]) * 255).astype(np.uint8)
    scene = write(tmp_path / "plants.tif", bands)
    base = PooledColours()
    weight = 5 * torch.nn.functional.normalize(torch.tensor(colours), dim=1)
    head = {"weight": weight, "bias": torch.zeros(3), "words": weight / 5, "levels": torch.zeros(3)}
    taught = Taught(replace(base.card, name="mine", config={"classes": names}), base, head)
    asked = {name: words or (name,)}
    result = find(scene, asked, model=taught, read=READ)
    truth = float((kind == names.index(name)).sum()) / 4
    assert any(f"{name} was decided together with NDVI" in note for note in result.notes)
    assert result.areas_m2[name] == pytest.approx(truth, rel=0.2)  # 1.6 to 2.7 times if the bands lift it alone
    options = SegmentOptions(overlay=False)
    shares = segment(scene, asked, tmp_path / "map.tif", model=taught, read=READ, options=options).classes
    assert {each.name: each.area_m2 for each in shares}[name] == pytest.approx(truth, rel=0.2)
    dates = change([scene, scene], asked | {"sand": ("sand",)}, model=taught, read=READ).classes
    assert {each.name: each.area_m2 for each in dates}[name][0] == pytest.approx(truth, rel=0.2)


def test_a_band_of_one_value_decides_nothing_and_is_told(tmp_path: Path) -> None:
    """A black band is no sea."""
    bands = pixels()
    bands[3] = 0
    result = found(write(tmp_path / "black.tif", bands))
    alone = found(write(tmp_path / "plain.tif", bands[:3], NAMED[:3]))
    assert any("band 4 (nir)" in note and "the same value everywhere" in note for note in result.notes)
    assert result.areas_m2 == alone.areas_m2 and not any("decided together" in note for note in result.notes)
