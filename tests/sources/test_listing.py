from __future__ import annotations

import os
from pathlib import Path

import pytest

from geoglot.errors import SourceError
from geoglot.sources.listing import find_images


def test_folders_are_searched_and_files_kept(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", "below/c.webp", "notes.txt", "a.wld"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_images(["https://example.org/scene.tif", tmp_path, tmp_path / "notes.txt"])
    expected = [str(tmp_path / name) for name in ("a.jpg", "b.PNG", "below/c.webp", "notes.txt")]
    assert found == ["https://example.org/scene.tif", *expected]


def test_what_systems_and_unfinished_runs_keep_is_no_source(tmp_path: Path) -> None:
    for name in ("a.tif", "._a.tif", ".map.tif.work/classes-000000000.tif", "__MACOSX/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_images([tmp_path]) == [str(tmp_path / "a.tif")]


def test_rasters_and_pictures_that_are_not_read_are_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.tif", "a.tif.aux.xml", "b.IMG", "c.img", "d.heic", "notes.txt"):
        (tmp_path / name).touch()
    assert find_images([tmp_path]) == find_images([tmp_path]) == [str(tmp_path / "a.tif")]
    (record,) = caplog.records
    assert "also holds 1 .heic, 2 .img, which are not read" in record.message


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no images"):
        find_images([tmp_path])


def test_pipes_and_devices_are_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("/dev/zero")
    (tmp_path / "c.png").touch()
    assert find_images([tmp_path]) == [str(tmp_path / "c.png")]
