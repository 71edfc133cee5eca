"""A comparison that is killed anywhere, and run again, gives the same bytes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from geoglot.options import ChangeOptions, ReadOptions
from geoglot.tasks.change.change import change
from stubs import ColourScorer
from worlds import class_field, paint, write_scene

NAMES = ("water", "forest", "roof")
READ = ReadOptions(batch=2)
ENDS = ("tif", "parquet", "qml", "csv", "1-water.tif", "chart.svg")
KILLER = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[3:5]
import test_change_resumes
from geoglot.outputs.journal import Journal

left = {sys.argv[5]: int(sys.argv[6])}
add = Journal.add_strip

def add_strip(self, kind, *args, **kwargs):
    if kind in left:
        left[kind] -= 1
        if left[kind] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return add(self, kind, *args, **kwargs)

Journal.add_strip = add_strip
test_change_resumes.run([Path(path) for path in sys.argv[1].split(":")], Path(sys.argv[2]))
"""


def run(sources: list[Path], output: Path) -> None:
    change(
        sources, None, output, model=ColourScorer(NAMES), polygons=output.with_suffix(".parquet"),
        table=output.with_suffix(".csv"), read=READ, options=ChangeOptions(by_class=True),
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "after"), [("seen", 2), ("decided", 1), ("kept", 1), ("map", 3)])
def test_killed_and_run_again_gives_the_same_bytes(tmp_path: Path, kind: str, after: int) -> None:
    first = class_field((400, 200), 3, seed=1)
    last = first.copy()
    last[230:290, 50:120] = 2  # across the strips of 256 rows
    sources = [write_scene(tmp_path / f"{name}.tif", paint(each, NAMES)) for name, each in (("a", first), ("b", last))]
    run(sources, tmp_path / "straight.tif")
    here = Path(__file__).parent
    paths = [":".join(map(str, sources)), str(tmp_path / "killed.tif"), str(here), str(here.parents[1])]
    done = subprocess.run([sys.executable, "-c", KILLER, *paths, kind, str(after)], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "killed.manifest.json").exists()
    run(sources, tmp_path / "killed.tif")
    for end in ENDS:
        assert (tmp_path / f"killed.{end}").read_bytes() == (tmp_path / f"straight.{end}").read_bytes()
    assert not list(tmp_path.glob(".*"))
