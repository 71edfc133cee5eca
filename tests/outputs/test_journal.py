from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from geoglot.errors import OutputError
from geoglot.hashing import fingerprint
from geoglot.outputs.atomic import hold
from geoglot.outputs.journal import Journal
from geoglot.outputs.own import LOCK


def test_the_same_run_finds_its_state_and_strips(tmp_path: Path) -> None:
    output = tmp_path / "map.tif"
    first = Journal(output, "run-a")
    assert first.load() is None
    first.add_strip("classes", 128, b"second")
    first.add_strip("classes", 0, b"first")
    first.save({"rows": np.arange(3)}, {"failed": [[1, "why"]]})
    first.close()
    again = Journal(output, "run-a")
    state = again.load()
    assert state is not None
    np.testing.assert_array_equal(state[0]["rows"], [0, 1, 2])
    assert state[1] == {"failed": [[1, "why"]]}
    assert [path.read_bytes() for path in again.strips("classes")] == [b"first", b"second"]
    again.close()


def test_another_run_begins_anew(tmp_path: Path) -> None:
    output = tmp_path / "map.tif"
    first = Journal(output, "run-a")
    first.save({"x": np.zeros(1)}, {})
    first.add_strip("classes", 0, b"stale")
    first.close()
    second = Journal(output, "run-b")
    assert second.load() is None and second.strips("classes") == []
    second.close()


def test_two_runs_do_not_share_an_output(tmp_path: Path) -> None:
    first = Journal(tmp_path / "map.tif", "run-a")
    first.save({"x": np.zeros(1)}, {})
    with pytest.raises(OutputError, match="another run"):
        Journal(tmp_path / "map.tif", "run-b")
    assert first.load() is not None
    first.clear()
    Journal(tmp_path / "map.tif", "run-b").clear()


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (mine := tmp_path / "mine.txt").write_bytes(b"mine")
    (tmp_path / LOCK).symlink_to(mine)
    with pytest.raises(OutputError, match="cannot be written"), hold(tmp_path, wait=True):
        pass
    assert mine.read_bytes() == b"mine"


def test_a_file_under_the_name_of_the_lock_keeps_its_content(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_bytes(b"mine")
    with hold(tmp_path), pytest.raises(OutputError, match="another run"), hold(tmp_path):
        pass
    assert (tmp_path / LOCK).read_bytes() == b"mine"


@pytest.mark.parametrize("after", range(4))
def test_killed_while_it_clears_nothing_passes_for_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    journal = Journal(tmp_path / "map.tif", "run")
    for row in (0, 64):
        journal.add_strip("classes", row, b"strip")
    journal.save({"x": np.zeros(1)}, {})
    unlink, gone = os.unlink, iter(range(9))

    def killed(path: str, *, dir_fd: int | None = None) -> None:
        if next(gone) == after:
            raise KeyboardInterrupt
        unlink(path, dir_fd=dir_fd)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "unlink", killed)
        journal.clear()
    journal.close()
    again = Journal(tmp_path / "map.tif", "run")
    complete = again.load() is not None and len(again.strips("classes")) == 2
    assert complete or (again.load() is None and again.strips("classes") == [])
    again.close()


def test_nothing_is_left_after_a_complete_run(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "map.tif", "run")
    journal.clear()
    assert list(tmp_path.iterdir()) == []


def test_the_fingerprint_sees_every_fact_and_no_order() -> None:
    assert fingerprint({"a": 1, "b": [2, 3]}) == fingerprint({"b": [2, 3], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
