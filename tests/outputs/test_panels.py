from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geoglot.errors import InputError, OutputError
from geoglot.outputs.panels import Panel, write_panels


def panel(shape: tuple[int, int], red: float, line: str = "1 red") -> Panel:
    pixels = np.zeros((3, *shape), np.float32)
    pixels[0] = red
    valid = np.ones(shape, bool)
    valid[:, -1] = False
    return Panel(pixels, valid, (line,))


def test_rows_of_pictures_with_what_is_written_below(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    write_panels([[panel((40, 60), 1.0)], [panel((20, 30), 0.5), panel((20, 30), 0.0)]], path)
    with Image.open(path) as picture:
        sheet = np.array(picture)
    assert (sheet[10, 10] == (255, 0, 0)).all() and (sheet[10, 69] == (214, 214, 214)).all()
    assert (sheet[55:75, 10:70] < 128).any()  # the line of text
    second = int(np.flatnonzero((sheet[:, 10] == (128, 0, 0)).all(axis=1))[0])
    assert (sheet[second, 175] == 0).all()


def test_long_lines_take_more_rows(tmp_path: Path) -> None:
    for name, line in (
        ("short.png", "1"),
        ("long.png", "a long name of a band " * 3),
        ("word.png", "m4709963_20150926" * 4),
    ):
        write_panels([[panel((20, 120), 1.0, line)]], tmp_path / name)
    with Image.open(tmp_path / "short.png") as short, Image.open(tmp_path / "long.png") as long:
        assert short.width == long.width and short.height < long.height
    with Image.open(tmp_path / "word.png") as word:  # a file name has no spaces to break at
        assert word.width == short.width and word.height > short.height + 40


def test_what_is_there_stays_unless_it_is_this_very_picture(tmp_path: Path) -> None:
    path, rows = tmp_path / "sheet.png", [[panel((20, 30), 1.0)]]
    write_panels(rows, path)
    made = path.read_bytes()
    write_panels(rows, path)
    path.write_bytes(b"a drawing of mine")
    with pytest.raises(OutputError, match="is there already"):
        write_panels(rows, path)
    assert path.read_bytes() == b"a drawing of mine" != made


def test_a_picture_is_a_png(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must end with"):
        write_panels([[panel((20, 30), 1.0)]], tmp_path / "scene.tif")
