import contextlib
import io
import itertools
import json
from functools import partial

import click
import pytest
from click.testing import CliRunner

from geoglot.cli import progress as progress_module
from geoglot.cli import shared
from geoglot.cli.progress import LogLines, progress


@click.command()
@shared.long
def count(as_json: bool) -> None:
    with progress() as advance:
        for done in range(1, 4):
            advance("counting", done, 3)
    shared.emit({"count": 3, "name": "Zürich"}, as_json, "three")


def test_stdout_is_one_json_document() -> None:
    result = CliRunner().invoke(count, ["--json"])
    assert json.loads(result.stdout) == {"count": 3, "name": "Zürich"}


def test_progress_goes_to_stderr() -> None:
    result = CliRunner().invoke(count)
    assert result.stdout == "three\n"
    assert "counting" in result.stderr
    assert "3/3" in result.stderr


def test_a_log_has_a_line_now_and_then_and_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fed by a clock of 10 s a step, resumed at step 26 of 40: 0.1 steps/s, not 26 in no time."""
    clock = itertools.count(0, 5)
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: float(next(clock)))
    lines = io.StringIO()
    with contextlib.redirect_stderr(lines):
        advance = LogLines(partial(click.echo, err=True))
        for done in range(26, 41):
            advance("steps", done, 40, f"loss {done}")
        advance("steps", 1, 2)
    *told, again = [line.split("  ") for line in lines.getvalue().splitlines()]
    assert again == ["steps", "1/2"]
    assert told[0] == ["steps", "26/40", "loss 26"] and told[-1][1] == "40/40"
    assert 2 < len(told) < 10 and all(0.05 < float(line[2].removesuffix("/s")) < 0.2 for line in told[1:])
    left = [line[3] for line in told[1:-1]]
    assert left and all(text.endswith(" s left") or text.endswith(" min left") for text in left)
    assert told[-1][3] == "loss 40"  # nothing is left


def test_quiet_shows_no_progress() -> None:
    assert CliRunner().invoke(count, ["--quiet"]).stderr == ""


def test_a_document_without_a_json_form_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        shared.emit({"share": float("nan")}, True, "")


def test_what_is_said_of_several_scenes_alike_is_said_once() -> None:
    scenes = ["a.tif", "data/a.tif", "b.tif"]
    notes = [
        "a.tif does not name its bands",
        "no road was found",
        "data/a.tif does not name its bands",
        "b.tif is read in UTM",
        "b.tif does not name its bands",
    ]
    assert shared.merge_notes(notes, scenes) == [
        "a.tif does not name its bands; the same holds for data/a.tif and b.tif",
        "no road was found",
        "b.tif is read in UTM",
    ]
    assert shared.merge_notes(notes[1:2], []) == notes[1:2]
    many = [f"{number}.tif" for number in range(500)]
    (note,) = shared.merge_notes([f"{scene} does not name its bands" for scene in many], many)
    assert note.startswith("0.tif does not name its bands; the same holds for 1.tif, 2.tif, ")
    assert note.endswith(", 10.tif and 489 more")
