"""What others plant under the names of hidden folders is neither read, nor written through, nor removed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from geoglot.errors import OutputError
from geoglot.outputs import own
from geoglot.outputs.atomic import appears, write_bytes
from geoglot.outputs.journal import Journal, work_of
from geoglot.outputs.made import Made
from geoglot.outputs.own import LOCK, MARK, check_own, discard, empty, hidden_path, mark, own_folder, remove_plain

Plant = Callable[[Path, Path], object]
PLANTS: dict[str, Plant] = {
    "link": lambda place, letter: place.symlink_to(letter),
    "link to a folder": lambda place, letter: place.symlink_to(letter.parent),
    "pipe": lambda place, letter: os.mkfifo(place),
    "folder": lambda place, letter: place.mkdir(),
}


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    (tmp_path / "precious").mkdir()
    path = tmp_path / "precious" / "letter.txt"
    path.write_text("x")
    return path


def marked(folder: Path) -> Path:
    own_folder(folder)
    return folder


@pytest.mark.parametrize("name", ["run", "state.npz", LOCK, MARK, "classes-000000000.tif"])
@pytest.mark.parametrize("plant", PLANTS)
def test_a_journal_believes_plain_files_only(tmp_path: Path, letter: Path, plant: str, name: str) -> None:
    folder = marked(work_of(tmp_path / "map.tif"))
    (folder / name).unlink(missing_ok=True)
    PLANTS[plant](folder / name, letter)
    with pytest.raises(OutputError, match="move it away"):
        Journal(tmp_path / "map.tif", "run")
    with pytest.raises(OutputError, match="move it away"):
        Made("segment", tmp_path / "map.tif", work=[folder]).check()
    assert letter.read_text() == "x" and (folder / name).lstat()


@pytest.mark.parametrize("kind", ["work", "new", "part"])
def test_a_marked_folder_keeps_what_has_no_name_of_ours(tmp_path: Path, kind: str) -> None:
    folder = marked(hidden_path(tmp_path / "map.tif", kind))
    for name in ("thesis.docx", "sub/thesis.docx"):
        thesis = folder / name
        thesis.parent.mkdir(exist_ok=True)
        thesis.write_text("x")
        for touch in (check_own, own_folder, empty):
            with pytest.raises(OutputError, match="did not make"):
                touch(folder)
        discard(folder)
        assert thesis.read_text() == "x"
        thesis.unlink()


@pytest.mark.parametrize("kind", ["work", "new", "part"])
def test_what_a_system_puts_into_a_folder_is_no_harm(tmp_path: Path, kind: str) -> None:
    folder = marked(hidden_path(tmp_path / "map.tif", kind))
    for name in (".nfs000000000123", "._run", "._map.tif", ".fuse_hidden0001", ".DS_Store"):
        (folder / name).write_bytes(b"")
    discard(folder)
    assert list(tmp_path.iterdir()) == []
    (marked(folder) / ".profile").write_text("x")
    with pytest.raises(OutputError, match=r"did not make \('.profile'\)"):
        empty(folder)


def test_a_mark_is_never_written_through(tmp_path: Path, letter: Path) -> None:
    taken, run = tmp_path / ".map.tif.work", tmp_path / "run"
    for folder in (taken, run):
        folder.mkdir()
        (folder / MARK).hardlink_to(letter)
    own_folder(taken)
    mark(run)
    assert letter.read_text() == "x"
    (run / MARK).unlink()
    (run / MARK).symlink_to(letter)
    with pytest.raises(OutputError, match="link"):
        mark(run)
    assert letter.read_text() == "x"


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, open_to_all = marked(tmp_path / ".a.tif.work"), marked(tmp_path / ".b.tif.work")
    assert folder.stat().st_mode & 0o077 == 0
    open_to_all.chmod(0o777)
    with pytest.raises(OutputError, match="everybody may write"):
        check_own(open_to_all)
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: -1)
        check_own(folder)  # as on a network disk, where all that is made has one owner
        patch.setattr(own, "_is_usual", lambda *_: False)
        with pytest.raises(OutputError, match="another user"):
            check_own(folder)


def test_what_takes_the_place_of_a_folder_meanwhile_stays(tmp_path: Path, letter: Path) -> None:
    precious = letter.parent
    (precious / "map.tif").write_text("x")
    with pytest.raises(OutputError), appears(tmp_path / "map.tif") as draft:
        draft.parent.rename(tmp_path / "aside")
        draft.parent.symlink_to(precious)
    assert {path.name for path in precious.iterdir()} == {"letter.txt", "map.tif"}


def test_a_journal_that_is_swapped_for_a_link_is_not_emptied(tmp_path: Path, letter: Path) -> None:
    journal = Journal(tmp_path / "map.tif", "run")
    (letter.parent / "run").write_text("x")
    journal.folder.rename(tmp_path / "aside")
    journal.folder.symlink_to(letter.parent)
    with pytest.raises(OutputError, match="in the place"):
        journal.clear()
    assert (letter.parent / "run").read_text() == letter.read_text() == "x"


@pytest.mark.parametrize("state", [b"", b"PK", b"\x93NUMPY"])
def test_a_damaged_state_is_one_sentence(tmp_path: Path, state: bytes) -> None:
    journal = Journal(tmp_path / "map.tif", "run")
    write_bytes(journal.folder / "state.npz", state)
    with pytest.raises(OutputError, match=r"damaged .* remove it to start again"):
        journal.load()


def test_a_compressed_state_is_not_unpacked(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "map.tif", "run")
    np.savez_compressed(journal.folder / "state.npz", __notes__=np.array("{}"), sums=np.zeros(10))
    with pytest.raises(OutputError, match="compressed"):
        journal.load()


def test_a_plain_folder_is_removed_whole_or_not_at_all(tmp_path: Path, letter: Path) -> None:
    folder = tmp_path / "shard-00000"
    remove_plain(folder, own._JOURNAL)
    folder.mkdir()
    (folder / "run").write_text("x")
    (folder / "state.npz").symlink_to(letter)
    with pytest.raises(OutputError, match="did not make"):
        remove_plain(folder, own._JOURNAL)
    assert (folder / "run").exists()
    (folder / "state.npz").unlink()
    remove_plain(folder, own._JOURNAL)
    assert not folder.exists() and letter.read_text() == "x"


def test_a_draft_of_tiles_is_removed_and_nothing_else_that_lies_in_it(tmp_path: Path, letter: Path) -> None:
    folder = marked(hidden_path(tmp_path / "tiles", "part"))
    images = folder / "tiles/train/images"
    images.mkdir(parents=True)
    for name in ("tiles/set.toml", "tiles/classes.csv", "tiles/train/windows.csv", "tiles/train/images/a b_0_48.png"):
        (folder / name).touch()
    for plant in (Path.touch, lambda place: place.symlink_to(letter.parent), os.mkfifo):
        plant(images / "letter_0_48.txt")
        with pytest.raises(OutputError, match="tiles/train/images/letter"):
            empty(folder)
        (images / "letter_0_48.txt").unlink()
    (images / "letter_0_48.png").symlink_to(letter)
    with pytest.raises(OutputError, match="did not make"):
        empty(folder)
    (images / "letter_0_48.png").unlink()
    discard(folder)
    assert not folder.exists() and letter.exists()
