"""--aoi: every door answers about the ground inside, and reads no window that cannot matter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from geoglot.errors import OutsideError, SourceError
from geoglot.index.build.build import add
from geoglot.index.store.archive import Archive
from geoglot.options import AuditOptions, ClassifyOptions, FindOptions, IndexOptions, ReadOptions, SegmentOptions
from geoglot.sources.raster import Raster
from geoglot.tasks.ask.ask import ask
from geoglot.tasks.ask.ask_many import ask_many
from geoglot.tasks.ask.ask_options import AskOptions
from geoglot.tasks.audit.draw_audit import draw_audit
from geoglot.tasks.batch.batch import batch
from geoglot.tasks.classify import classify
from geoglot.tasks.inspection import inspect_raster
from geoglot.tasks.segment.segment import segment
from stubs import COLOURS, PooledColours
from worlds import UTM, class_field, paint, write_scene

NAMES = ("water", "forest", "roof")
FIELD = class_field((256, 384), 3)
MODEL = PooledColours()


class WithGrey(PooledColours):
    """Reads words that it does not know as grey, as `ask` compares names with many others."""

    def encode_text(self, texts: list[str]) -> Tensor:
        found = [next((colour for name, colour in COLOURS.items() if name in text), (0.5, 0.5, 0.5)) for text in texts]
        return F.normalize(torch.tensor(found), dim=1)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "scene.tif", paint(FIELD, NAMES))


def save_area(path: Path, *corners: tuple[float, float]) -> Path:
    """A polygon of pixels (row, column) as GeoJSON in degrees."""
    outline = shapely.Polygon([UTM["transform"] @ (col, row) for row, col in corners])
    gpd.GeoDataFrame(geometry=[outline], crs=UTM["crs"]).to_crs(4326).to_file(path, driver="GeoJSON")
    return path


@pytest.fixture
def area(tmp_path: Path) -> Path:
    """A tilted quadrangle of about 100 x 110 pixels."""
    return save_area(tmp_path / "area.geojson", (30, 40), (40, 150), (140, 140), (120, 30))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    return save_area(tmp_path / "elsewhere.geojson", (1000, 1000), (1000, 1100), (1100, 1100))


def inside(area: Path, margin_m: float = 0.0) -> np.ndarray:
    """The pixels of the scene whose centre lies in an area that is wider by a margin."""
    polygon = gpd.read_file(area).to_crs(UTM["crs"]).geometry.iloc[0].buffer(margin_m)
    rows, cols = np.indices(FIELD.shape)
    return np.asarray(shapely.contains_xy(polygon, *(UTM["transform"] @ (cols + 0.5, rows + 0.5))))


def pixels(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return np.asarray(dataset.read())


def test_a_map_of_an_area_is_that_part_of_the_whole_map(scene: Path, area: Path, tmp_path: Path) -> None:
    options = SegmentOptions(scores=True, overlay=False)
    segment(scene, NAMES, tmp_path / "whole.tif", model=MODEL, options=options)
    part = segment(scene, NAMES, tmp_path / "part.tif", model=MODEL, options=replace(options, area=area))
    whole, mapped = pixels(tmp_path / "whole.tif")[0], pixels(tmp_path / "part.tif")[0]
    surely = inside(area, -0.1)
    assert np.array_equal(mapped[surely], whole[surely]) and (mapped[~inside(area, 0.1)] == 255).all()
    assert sum(share.pixels for share in part.classes) == (mapped != 255).sum()
    scores, all_scores = pixels(tmp_path / "part.scores.tif"), pixels(tmp_path / "whole.scores.tif")
    known = ~np.isnan(scores[0])
    assert 0.1 < known.mean() < 0.3 and np.array_equal(scores[:, known], all_scores[:, known])


def test_refined_borders_do_not_leave_the_area(scene: Path, area: Path, tmp_path: Path) -> None:
    options = SegmentOptions(area=area, overlay=False)
    segment(scene, NAMES, tmp_path / "part.tif", model=MODEL, options=options, refiner="edges")
    mapped = pixels(tmp_path / "part.tif")[0]
    assert (mapped[inside(area, -0.1)] != 255).all() and (mapped[~inside(area, 0.1)] == 255).all()


def test_windows_far_from_the_area_are_not_read(
    scene: Path, area: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = list[tuple[int, int]]()
    plain = Raster.read
    monkeypatch.setattr(Raster, "read", lambda self, window: read.append(window[:2]) or plain(self, window))
    small = ReadOptions(tile=64, overlap=0)
    segment(scene, NAMES, tmp_path / "part.tif", model=MODEL, read=small, options=SegmentOptions(area=area))
    assert read and max(row for row, _ in read) <= 160 and max(col for _, col in read) <= 160
    read.clear()
    labels = classify(scene, NAMES, model=MODEL, read=small, options=ClassifyOptions(area=area))
    touched = {(label.window.row, label.window.col) for label in labels.results if label.window}
    assert touched == set(read) == {(row, col) for row in (0, 64, 128) for col in (0, 64, 128)} - {(128, 0)}


def test_an_area_elsewhere_is_said(scene: Path, elsewhere: Path, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    for refused in (
        lambda: segment(scene, NAMES, tmp_path / "m.tif", model=MODEL, options=SegmentOptions(area=elsewhere)),
        lambda: classify(scene, NAMES, model=MODEL, options=ClassifyOptions(area=elsewhere)),
        lambda: inspect_raster(scene, area=elsewhere),
        lambda: ask(scene, "How many roofs are there?", model=MODEL,
                    options=AskOptions(find=FindOptions(area=elsewhere))),
    ):  # fmt: skip
        with pytest.raises(OutsideError, match="outside the scene"):
            refused()
    assert add(tmp_path / "archive", scene, model=MODEL, options=IndexOptions(area=elsewhere)).chips == 0


def test_among_many_scenes_one_outside_is_no_failure(scene: Path, area: Path, tmp_path: Path) -> None:
    far = write_scene(
        tmp_path / "far.tif", paint(FIELD, NAMES), transform=UTM["transform"] @ UTM["transform"].translation(5000, 0)
    )
    mapped = batch(segment, [far, scene], NAMES, tmp_path / "maps", model=MODEL, options=SegmentOptions(area=area))
    assert [each.state for each in mapped.outcomes] == ["outside", "done"] and not mapped.incomplete
    labels = classify([far, scene], NAMES, model=MODEL, options=ClassifyOptions(area=area))
    assert labels.results and not labels.failed and any("far.tif has no label" in note for note in labels.notes)
    answers = ask_many([far, scene], "Is there water?", model=MODEL, options=AskOptions(find=FindOptions(area=area)))
    assert len(list(answers)) == 1 and list(answers.unreadable) == [str(far)]


def test_numbers_of_a_raster_are_those_of_the_area(tmp_path: Path, area: Path) -> None:
    ramp = np.broadcast_to(np.linspace(1, 250, 384), (3, 256, 384)).astype(np.uint8)
    scene, picture = write_scene(tmp_path / "ramp.tif", ramp), tmp_path / "bands.png"
    info = inspect_raster(scene, area=area, picture=picture)
    low, high = np.percentile(ramp[0][inside(area)], (2, 98))
    assert info.bands[0].low == pytest.approx(low, abs=2) and info.bands[0].high == pytest.approx(high, abs=2)
    assert info.area is not None
    assert info.area.share == pytest.approx(inside(area).mean(), rel=0.01)
    assert info.area.area_m2 == pytest.approx(inside(area).sum() * 0.25, rel=0.01)
    assert picture.exists() and inspect_raster(scene).area is None


def test_a_share_is_a_share_of_the_area(scene: Path, area: Path) -> None:
    question, options = "How much of the scene is water?", AskOptions(find=FindOptions(area=area))
    part, whole = (ask(scene, question, model=WithGrey(), options=each).value for each in (options, None))
    truth, all_truth = (FIELD[inside(area)] == 0).mean(), (FIELD == 0).mean()
    assert abs(all_truth - truth) > 0.05
    assert float(part) == pytest.approx(100 * truth, abs=3) and float(whole) == pytest.approx(100 * all_truth, abs=3)


def test_places_of_an_audit_lie_in_the_area(scene: Path, area: Path, tmp_path: Path) -> None:
    segment(scene, NAMES, tmp_path / "map.tif", model=MODEL, options=SegmentOptions(overlay=False))
    drawn = draw_audit(tmp_path / "map.tif", options=AuditOptions(size=90, area=area))
    assert sum(stratum.pixels for stratum in drawn.strata) == pytest.approx(inside(area).sum(), abs=4)
    whole = draw_audit(tmp_path / "map.tif", options=AuditOptions(size=90))
    assert sum(stratum.pixels for stratum in whole.strata) == FIELD.size


def test_chips_of_an_archive_touch_the_area(tmp_path: Path, scene: Path, area: Path) -> None:
    options = IndexOptions(scale="16m")
    whole = add(tmp_path / "whole", scene, model=MODEL, options=options)
    part = add(tmp_path / "part", scene, model=MODEL, options=replace(options, area=area))
    assert 0 < part.chips < whole.chips / 2
    boxes = [shard.table().column("bbox").to_pylist() for shard in Archive.open(tmp_path / "part").shards]
    polygon = gpd.read_file(area).geometry.iloc[0]
    assert all(shapely.box(*box.values()).intersects(polygon) for each in boxes for box in each)
    again = add(tmp_path / "part", scene, model=MODEL, options=options)
    assert again.chips == 0 and any("read with" in note for note in again.notes)


def test_a_picture_without_a_place_is_in_no_area(tmp_path: Path, area: Path) -> None:
    Image.fromarray(paint(FIELD, NAMES).transpose(1, 2, 0)).save(tmp_path / "photo.png")
    with pytest.raises(SourceError, match="no place on Earth"):
        add(tmp_path / "a", [tmp_path / "photo.png"], model=MODEL, options=IndexOptions(area=area))
