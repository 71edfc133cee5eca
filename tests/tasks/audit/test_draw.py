from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from PIL import Image

from audited import decide_by, read_rows, write_map
from geoglot.errors import InputError, OutputError
from geoglot.options import AuditOptions
from geoglot.tasks.audit.audit_areas import audit_areas
from geoglot.tasks.audit.census import Census, Stratum, take_census
from geoglot.tasks.audit.class_raster import open_classes
from geoglot.tasks.audit.draw_audit import draw_audit
from geoglot.tasks.audit.map_facts import Shown, with_shifts
from geoglot.tasks.audit.pick_places import Place, pick_places
from geoglot.tasks.audit.sample_size import allocate, expected_half_widths, size_of
from geoglot.tasks.change.change import change
from stubs import ColourScorer
from worlds import class_field, paint, write_scene


def strata(*pixels: int) -> tuple[Stratum, ...]:
    return tuple(Stratum(at, f"class {at}", count, None, count / sum(pixels)) for at, count in enumerate(pixels))


def census_and_places(path: Path, sizes: list[int], seed: int = 0) -> tuple[Census, tuple[Place, ...]]:
    with open_classes(path) as raster:
        census = take_census(raster)
        return census, pick_places(raster, census, sizes, seed)


def test_size_is_cochrans() -> None:
    options = AuditOptions(precision=0.03, expected=0.8)
    infinite = 0.8 * 0.2 / (0.03 / 1.959964) ** 2
    assert size_of(strata(10**9, 10**9), options) == np.ceil(infinite)
    assert size_of(strata(500, 500), options) == np.ceil(infinite / (1 + infinite / 1000))


def test_rare_classes_get_their_least_and_the_rest_follows_the_ground() -> None:
    given = allocate(strata(900_000, 99_000, 1_000, 10), AuditOptions(size=400, least=50))
    assert sum(given) == pytest.approx(400, abs=2)
    assert given[1:] == (50, 50, 10)  # 99 of 1,000 would be 29
    assert given[0] > 280


def test_a_size_below_the_least_of_all_classes_is_refused() -> None:
    with pytest.raises(InputError, match="size must be at least 75"):
        allocate(strata(1000, 1000, 1000), AuditOptions(size=60))


def test_expected_half_width_shrinks_with_the_square_root_of_the_places() -> None:
    one, four = (expected_half_widths(strata(900, 100), sizes, 0.9) for sizes in ((90, 10), (360, 40)))
    assert one / four == pytest.approx([2, 2])
    assert one[0] == pytest.approx(one[1])  # of two classes, one loses what the other gains


def test_places_are_of_their_strata_and_spread_evenly(tmp_path: Path) -> None:
    ids = class_field((300, 2100), 3)
    ids[:40] = 255
    census, places = census_and_places(write_map(tmp_path / "map.tif", ids), [900, 900, 900])
    assert [stratum.pixels for stratum in census.strata] == [int((ids == number).sum()) for number in range(3)]
    assert all(ids[place.row, place.col] == place.stratum for place in places)
    assert len({(place.row, place.col) for place in places}) == len(places)
    for number in range(3):
        cols = np.array([place.col for place in places if place.stratum == number])
        expected = (np.nonzero(ids == number)[1] < 1024).mean()  # the first of three blocks
        assert (cols < 1024).mean() == pytest.approx(expected, abs=0.05)
    first = np.array([place.stratum for place in places[:900]])
    assert np.bincount(first) == pytest.approx([300] * 3, abs=50)  # the order tells nothing of the stratum


def test_same_seed_draws_the_same_places_and_another_draws_others(tmp_path: Path) -> None:
    path = write_map(tmp_path / "map.tif", class_field((90, 90), 3))
    first, again, other = (census_and_places(path, [20, 20, 20], seed)[1] for seed in (3, 3, 4))
    assert first == again
    assert {(place.row, place.col) for place in first} != {(place.row, place.col) for place in other}


def test_on_a_grid_in_degrees_each_square_metre_has_the_same_chance(tmp_path: Path) -> None:
    ids = np.zeros((4096, 64), np.uint8)  # from 80 degrees north to the equator
    path = write_map(tmp_path / "map.tif", ids, crs="EPSG:4326", transform=Affine(80 / 4096, 0, 5, 0, -80 / 4096, 80))
    census, places = census_and_places(path, [2000])
    rows = np.array([place.row for place in places])
    south = np.sin(np.radians(20)) / np.sin(np.radians(80))  # of the ground; a quarter of the pixels
    assert (rows >= 3072).mean() == pytest.approx(south, abs=0.03)
    assert census.strata[0].area_m2 == pytest.approx(
        2 * np.pi * 6371e3**2 * np.sin(np.radians(80)) * (64 * 80 / 4096) / 360, rel=0.01
    )


