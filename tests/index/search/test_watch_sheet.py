from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyproj
import pytest
from PIL import Image

from conftest import UTM, MakeGeotiff
from geoglot.errors import OutputError
from geoglot.geo import Grid
from geoglot.index.search.watch import Chip, Rise
from geoglot.index.search.watch_sheet import draw_rises, start_sheet
from geoglot.index.store.cells import Cell, cells_at


def test_both_chips_of_a_cell_are_drawn_side_by_side(make_geotiff: MakeGeotiff, tmp_path: Path) -> None:
    dark, bright = (make_geotiff(np.full((3, 100, 100), value, np.uint8)) for value in (10, 240))
    grid = Grid(pyproj.CRS(32617), UTM, (100, 100))
    lon, lat = grid.to_lonlat(np.array([50.0]), np.array([50.0]))
    row, col = cells_at(400.0, lon, lat)
    cell = str(Cell(400.0, int(row[0]), int(col[0])))
    chips = [
        Chip(str(path), None, datetime(year, 5, 1, tzinfo=UTC), 0.2) for path, year in ((dark, 2022), (bright, 2024))
    ]
    rise = Rise(cell, (0.0, 0.0, 1.0, 1.0), 0.2, 9.0, *chips)
    lost = Rise(cell, (0.0, 0.0, 1.0, 1.0), 0.1, 5.0, chips[0], Chip("/gone.tif", None, chips[1].time, 0.3))
    draw_rises([rise, lost], start_sheet(tmp_path / "sheet.png", {"words": "roof"}, overwrite=False))
    start_sheet(tmp_path / "sheet.png", {"words": "roof"}, overwrite=False)
    with pytest.raises(OutputError, match="another run of geoglot watch"):
        start_sheet(tmp_path / "sheet.png", {"words": "water"}, overwrite=False)
    with Image.open(tmp_path / "sheet.png") as picture:
        pixels = np.asarray(picture.convert("L"))
    left, right = pixels[60:180, 60:180], pixels[60:180, 300:420]
    assert left.mean() < right.mean()
    assert pixels.shape[0] > 2 * 224 and pixels.shape[1] > 2 * 224
    assert (pixels[360:440, 300:420] == 214).all()  # its source is gone
    for _ in range(2):  # since then the archive was told that nothing rose
        draw_rises([], start_sheet(tmp_path / "sheet.png", {"words": "roof"}, overwrite=False))
        assert not (tmp_path / "sheet.png").exists()
    draw_rises([rise], start_sheet(tmp_path / "sheet.png", {"words": "roof"}, overwrite=False))
    assert (tmp_path / "sheet.png").exists()
