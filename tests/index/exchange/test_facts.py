from __future__ import annotations

import pytest
import shapely

from geoglot.index.exchange.facts import group_rows, sources_of
from geoglot.index.store.chip_table import BOX
from geoglot.lonlat import split_at_antimeridian


def test_sources_across_the_antimeridian_are_as_narrow_as_their_chips() -> None:
    boxes = split_at_antimeridian([shapely.box(lon - 0.1, 0, lon + 0.1, 0.2) for lon in (179.5, 180, -179.5, 3, 4)])
    columns = {
        "source": ["far"] * 3 + ["near"] * 2, "source_sha": ["0"] * 5, "scale_m": [100.0] * 5, "asked": ["100m"] * 5,
        "source_part": [0] * 5, "source_parts": [1] * 5, "reading": ["{}"] * 5, "time": [None] * 5,
        "geometry": shapely.to_wkb(boxes),
    }  # fmt: skip
    table, part = sources_of(columns)
    assert part.tolist() == [0, 0, 0, 1, 1] and table["chips"].to_pylist() == [3, 2]
    far, near = ([row[edge] for edge in BOX] for row in table["bbox"].to_pylist())
    assert far == pytest.approx([179.4, 0, -179.4, 0.2]) and near == [2.9, 0, 4.1, 0.2]


def test_rows_are_grouped_in_the_order_in_which_their_values_come() -> None:
    groups = group_rows([["b", "a", "b", "c"], [1, 1, 1, None]])
    assert list(groups) == [("b", 1), ("a", 1), ("c", None)]
    assert [rows.tolist() for rows in groups.values()] == [[0, 2], [1], [3]]
    assert group_rows([[], []]) == {}