def test_table_has_every_place_once_and_says_nothing_of_the_map(tmp_path: Path) -> None:
    path = write_map(tmp_path / "map.tif", class_field((90, 90), 3))
    drawn = draw_audit(path, tmp_path / "audit", options=AuditOptions(size=80))
    rows = read_rows(tmp_path / "audit")
    assert [row["id"] for row in rows] == [str(number) for number in range(1, 81)]
    assert {row["class"] for row in rows} == {""}
    assert not {"water", "forest"} & set((tmp_path / "audit" / "sample.csv").read_text().split(","))
    assert drawn.sizes == tuple(stratum["places"] for stratum in drawn.to_json()["strata"])
    assert any("no pictures" in note for note in drawn.notes)


def test_without_a_folder_nothing_is_written(tmp_path: Path) -> None:
    drawn = draw_audit(write_map(tmp_path / "map.tif", class_field((90, 90), 3)))
    assert drawn.sample is None and sum(drawn.sizes) == drawn.to_json()["places"]
    assert {path.name for path in tmp_path.iterdir()} == {"map.tif"}


def test_same_call_again_keeps_what_was_decided(tmp_path: Path) -> None:
    path, folder = write_map(tmp_path / "map.tif", class_field((90, 90), 3)), tmp_path / "audit"
    draw_audit(path, folder)
    (folder / "sample.csv").write_text((folder / "sample.csv").read_text() + "\n")
    before = (folder / "sample.csv").read_text()
    draw_audit(path, folder)
    assert (folder / "sample.csv").read_text() == before
    with pytest.raises(OutputError, match="holds something else"):
        draw_audit(path, folder, options=AuditOptions(seed=1))


def test_folder_that_a_killed_run_left_is_taken_over(tmp_path: Path) -> None:
    path, left = write_map(tmp_path / "map.tif", class_field((90, 90), 3)), tmp_path / ".audit.part"
    left.mkdir(mode=0o700)
    (left / "made-by-geoglot").write_bytes(
        b"geoglot made this folder, empties it and removes it. Keep nothing of yours here.\n"
    )
    (left / "audit" / "chips").mkdir(parents=True)
    for name in ("design.json", "sample.csv", "sheet-1.png", "chips/0001.png"):
        (left / "audit" / name).write_text("half")
    draw_audit(path, tmp_path / "audit")
    assert not left.exists() and len(read_rows(tmp_path / "audit")) > 0


def test_pictures_show_each_place_of_each_scene(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "scene_20150601.tif", np.full((3, 90, 90), 200, np.uint8))
    later = write_scene(tmp_path / "later.tif", np.full((3, 90, 90), 90, np.uint8))
    path = write_map(tmp_path / "map.tif", class_field((90, 90), 3))
    drawn = draw_audit(path, tmp_path / "audit", scenes=[scene, later], options=AuditOptions(size=75))
    assert drawn.scenes == (str(scene), str(later))
    rows = read_rows(tmp_path / "audit")
    chips = [Image.open(tmp_path / "audit" / row["chip"]).convert("RGB") for row in rows]
    assert len(chips) == 75
    width, height = chips[0].size
    assert width > 2 * 248 and height > 2 * 248  # two dates, from afar and near
    assert chips[0].getpixel((10 + 124 + 4, 10 + 124)) == (230, 26, 26)  # the frame around the pixel
    assert {path.name for path in (tmp_path / "audit").glob("sheet-*.png")} == {"sheet-1.png", "sheet-2.png"}


