from __future__ import annotations

import errno
from pathlib import Path

import pytest

from geoglot.errors import OutputError
from geoglot.outputs.atomic import appears, check_folder, disk_errors, folder_appears
from geoglot.outputs.own import MARK, hidden_path, own_folder


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with appears(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    with pytest.raises(ZeroDivisionError), appears(target) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_appears_whole_or_not_at_all_also_in_place_of_an_empty_one(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a"
    with pytest.raises(ZeroDivisionError), folder_appears(target) as draft:
        draft.mkdir()
        raise ZeroDivisionError
    assert list(target.parent.iterdir()) == []
    target.mkdir()
    with folder_appears(target) as draft:
        draft.mkdir()
        (draft / "b.txt").write_text("new")
        assert list(target.iterdir()) == []
    assert [path.name for path in target.iterdir()] == ["b.txt"] and list(target.parent.iterdir()) == [target]


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="disk is full"), appears(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_in_numpys_words_is_the_same_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="disk is full"), disk_errors(tmp_path / "a.npy"):
        raise OSError("51968 requested and 24512 written")


def test_a_missing_folder_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="mkdir -p"):
        check_folder(tmp_path / "no" / "a.tif")
    with pytest.raises(OutputError, match="is a folder"):
        check_folder(tmp_path)


def test_a_device_that_is_always_full(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("/dev/full is a thing of Linux")
    with pytest.raises(OutputError, match="disk is full"), appears(tmp_path / "a.txt") as temporary:
        temporary.symlink_to(full)
        temporary.write_bytes(b"x")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_not_added_to(tmp_path: Path) -> None:
    left = hidden_path(tmp_path / "a.txt", "part")
    own_folder(left)
    for name in ("a.txt", "a.txt-journal", "a.txt.ovr.tmp"):
        (left / name).write_text("stale")
    with appears(tmp_path / "a.txt") as temporary:
        assert [path.name for path in temporary.parent.iterdir()] == [MARK]
        temporary.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
