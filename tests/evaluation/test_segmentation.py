from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geoglot.datasets.dataset import Mapped
from geoglot.datasets.image_files import open_native
from geoglot.errors import SourceError
from geoglot.evaluation.segmentation import class_map, coarsening, confusions, score_pixels
from geoglot.options import SegmentOptions
from geoglot.outputs.legend import Legend
from geoglot.scene.class_words import ClassWords
from geoglot.tasks.refine.edges import Edges
from geoglot.tasks.segment.map_files import Outputs
from geoglot.tasks.segment.map_run import segment_with
from stubs import ColourScorer
from worlds import class_field, paint, scribble, write_scene

NAMES = ("water", "forest", "roof")


def world(folder: Path, count: int = 2, shape: tuple[int, int] = (96, 160)) -> Mapped:
    """Scenes in blobs of three colours, and what they show."""
    fields = [class_field(shape, 3, seed) for seed in range(count)]
    images = [write_scene(folder / f"{index}.tif", paint(field, NAMES)) for index, field in enumerate(fields)]
    masks = [lambda field=field: field.astype(np.int32) for field in fields]
    return Mapped(tuple(ClassWords(name, (name,)) for name in NAMES), images, masks)


def test_the_map_is_that_of_segment(tmp_path: Path) -> None:
    import rasterio

    samples, scorer = world(tmp_path, 1), ColourScorer(NAMES)
    with open_native(samples.images[0]) as raster:
        found = class_map(raster, scorer, NAMES, 3)
    outputs = Outputs.of(tmp_path / "map.tif", None, SegmentOptions(overlay=False))
    segment_with(scorer, Legend(NAMES), samples.images[0], outputs, options=SegmentOptions(overlay=False))
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert (found == dataset.read(1)).all()


def test_a_refined_map_is_that_of_segment_too(tmp_path: Path) -> None:
    import rasterio

    samples, scorer = world(tmp_path, 1), ColourScorer(NAMES)
    with open_native(samples.images[0]) as raster:
        plain, found = class_map(raster, scorer, NAMES, 3), class_map(raster, scorer, NAMES, 3, Edges())
    choice = SegmentOptions(overlay=False)
    segment_with(
        scorer,
        Legend(NAMES),
        samples.images[0],
        Outputs.of(tmp_path / "map.tif", None, choice),
        options=choice,
        refiner=Edges(),
    )
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert (found == dataset.read(1)).all() and (found != plain).any()
    scores = [score_pixels(confusions(scorer, samples, 4, refiner=one), NAMES)["miou"].value for one in (None, Edges())]
    assert scores[1] != scores[0]


def test_known_scenes_score_high_and_the_figures_are_of_the_set(tmp_path: Path) -> None:
    samples, steps = world(tmp_path), []
    matrices = confusions(ColourScorer(NAMES), samples, 4, lambda *step: steps.append(step))
    assert matrices.shape == (2, 3, 4) and matrices.sum() == 2 * 96 * 160
    found = score_pixels(matrices, NAMES)
    assert found["miou"].value is not None and found["miou"].value > 0.8
    whole = matrices.sum(0)
    water = whole[0, 0] / (whole[0].sum() + whole[:, 0].sum() - whole[0, 0])
    assert found["iou/water"].value == pytest.approx(water)
    assert found["miou"].low is not None and found["miou"].low <= found["miou"].value
    assert steps == [("images", 1, 2), ("images", 2, 2)]


def test_pixels_that_do_not_count_and_pixels_without_an_answer(tmp_path: Path) -> None:
    field = np.zeros((64, 64), np.int32)
    pixels = paint(field, NAMES)
    pixels[:, :, 32:] = 0
    image = write_scene(tmp_path / "scene.tif", pixels, nodata=0)
    truth = field.copy()
    truth[:16] = -1
    samples = Mapped(tuple(ClassWords(name, (name,)) for name in NAMES), [image], [lambda: truth])
    matrix = confusions(ColourScorer(NAMES), samples, 4)[0]
    assert matrix.sum() == 48 * 64
    assert matrix[0].tolist() == [48 * 32, 0, 0, 48 * 32]


def test_a_mask_of_another_size_and_a_damaged_image_are_told(tmp_path: Path) -> None:
    samples = world(tmp_path, 1, (128, 128))
    small = Mapped(samples.classes, samples.images, [lambda: np.zeros((5, 5), np.int32)])
    with pytest.raises(SourceError, match="its mask"):
        confusions(ColourScorer(NAMES), small, 4)
    scribble(samples.images[0], 0)
    with pytest.raises(SourceError, match="scores over a part of a set would be invalid"):
        confusions(ColourScorer(NAMES), samples, 4)


def test_a_model_of_coarser_pixels_sees_them_and_is_scored_at_the_sets_own(tmp_path: Path) -> None:
    assert coarsening((0.5, 0.5), (1.0, 10.0)) == 2 and coarsening((0.5, 0.5), (0.1, 0.25)) == 0.5
    assert (
        coarsening((0.5, 0.5), (0.1, 10.0)) == 1 == coarsening((0.1, 4.5), (1.0, 1.0)) == coarsening(None, (1.0, 1.0))
    )
    samples = world(tmp_path, 1, (191, 160))
    plain, halved = ColourScorer(NAMES), ColourScorer(NAMES, patch=4)
    fine = confusions(plain, samples, 4)
    coarse = confusions(halved, samples, 4, coarser=2.0)
    assert coarse.sum() == fine.sum() == 191 * 160
    assert halved.tiles < plain.tiles
    found = score_pixels(coarse, NAMES)["miou"].value
    assert found is not None and found > 0.75
