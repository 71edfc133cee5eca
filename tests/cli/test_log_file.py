import logging
import re
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from geoglot.cli import main, shared
from geoglot.cli.progress import progress
from geoglot.errors import SourceError

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (INFO|WARNING|ERROR)( .*)?")


@pytest.fixture(autouse=True)
def work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A command `work` in an empty folder: it makes two steps, tells something, and ends as its argument says."""

    @click.command()
    @click.argument("end")
    @shared.long
    def command(end: str, as_json: bool) -> None:
        with progress() as advance:
            advance("steps", 0, 2)
            advance("steps", 2, 2, "nearly")
        logging.getLogger("geoglot.any.room").info("a detail")
        logging.getLogger("geoglot.any.room").warning("the file at https://h/x?sig=SECRET&a=1 is odd")
        if end == "refused":
            raise SourceError("scene.tif is not a raster")
        if end == "broken":
            raise ZeroDivisionError("by zero")
        shared.emit({"answer": 1}, as_json, "the answer is 1\nand a note")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules[__name__], "command", command, raising=False)
    monkeypatch.setitem(main.COMMANDS, "work", f"{__name__}:command")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.cli, ["work", *arguments])


def said(path: str = "run.log") -> list[str]:
    """The messages of a log, whose lines all have a time and a level."""
    head, *lines = Path(path).read_text(encoding="utf-8").splitlines()
    assert head == "# log of geoglot" and all(map(LINE.fullmatch, lines)), lines
    return [line.split(" ", 1)[1] for line in lines]


def test_a_log_tells_the_whole_run_and_nothing_else_changes() -> None:
    logged, plain = run("well", "--log", "run.log"), run("well")
    assert (logged.exit_code, logged.stdout) == (0, plain.stdout)
    assert len(logged.stderr.splitlines()) == len(plain.stderr.splitlines()) == 2
    lines = said()
    assert lines[0].endswith(": work well --log run.log") and lines[-1].startswith("INFO    ended after ")
    steps = ["INFO    steps  0/2", "INFO    a detail", "INFO    the answer is 1", "INFO    and a note"]
    assert [line for line in lines if line in steps] == steps
    assert "WARNING the file at https://h/x?a=1 is odd" in lines


@pytest.mark.parametrize("flag", ["-q", "--json"])
def test_a_log_has_what_the_screen_does_not_show(flag: str) -> None:
    result = run("well", flag, "--log", "run.log")
    assert "a detail" not in result.stderr and "steps  2/2" in "\n".join(said())
    assert "INFO    the answer is 1" in said()


def test_errors_are_in_the_log_and_faults_of_ours_with_where() -> None:
    assert run("refused", "--log", "run.log").exit_code == 1
    assert "ERROR   scene.tif is not a raster" in said() and "Traceback" not in "".join(said())
    assert run("broken", "--log", "run.log").exit_code == 1
    assert any("Traceback" in line for line in said()) and any("ZeroDivisionError: by zero" in line for line in said())
    assert sum("ended after" in line for line in said()) == 2, "a log goes on"
    assert not logging.getLogger("geoglot").handlers


def test_no_other_file_is_spoilt() -> None:
    Path("scene.tif").write_bytes(b"\xc0II*")
    result = run("well", "--log", "scene.tif")
    assert result.exit_code == 1 and "it is no log of geoglot" in result.stderr
    assert Path("scene.tif").read_bytes() == b"\xc0II*"
    for place in ("none/run.log", ".", "/dev/null"):
        assert run("well", "--log", place).exit_code == 1
