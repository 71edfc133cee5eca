"""A sheet of what appeared: a row a cell, its chip before on the left and after on the right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from geoglot.errors import GeoglotError
from geoglot.hashing import fingerprint
from geoglot.index.build.chip_pixels import read_chip
from geoglot.index.search.watch import Chip, Rise
from geoglot.outputs.made import Made
from geoglot.outputs.panels import Panel, check_picture, write_panels

_SIDE = 224  # pixels


def start_sheet(sheet: Path, run: Mapping[str, Any], overwrite: bool) -> Made:
    """Before any work, refuse a sheet that is no PNG, or that another run or another program made."""
    check_picture(sheet)
    made = Made("watch", sheet)
    made.check()
    made.start(fingerprint(run), overwrite)
    return made


def draw_rises(rises: Sequence[Rise], made: Made) -> None:
    """Write a PNG; a chip whose source cannot be read is grey, with the reason.

    Without rises there is no sheet, not even that which the same run made when the archive held less.
    """
    if not rises:
        made.finish_without({"rises": 0})
        return
    rows = [
        [_panel(rise.cell, rise.before, f"{rank}  before"), _panel(rise.cell, rise.after, f"+{rise.rise:.3f}  after")]
        for rank, rise in enumerate(rises, 1)
    ]
    with made.writing(made.output) as draft:
        write_panels(rows, draft)
    made.finish({"rises": len(rises)})


def _panel(cell: str, chip: Chip, title: str) -> Panel:
    name = chip.source.rsplit("/", 1)[-1]
    lines = (f"{title}  {chip.time:%Y-%m-%d}  {chip.score:.3f}", name)
    try:
        tile = read_chip(chip.source, cell, _SIDE, chip.reading)
    except GeoglotError as error:
        return Panel.blank(_SIDE, (*lines, str(error)))
    return Panel(tile.pixels[:3], tile.valid, lines)
