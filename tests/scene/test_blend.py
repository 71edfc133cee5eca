from __future__ import annotations

import numpy as np

from geoglot.scene.blend import Blender
from geoglot.scene.windows import WindowPlan


def blend(plan: WindowPlan, field: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut a known field of scores into windows and blend it again."""
    blender = Blender(plan, len(field))
    rows, masks = [], []
    side = plan.tile // plan.patch
    tall = np.pad(field, ((0, 0), (0, side), (0, side)))
    padded = np.pad(valid, ((0, plan.tile), (0, plan.tile)))
    for row, _ in plan.row_spans:
        for window in [w for w in plan.windows() if w.row == row]:
            r, c = window.row // plan.patch, window.col // plan.patch
            mask = padded[window.row : window.row + plan.tile, window.col : window.col + plan.tile]
            if mask.any():
                blender.add(window, tall[:, r : r + side, c : c + side], mask)
        scores, mask = blender.finish_row()
        rows.append(scores)
        masks.append(mask)
    return np.concatenate(rows, 1), np.concatenate(masks)


def test_blending_a_field_gives_the_field_back() -> None:
    rng = np.random.default_rng(0)
    for shape, tile, overlap in [
        ((100, 130), 32, 16),
        ((64, 64), 64, 0),
        ((37, 90), 48, 24),
        ((8, 8), 32, 8),
    ]:
        plan = WindowPlan(shape, tile, overlap, 8)
        field = rng.normal(size=(3, *plan.lattice)).astype(np.float32)
        scores, valid = blend(plan, field, np.ones(shape, bool))
        np.testing.assert_allclose(scores, field, rtol=1e-4, atol=1e-5)
        assert valid.shape == shape and valid.all()


def test_patches_without_a_valid_pixel_have_no_score() -> None:
    plan = WindowPlan((64, 64), 32, 8, 8)
    valid = np.ones((64, 64), bool)
    valid[16:32, :24] = False
    valid[0, 0] = False
    scores, mask = blend(plan, np.ones((1, 8, 8), np.float32), valid)
    assert np.isnan(scores[0, 2:4, :3]).all()
    assert np.isfinite(scores).sum() == 64 - 6
    assert np.array_equal(mask, valid)


def test_a_restored_blender_goes_on_as_if_nothing_had_happened() -> None:
    plan = WindowPlan((96, 40), 32, 16, 8)
    rng = np.random.default_rng(0)
    windows = list(plan.windows())
    scores = rng.normal(size=(len(windows), 2, 4, 4)).astype(np.float32)
    valid = rng.random((len(windows), 32, 32)) > 0.2

    def run(blender: Blender, rows: range) -> list[np.ndarray]:
        out = []
        for row in rows:
            for i, window in enumerate(windows):
                if window.row == plan.row_spans[row][0]:
                    blender.add(window, scores[i], valid[i])
            out.append(blender.finish_row()[0])
        return out

    count = len(plan.row_spans)
    straight = run(Blender(plan, 2), range(count))
    first = Blender(plan, 2)
    head = run(first, range(2))
    second = Blender(plan, 2)
    second.restore({name: np.array(value) for name, value in first.state().items()})
    tail = run(second, range(2, count))
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(straight, head + tail, strict=True))