def test_pictures_of_dates_that_change_has_aligned_show_the_same_ground(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("water", "forest", "roof")
    ground = paint(class_field((240, 244), 3, blob=12), names).astype(float)
    ground += np.random.default_rng(0).normal(scale=8, size=ground.shape)
    earlier, later = (
        write_scene(tmp_path / name, ground[:, rows, cols].clip(0, 255).astype(np.uint8))
        for name, rows, cols in (
            ("a_20150629.tif", slice(3, 239), slice(0, 240)),
            ("b_20200702.tif", slice(0, 236), slice(4, 244)),  # shows things 3 px further down, and 4 px to the left
        )
    )
    monkeypatch.chdir(tmp_path)  # the manifest is read from another folder than that of its names
    result = change([earlier.name, later.name], None, "change.tif", model=ColourScorer(names))
    monkeypatch.chdir("/")
    assert result.alignment[1]["shift_px"] == pytest.approx([-4, 3], abs=0.3)
    options = AuditOptions(least=2, size=30)
    drawn = draw_audit(tmp_path / "change.tif", tmp_path / "moved", options=options)
    assert any("moved by the shift" in note for note in drawn.notes)
    bare = tmp_path / "bare.tif"  # without the manifest that tells the shift
    bare.write_bytes((tmp_path / "change.tif").read_bytes())
    plain = draw_audit(bare, tmp_path / "plain", scenes=[earlier, later], options=options)
    assert not any("moved by the shift" in note for note in plain.notes)
    assert difference_of_dates(tmp_path / "moved") < 0.5 * difference_of_dates(tmp_path / "plain")
    later.unlink()
    drawn = draw_audit(tmp_path / "change.tif", options=options)
    assert drawn.scenes == (str(earlier),) and any(f"no picture shows {later}" in note for note in drawn.notes)


def difference_of_dates(folder: Path) -> float:
    """The mean difference between the near pictures of the first and the second date."""
    chips = [np.asarray(Image.open(folder / row["chip"]).convert("RGB"), float) for row in read_rows(folder)]
    return float(np.mean([abs(chip[-258:-10, 10:258] - chip[-258:-10, -258:-10]).mean() for chip in chips]))


@pytest.mark.parametrize(
    "alignment",
    [
        None,
        "moved",
        [None, 3, {"source": "scene.tif"}],
        [{"source": "scene.tif", "shift_applied": True, "shift_px": [1.0]}],
        [{"source": "scene.tif", "shift_applied": True, "shift_px": ["1.0", 2.0]}],
        [{"source": "scene.tif", "shift_applied": True, "shift_px": [float("nan"), 0.0]}],
        [{"source": "scene.tif", "shift_applied": True, "shift_px": [1e300, 0.0]}],
        [{"source": "scene.tif", "shift_applied": False, "shift_px": [3.0, 1.0]}],
    ],
)
def test_a_manifest_without_a_shift_moves_no_picture(alignment: object) -> None:
    facts = {"alignment": alignment, "sources": [{"uri": "scene.tif"}]}
    assert with_shifts(["scene.tif"], facts) == (Shown("scene.tif"),)


@pytest.mark.parametrize("sources", [None, 3, ["scene.tif"], [{"uri": "\0"}], [{"uri": 3}], [{"uri": "other.tif"}]])
def test_a_manifest_that_does_not_name_a_scene_moves_no_picture_of_it(sources: object) -> None:
    facts = {"alignment": [{"shift_applied": True, "shift_px": [3.0, 1.0]}], "sources": sources}
    assert with_shifts(["scene.tif"], facts) == (Shown("scene.tif"),)


def test_a_map_with_a_table_of_names_is_shown_in_the_colours_of_its_legend(tmp_path: Path) -> None:
    ids, names = class_field((60, 60), 3), {3: "water", 4: "forest", 5: "roof"}
    path = write_scene(tmp_path / "map.tif", ids[None].astype(np.uint8) + 3)
    (table := tmp_path / "names.csv").write_text(
        "id,name\n" + "\n".join(f"{id_},{name}" for id_, name in names.items())
    )
    drawn = draw_audit(path, tmp_path / "audit", names=table, options=AuditOptions(least=2, size=20))
    decide_by(tmp_path / "audit", ids + 3, names)
    other = write_scene(tmp_path / "other.tif", np.flip(ids[None].astype(np.uint8) + 3, 2))
    audits = [audit_areas(tmp_path / "audit"), audit_areas(tmp_path / "audit", other, names=table)]
    for result, true in ((drawn, ids), (audits[0], ids), (audits[1], ids[:, ::-1])):
        drawing = result.draw()
        colours = {name: colour for colour, name in drawing.entries}
        assert colours.keys() == set(names.values())
        shown = np.asarray(drawing.scenes[0].image)
        for id_, name in names.items():
            assert (shown[true == id_ - 3] == colours[name]).all()


def test_map_of_another_program_takes_its_names_from_a_table(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "map.tif", class_field((60, 60), 3)[None].astype(np.uint8))
    table = tmp_path / "names.csv"
    table.write_text("id;name\n0;sea\n2;land\n")
    drawn = draw_audit(path, names=table)
    assert [stratum.name for stratum in drawn.strata] == ["sea", "land"]
    assert any("ids 1" in note and "left out" in note for note in drawn.notes)
    assert sum(stratum.weight for stratum in drawn.strata) == pytest.approx(1)
    bare = draw_audit(path)
    assert [stratum.name for stratum in bare.strata] == ["0", "1", "2"]
    assert any("--names" in note for note in bare.notes)


@pytest.mark.parametrize(
    "text", ["id,name\na,sea\n", "id,name\n0,sea\n0,land\n", "id,name\n0,sea\n1,sea\n", "id,name\n0,\n"]
)
def test_table_that_names_no_classes_is_refused(tmp_path: Path, text: str) -> None:
    path = write_scene(tmp_path / "map.tif", np.zeros((1, 60, 60), np.uint8))
    (tmp_path / "names.csv").write_text(text)
    with pytest.raises(InputError, match=r"names\.csv, line"):
        draw_audit(path, names=tmp_path / "names.csv")


@pytest.mark.parametrize(
    ("pixels", "match"),
    [
        (np.zeros((3, 60, 60), np.uint8), "one band of whole numbers"),
        (np.zeros((1, 60, 60), np.float32), "one band of whole numbers"),
        (np.arange(3600, dtype=np.int32).reshape(1, 60, 60) * 1000, "no map of classes"),
    ],
)
def test_raster_that_is_no_map_of_classes_is_refused(tmp_path: Path, pixels: np.ndarray, match: str) -> None:
    with pytest.raises(InputError, match=match):
        draw_audit(write_scene(tmp_path / "map.tif", pixels))


def test_map_without_a_pixel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pixel of a class"):
        draw_audit(write_map(tmp_path / "map.tif", np.full((60, 60), 255)))
