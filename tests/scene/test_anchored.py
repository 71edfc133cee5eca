"""Windows on a lattice that is fixed to the ground: tiles, batches and crops of a scene give one map."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch.nn.functional as F
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.windows import Window as Cut
from shapely import box
from torch import Tensor

from geoglot.geo import Grid
from geoglot.models.base import VisionLanguageModel
from geoglot.options import FindOptions, ReadOptions, SegmentOptions
from geoglot.scene.encoded_scene import encode_scene
from geoglot.scene.windows import Anchor, WindowPlan
from geoglot.tasks.find.find import find
from geoglot.tasks.segment.segment import segment
from stubs import PooledColours
from worlds import class_field, paint, write_scene

NAMES = ("water", "forest", "roof")
REACH = 40  # pixels around a patch that `Blurred` sees


class Blurred(PooledColours):
    """Colours at strides 8 and 32, as in a convolutional trunk, with zeros around a window."""

    @property
    def stride(self) -> int:
        return 32

    def encode_patches(self, pixels: Tensor) -> Tensor:
        fine, coarse = F.avg_pool2d(pixels, 8), F.avg_pool2d(F.avg_pool2d(pixels, 32), 3, 1, 1)
        above = F.interpolate(coarse, scale_factor=4, mode="nearest")
        return F.normalize(fine + 0.5 * above + 1e-3, dim=1)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pixels = paint(class_field((333, 290), 3), NAMES)
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif", pixels)


def crop(scene: Path, top: int, left: int, target: Path) -> Path:
    """The scene without its first rows and columns, at its place on the ground."""
    with rasterio.open(scene) as source:
        cut = Cut(left, top, source.width - left, source.height - top)
        place = source.transform @ Affine.translation(left, top)
        return write_scene(target, source.read(window=cut), transform=place)


def mapped(
    source: Path, target: Path, read: ReadOptions = ReadOptions(), model: VisionLanguageModel | None = None
) -> np.ndarray:
    result = segment(source, NAMES, target, model=model or Blurred(), read=read, options=SegmentOptions(overlay=False))
    with rasterio.open(result.output) as dataset:
        return np.asarray(dataset.read(1))


@pytest.mark.parametrize(("tile", "batch"), [(16, 8), (224, 1), (1024, 8)])
def test_tile_and_batch_decide_no_pixel(scene: Path, tmp_path: Path, tile: int, batch: int) -> None:
    usual = mapped(scene, tmp_path / "usual.tif")
    assert np.array_equal(usual, mapped(scene, tmp_path / "other.tif", ReadOptions(tile=tile, batch=batch)))


@pytest.mark.parametrize("model", [Blurred(), PooledColours()], ids=["blurred", "pooled"])
@pytest.mark.parametrize("offset", [(1, 1), (8, 37), (100, 64)])
def test_a_crop_has_the_map_of_the_scene(
    scene: Path, tmp_path: Path, offset: tuple[int, int], model: VisionLanguageModel
) -> None:
    whole = mapped(scene, tmp_path / "whole.tif", model=model)
    part = mapped(crop(scene, *offset, tmp_path / "crop.tif"), tmp_path / "part.tif", model=model)
    inside = np.s_[REACH:, REACH:]
    assert part.shape == (333 - offset[0], 290 - offset[1])
    np.testing.assert_array_equal(part[inside], whole[offset[0] :, offset[1] :][inside])


def test_objects_of_a_crop_lie_where_those_of_the_scene_lie(scene: Path, tmp_path: Path) -> None:
    options = FindOptions(overlay=False, min_score=0.6, background=("water", "forest"))
    whole = find(scene, "roof", model=PooledColours(), options=options).objects
    part = find(crop(scene, 37, 50, tmp_path / "crop.tif"), "roof", model=PooledColours(), options=options).objects
    inner = box(593_270 + (50 + REACH) / 2, 5_747_657 - 333 / 2, 593_270 + 290 / 2, 5_747_657 - (37 + REACH) / 2)
    one, other = (table.geometry.union_all().intersection(inner) for table in (whole, part))
    assert one.area > 1000 and one.symmetric_difference(other).area < 0.001 * one.area


def test_scores_lie_where_their_patches_lie(scene: Path, tmp_path: Path) -> None:
    cut = crop(scene, 3, 5, tmp_path / "crop.tif")
    options = SegmentOptions(overlay=False, scores=True)
    result = segment(cut, NAMES, tmp_path / "map.tif", model=PooledColours(), options=options)
    with rasterio.open(result.scores) as scores, rasterio.open(cut) as source:
        assert scores.bounds.left <= source.bounds.left < scores.bounds.left + 4
        assert scores.bounds.right >= source.bounds.right
        rows, cols = (np.floor(end / 4 + 1e-9) * 4 for end in (scores.bounds.top, scores.bounds.left))
        assert (scores.bounds.top, scores.bounds.left) == pytest.approx((rows, cols))


def test_an_encoded_scene_knows_which_pixels_have_data(scene: Path, tmp_path: Path) -> None:
    cut = crop(scene, 3, 5, tmp_path / "crop.tif")
    with encode_scene(cut, PooledColours()) as encoded:
        assert encoded.plan.inset != (0, 0)
        assert encoded.valid(encoded.raster.grid.whole).all()
        assert sum(row.valid.shape[0] for row in encoded.rows()) == encoded.plan.lattice_window.height


@given(
    st.tuples(st.integers(1, 900), st.integers(1, 900)),
    st.tuples(st.integers(-2000, 2000), st.integers(-2000, 2000)),
    st.sampled_from([8, 32]),
)
def test_anchored_windows_cover_a_scene_and_keep_their_places(
    shape: tuple[int, int], origin: tuple[int, int], stride: int
) -> None:
    plan = WindowPlan(shape, 224, 64, 8, Anchor(stride, 96, origin))
    covered = np.zeros(shape, bool)
    for row, col, height, width in plan.windows():
        assert (row + origin[0]) % stride == (col + origin[1]) % stride == 0
        assert 96 <= height <= 224 and 96 <= width <= 224 and height % stride == width % stride == 0
        covered[max(0, row) : row + height, max(0, col) : col + width] = True
    assert covered.all()
    for spans, place, length in ((plan.row_spans, origin[0], shape[0]), (plan.col_spans, origin[1], shape[1])):
        for start, stop in spans[1:-1]:
            assert stop - start == 224 and (start + place) % 160 == 0
        assert length <= spans[-1][1] and spans[0][0] <= 0


def test_a_rotated_grid_has_no_place() -> None:
    plan = WindowPlan((333, 290), 224, 64, 8, Anchor(32, 96))
    assert plan.on(Grid(None, Affine.rotation(10), (333, 290))) is plan
    upright = plan.on(Grid(None, Affine(2, 0, 20, 0, -2, 6), (333, 290)))
    assert upright == replace(plan, anchor=Anchor(32, 96, (-3, 10)))
