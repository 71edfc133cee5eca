"""A signal that asks the program to end leaves one sentence, its exit code and nothing half made."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, signal, sys, threading, time
import click
from pathlib import Path
from geoglot.cli import main
from geoglot.outputs.atomic import appears

@click.command()
def command():
    with appears(Path("map.tif")) as draft:
        draft.write_bytes(b"half")
        os.kill(os.getpid(), {number})
        os.kill(os.getpid(), {number})
        time.sleep(20)

sys.modules["stub"] = sys.modules["__main__"]
main.COMMANDS["segment"] = "stub:command"
signal.signal({number}, signal.SIG_IGN if {ignored} else signal.SIG_DFL)  # the tests may run under nohup
if {ignored}:
    time.sleep = lambda seconds: None
main.main()
"""


def run(number: signal.Signals, folder: Path, ignored: bool = False) -> subprocess.CompletedProcess[str]:
    code = PROGRAM.format(number=int(number), ignored=ignored)
    return subprocess.run(
        [sys.executable, "-c", code, "segment"], cwd=folder, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_in_a_sentence_and_cleans_up(tmp_path: Path, number: signal.Signals) -> None:
    done = run(number, tmp_path)
    assert done.returncode == 128 + number and done.stdout == ""
    assert done.stderr == f"geoglot: ended by {number.name}; the same command resumes it\n"
    assert list(tmp_path.iterdir()) == []


def test_a_program_under_nohup_goes_on(tmp_path: Path) -> None:
    done = run(signal.SIGHUP, tmp_path, ignored=True)
    assert (done.returncode, done.stderr) == (0, "") and (tmp_path / "map.tif").read_bytes() == b"half"


def test_the_library_leaves_signals_alone() -> None:
    code = "import signal, geoglot.cli.main; print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True\n"
