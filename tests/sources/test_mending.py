"""Polygons that cross themselves, and many that overlap: computed within a limit."""

import numpy as np
import pytest
import shapely

from geoglot.errors import InputError
from geoglot.sources import mending
from geoglot.sources.mending import mend, unite

BOW = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
BOX = shapely.box(5, 5, 6, 6)


@pytest.mark.parametrize("method", ["linework", "structure"])
def test_what_a_child_mends_has_the_same_bytes(monkeypatch: pytest.MonkeyPatch, method: mending.Method) -> None:
    shapes = np.array([BOX, BOW, None, shapely.Polygon()], object)
    here = mend(shapes, method)
    monkeypatch.setattr(mending, "compute", lambda _, *arguments, **__: mending.work_on(*arguments))
    monkeypatch.setattr(mending, "_QUICK", {method: 0})
    assert shapely.to_wkb(mend(shapes, method)).tolist() == shapely.to_wkb(here).tolist()
    assert here[1].area == 2


def test_what_a_child_unites_has_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = np.array([BOX, shapely.box(5.5, 5, 7, 6)])
    here = unite(shapes)
    monkeypatch.setattr(mending, "compute", lambda _, *arguments, **__: mending.work_on(*arguments))
    monkeypatch.setattr(mending, "_FEW", 0)
    assert unite(shapes).wkb == here.wkb


def test_crossings_beyond_the_limits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOGLOT_READ_SECONDS", "1")
    corners = np.random.default_rng(0).random((2000, 2))
    with pytest.raises(InputError, match=r"mending polygons that cross themselves .* GEOGLOT_READ_SECONDS"):
        mend(np.array([shapely.Polygon(corners)]))
