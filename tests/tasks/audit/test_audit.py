import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely

from audited import NAMES, decide, decide_by, read_rows, write_map, write_rows
from geoglot.errors import InputError
from geoglot.options import AuditOptions
from geoglot.outputs.record import Record
from geoglot.tasks.audit.audit_areas import audit_areas
from geoglot.tasks.audit.draw_audit import draw_audit
from worlds import class_field, write_scene

TRUTH = class_field((240, 240), 3, seed=1)
MAPPED = np.where(np.random.default_rng(0).random(TRUTH.shape) < 0.85, TRUTH, class_field(TRUTH.shape, 3, seed=2))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sample of 300 places, not decided yet."""
    path = write_map(tmp_path / "map.tif", MAPPED)
    draw_audit(path, tmp_path / "audit", options=AuditOptions(size=300))
    return tmp_path / "audit"


def test_areas_are_those_of_the_truth_and_not_of_the_map(folder: Path) -> None:
    decide_by(folder, TRUTH)
    audit = audit_areas(folder)
    for number, each in zip(NAMES, audit.classes, strict=True):
        assert each.name == NAMES[number]
        area = (number == TRUTH).sum() * 0.25
        assert each.area_m2.low is not None and each.area_m2.high is not None
        assert each.area_m2.low * 0.97 < area < each.area_m2.high * 1.03
        assert each.mapped_m2 == pytest.approx((number == MAPPED).sum() * 0.25, rel=1e-3)
        assert each.area_m2.value == pytest.approx(each.share.value * TRUTH.size * 0.25, rel=1e-3)
        right = ((number == TRUTH) & (number == MAPPED)).sum()
        assert each.users.value == pytest.approx(right / (number == MAPPED).sum(), abs=0.1)
        assert each.producers.value == pytest.approx(right / (number == TRUTH).sum(), abs=0.1)
    assert audit.overall.value == pytest.approx((TRUTH == MAPPED).mean(), abs=0.06)
    assert sum(each.share.value or 0 for each in audit.classes) == pytest.approx(1)
    assert sum(count for row in audit.matrix.values() for count in row.values()) == 300
    document = json.loads(json.dumps(audit.to_json(), allow_nan=False))
    assert {"sample", "strata", "areas", "accuracy"} <= document.keys()
    assert {"name", "area_m2", "low", "high"} <= document["areas"][0].keys()


def test_stopping_early_leaves_a_smaller_random_sample(folder: Path) -> None:
    decide(folder, lambda number, row, col: NAMES[int(TRUTH[row, col])] if number <= 120 else "")
    audit = audit_areas(folder)
    assert sum(audit.decided) == 120
    assert any("last 180 places" in note for note in audit.notes)


def test_a_few_skipped_places_are_told(folder: Path) -> None:
    decide(folder, lambda number, row, col: "?" if number in (5, 9) else NAMES[int(TRUTH[row, col])])
    audit = audit_areas(folder / "sample.csv")
    assert sum(audit.decided) == 298
    assert any("2 of 300 places have no class" in note for note in audit.notes)


def test_many_skipped_places_are_refused(folder: Path) -> None:
    decide(folder, lambda number, row, col: "" if number % 5 == 0 else NAMES[int(TRUTH[row, col])])
    with pytest.raises(InputError, match="more than 10%"):
        audit_areas(folder)


def test_ground_without_a_decided_place_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="no place is decided yet in other, water and forest"):
        audit_areas(folder)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda rows: rows[:-3], "lacks the places 298, 299, 300"),
        (lambda rows: [*rows, rows[0] | {"id": "301"}], "places that were not drawn: 301"),
        (lambda rows: [*rows, rows[4]], "more than one row for the places 5"),
        (lambda rows: [rows[0] | {"x": "4.3"}, *rows[1:]], "other coordinates for the places 1"),
        (lambda rows: [row | {"y": ""} for row in rows], "other coordinates for the places 1, 2"),
    ],
)
def test_rows_that_are_not_as_drawn_are_refused(folder: Path, change: object, match: str) -> None:
    decide_by(folder, TRUTH)
    write_rows(folder, change(read_rows(folder)))  # type: ignore[operator]
    with pytest.raises(InputError, match=match) as refused:
        audit_areas(folder)
    assert "chance chose" in str(refused.value)


def test_a_spreadsheet_may_sort_the_rows_and_write_decimal_commas(folder: Path) -> None:
    decide_by(folder, TRUTH)
    before = audit_areas(folder)
    rows = sorted(read_rows(folder), key=lambda row: row["x"])
    lines = [";".join(rows[0]), *(";".join(row.values()).replace(".", ",") for row in rows)]
    (folder / "sample.csv").write_text("\n".join(lines).replace(",png", ".png"), encoding="utf-8-sig")
    assert audit_areas(folder).classes == before.classes


def test_design_that_was_changed_or_is_missing_is_refused(folder: Path) -> None:
    decide_by(folder, TRUTH)
    design = folder / "design.json"
    text = design.read_text()
    design.write_text(text.replace('"weight": 0.', '"weight": 0.1', 1))
    with pytest.raises(InputError, match="was changed after the sample was drawn"):
        audit_areas(folder)
    design.unlink()
    with pytest.raises(InputError, match="nobody knows how the places"):
        audit_areas(folder)


@pytest.mark.parametrize("name", ["clicks.gpkg", "clicks.geojson"])
def test_clicks_get_no_interval(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="places that somebody chose"):
        audit_areas(tmp_path / name)


def test_class_that_the_map_does_not_know_is_refused(folder: Path) -> None:
    decide(folder, lambda number, row, col: "watr" if number == 2 else "FOREST")
    with pytest.raises(InputError, match="line 3: the class must be one of other, water, forest, got 'watr'"):
        audit_areas(folder)


def test_another_map_is_judged_by_the_same_places(folder: Path, tmp_path: Path) -> None:
    decide_by(folder, TRUTH)
    first = audit_areas(folder)
    perfect = audit_areas(folder, write_map(tmp_path / "other.tif", TRUTH))
    assert [each.area_m2 for each in perfect.classes] == [each.area_m2 for each in first.classes]
    assert perfect.overall.value == 1 and perfect.overall.low is not None and 0.9 < perfect.overall.low < 1
    half = write_map(tmp_path / "half.tif", np.where(np.arange(240) < 120, MAPPED, 255))
    seen = audit_areas(folder, half)
    assert any("lie where" in note for note in seen.notes)
    assert seen.overall.value == pytest.approx((TRUTH == MAPPED)[:, :120].mean(), abs=0.08)
    same = audit_areas(folder, folder.parent / "map.tif")
    assert same.overall.value == pytest.approx(first.overall.value)
    assert [each.users.value for each in same.classes] == pytest.approx([each.users.value for each in first.classes])


def test_classes_that_differ_by_case_stay_apart(tmp_path: Path) -> None:
    names = {1: "Wood", 2: "wood", 3: "Water"}
    field = np.arange(60).repeat(60).reshape(60, 60) % 3 + 1
    path = write_map(tmp_path / "map.tif", field, names)
    draw_audit(path, tmp_path / "audit", options=AuditOptions(size=90))
    decide(tmp_path / "audit", lambda number, row, col: names[int(field[row, col])].replace("Water", "WATER"))
    assert audit_areas(tmp_path / "audit").overall.value == 1


def test_another_map_is_measured_on_the_ground_of_the_sample(tmp_path: Path) -> None:
    """It may be larger, and the places may have been drawn in an area of interest."""
    path, large = (
        write_map(
            tmp_path / f"{side}.tif", np.where(np.arange(side) < side // 2, 1, 2).repeat(side).reshape(side, side)
        )
        for side in (80, 160)
    )
    with rasterio.open(path) as dataset:
        west, top = dataset.xy(0, 0, offset="ul")
        frame = gpd.GeoDataFrame(geometry=[shapely.box(west, top - 20, west + 30, top)], crs=dataset.crs)
    frame.to_file(tmp_path / "area.gpkg")
    for name, options, most in (
        ("whole", AuditOptions(size=60), 1600.0),
        ("part", AuditOptions(size=60, area=tmp_path / "area.gpkg"), 600.0),
    ):
        draw_audit(path, tmp_path / name, options=options)
        decide(tmp_path / name, lambda number, row, col: NAMES[1 if row < 40 else 2])
        for map_ in (None, path, large):
            mapped = [each.mapped_m2 or 0 for each in audit_areas(tmp_path / name, map_).classes]
            assert sum(mapped) == pytest.approx(most, rel=0.01)
    (tmp_path / "area.gpkg").unlink()
    assert any("is gone" in note for note in audit_areas(tmp_path / "part", large).notes)


def test_gain_and_loss_of_a_map_of_change_carry_their_error_too(tmp_path: Path) -> None:
    names = {0: "unchanged", 1: "water to forest", 2: "forest to water", 3: "other to forest"}
    truth = class_field((200, 200), 4, seed=3)
    path = write_map(tmp_path / "change.tif", truth, names)
    classes = [{"name": "water", "words": ["water"]}, {"name": "forest", "words": ["forest"]}]
    manifest = Record("change", "change.tif", "").sealed({"run": {"classes": classes}})
    (tmp_path / "change.manifest.json").write_text(json.dumps(manifest))
    draw_audit(path, tmp_path / "audit", options=AuditOptions(size=200))
    decide_by(tmp_path / "audit", truth, names)
    audit = audit_areas(tmp_path / "audit")
    found = {each.name: each for each in audit.changes}
    assert set(found) == {"forest gained", "water gained", "water lost", "forest lost", "other lost"}
    gained = found["forest gained"]
    assert gained.share.value == pytest.approx(np.isin(truth, [1, 3]).mean())
    assert gained.share.low is not None and gained.share.low < np.isin(truth, [1, 3]).mean()
    assert gained.users.value == gained.producers.value == 1


def test_map_without_a_place_on_earth_has_shares_only(tmp_path: Path) -> None:
    path = write_scene(tmp_path / "map.tif", MAPPED[None].astype(np.uint8), crs=None)
    draw_audit(path, tmp_path / "audit")
    decide_by(tmp_path / "audit", TRUTH, {0: "0", 1: "1", 2: "2"})
    audit = audit_areas(tmp_path / "audit")
    assert audit.classes[0].area_m2.value is None and audit.classes[0].mapped_m2 is None
    assert audit.classes[0].share.low is not None and audit.classes[0].share.low > 0
