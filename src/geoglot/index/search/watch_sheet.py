"""A sheet of what appeared: a row a cell, its chip before on the left and after on the right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from geoglot.errors import GeoglotError
from geoglot.index.build.chip_pixels import read_chip
from geoglot.index.search.watch import Chip, Rise
from geoglot.outputs.panels import Panel, write_panels

_SIDE = 224  # pixels


def draw_rises(rises: Sequence[Rise], output: Path) -> None:
    """Write a PNG; a chip whose source cannot be read is grey, with the reason."""
    rows = [
        [_panel(rise.cell, rise.before, f"{rank}  before"), _panel(rise.cell, rise.after, f"+{rise.rise:.3f}  after")]
        for rank, rise in enumerate(rises, 1)
    ]
    write_panels(rows, output)


def _panel(cell: str, chip: Chip, title: str) -> Panel:
    name = chip.source.rsplit("/", 1)[-1]
    lines = (f"{title}  {chip.time:%Y-%m-%d}  {chip.score:.3f}", name)
    try:
        tile = read_chip(chip.source, cell, _SIDE, chip.reading)
    except GeoglotError as error:
        return Panel.blank(_SIDE, (*lines, str(error)))
    return Panel(tile.pixels[:3], tile.valid, lines)
