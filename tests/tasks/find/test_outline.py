from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from geoglot.geo import Window
from geoglot.scene.score_field import ScoreField
from geoglot.tasks.find.instances import Instance
from geoglot.tasks.find.outline import outline, outline_instances

FIELD = ScoreField.__new__(ScoreField)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_outlines_of_many_are_those_of_each(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    instances = []
    for _ in range(count):
        smooth = ndimage.uniform_filter(rng.random(rng.integers(3, 20, 2)), 2)
        window = Window(*rng.integers(0, 50, 2).tolist(), *smooth.shape)
        mask = smooth >= rng.choice([0.4, smooth.max()])
        instances.append(Instance.of(FIELD, 0.5, mask, mask.astype(np.float32), window))
    together = [polygon.wkb for polygon in outline_instances(instances)]
    assert together == [outline(each.mask, each.box).wkb for each in instances]
    assert outline_instances([]) == []
