from __future__ import annotations

import sys
from pathlib import Path

import pytest

from geoglot.bounded import Limits, _error_of, run_bounded
from geoglot.errors import ChildError, GeoglotError, InputError

LIMITS = Limits(seconds=0.1, megabytes=100.0, advice="; raise NAME")


@pytest.fixture(autouse=True)
def _the_child_finds_the_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(Path(__file__).parent)])


def test_a_child_returns_text() -> None:
    assert run_bounded("childtasks:upper", "a quay\n", limits=LIMITS) == "A QUAY\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no limit of memory")
@pytest.mark.parametrize(
    ("task", "arguments", "kind", "message"),
    [
        ("refuse", ("blue",), InputError, "blue is wrong"),
        ("crash", (), ChildError, r"crashed the library that reads it \(signal 11\)"),
        ("take_memory", (), ChildError, "needs more than 100 MB of memory; raise NAME"),
        ("never_end", (), ChildError, r"took more than 0\.1 s of computing; raise NAME"),
        ("fail", (), ChildError, "ZeroDivisionError"),
        ("connect", (), ChildError, "a file may not do this: socket"),
    ],
)
def test_a_child_cannot_do_harm(task: str, arguments: tuple[str, ...], kind: type[GeoglotError], message: str) -> None:
    with pytest.raises(kind, match=message) as error:
        run_bounded(f"childtasks:{task}", *arguments, limits=LIMITS)
    assert type(error.value) is kind
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "said", ["MemoryError: ", "RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory"]
)
def test_an_allocators_message_is_a_sentence(said: str) -> None:
    assert str(_error_of(1, said, LIMITS)) == "needs more than 100 MB of memory; raise NAME"
