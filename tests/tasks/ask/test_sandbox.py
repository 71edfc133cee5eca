from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from polygons import StubScene

from geoglot.errors import AnswerError, InputError, LimitError
from geoglot.tasks.ask.limits import Budget, Limits
from geoglot.tasks.ask.sandbox import ProgramError, Sandbox
from geoglot.tasks.ask.vocabulary import Vocabulary
from hostile import HOSTILE

LIMITS = Limits(seconds=0.3, memory_mb=32, calls=100, pixels=10_000_000)
ROOM = Limits(seconds=10.0, memory_mb=32, calls=100, pixels=10_000_000)  # for a type check on a busy machine
WORKER_MB = 48  # of the interpreter's program itself, beside the heap that is limited
MARK = Path("/tmp/geoglot-escaped")


@contextmanager
def peak_of_workers() -> Iterator[list[float]]:
    """Megabytes that any worker of this process reaches while the block runs."""
    peaks, stop = [0.0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.02):
            for task in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
                try:
                    children = task.read_text().split()
                except OSError:
                    continue
                for child in children:
                    try:
                        status = Path(f"/proc/{child}/status").read_text()
                    except OSError:
                        continue
                    facts = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
                    if "monty" in facts["Name"] and "VmHWM" in facts:  # before exec a child is a copy of this process
                        peaks.append(int(facts["VmHWM"].split()[0]) / 1024)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        stop.set()
        thread.join()


def words() -> Vocabulary:
    scene = StubScene({"ship": [(10, 10, 20, 40), (100, 100, 110, 140)]})
    return Vocabulary(scene, None, Budget(LIMITS))


def attempt(sandbox: Sandbox, program: str) -> tuple[float, str, bool]:
    """Seconds, what was said, and whether an answer came out."""
    started = time.monotonic()
    try:
        outcome, leaked = f"answered {sandbox.run(program, words()).value!r}", True
    except AnswerError as error:
        outcome, leaked = str(error).splitlines()[-1], False
    return time.monotonic() - started, outcome, leaked


def test_hostile_programs_are_contained_and_the_host_goes_on() -> None:
    assert len(HOSTILE) >= 40
    MARK.unlink(missing_ok=True)
    rows, leaks = [], []
    with Sandbox(LIMITS) as sandbox, peak_of_workers() as peaks:
        for name, program in HOSTILE.items():
            took, outcome, leaked = attempt(sandbox, program)
            if took > LIMITS.seconds + 1:  # something else may have held the processor: late is what is late twice
                took, outcome, leaked = attempt(sandbox, program)
            rows.append(f"{name:28} {took:5.2f} s  {outcome[:90]}")
            if leaked or took > LIMITS.seconds + 1:
                leaks.append(rows[-1])
        alive = sandbox.run("answer(count(find('ship')))", words())
    print("\n".join([*rows, f"{len(rows)} programs; highest memory of a worker {max(peaks):.0f} MB"]))
    assert leaks == []
    assert alive.value == 2
    assert not MARK.exists()
    assert len(peaks) > 20
    assert max(peaks) < LIMITS.memory_mb + WORKER_MB


def test_programs_that_use_what_is_allowed_are_answered() -> None:
    program = """
total = 0.0
for ship in each(find("ship")):
    if area_m2(ship) > 350:
        total += area_m2(ship)
names = ["a", "b"]
answer(total > 0 and len(names) == 2, f"{total:,.0f} m² of ships")
"""
    with Sandbox(ROOM) as sandbox:
        reply = sandbox.run(program, words(), check=True)
    assert reply.value is True
    assert reply.sentence == "400 m² of ships"


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("answer(count(fnd('ship')))", r"1:14.*fnd"),
        ("answer(count('ship'))", r"Expected `Objects`"),
        ("ships = find('ship')\nanswer(len(ships))", r"2:12.*"),
        ("answer(find('ship').size)", r"no attribute `size`"),
        ("answer(find(\n", r"(?i)syntax|expected"),
    ],
)
def test_a_program_is_checked_before_it_runs_and_told_where_it_is_wrong(program: str, said: str) -> None:
    own = words()
    with Sandbox(ROOM) as sandbox, pytest.raises(ProgramError, match=said):
        sandbox.run(program, own, check=True)
    assert own.records == []


def test_pixels_are_bounded_before_they_are_looked_at() -> None:
    limits = Limits(pixels=500_000)
    scene = StubScene({})
    program = "find('ship')\nfind('ship')\nfind('harbor')\nfind('river')\nfind('road')\nanswer(1)"
    with Sandbox(limits) as sandbox, pytest.raises(LimitError, match="500,000 pixels"):
        sandbox.run(program, Vocabulary(scene, None, Budget(limits)))
    assert scene.looks == ["ship", "harbor"]


def test_a_limit_that_a_program_catches_is_still_a_limit() -> None:
    limits = Limits(calls=3)
    program = "for i in range(5):\n    try:\n        find('ship')\n    except RuntimeError:\n        pass\nanswer(1)"
    with Sandbox(limits) as sandbox, pytest.raises(LimitError, match="3 calls"):
        sandbox.run(program, Vocabulary(StubScene({}), None, Budget(limits)))


def test_limits_cannot_be_switched_off() -> None:
    for name in ("memory_mb", "calls", "pixels", "vertices"):
        with pytest.raises(InputError, match=name):
            Limits(**{name: 0})
    for seconds in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(InputError, match="seconds"):
            Limits(seconds=seconds)
