from __future__ import annotations

from pathlib import Path

import pytest

from geoglot.errors import InputError, SourceError
from geoglot.sources.listing import find_images
from geoglot.tasks.batch.scenes import list_scenes, name_apart, pair_dates, split_sources


def touch(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return [str(folder / name) for name in names]


def test_a_pattern_gives_its_images_and_those_of_its_folders_each_once(tmp_path: Path) -> None:
    first, _, deep = touch(tmp_path, "a.tif", "notes.txt", "more/b.png")
    assert find_images([tmp_path / "*"]) == [first, deep]
    assert find_images([f"{tmp_path}/**/*.png", first]) == [deep, first]
    with pytest.raises(SourceError, match="nothing fits the pattern"):
        find_images([tmp_path / "*.jp2"])


def test_a_file_whose_name_looks_like_a_pattern_is_itself(tmp_path: Path) -> None:
    odd, _ = touch(tmp_path, "scene[1].tif", "scene1.tif")
    assert find_images([odd]) == [odd]


def test_scenes_of_one_name_have_names_of_their_own(tmp_path: Path) -> None:
    uris = touch(tmp_path, "2019/a.tif", "2021/a.tif", "b.tif", "x/2021/A.png")
    assert name_apart(uris) == ["2019_a", f"{tmp_path.name}_2021_a", "b", "x_2021_A"]


@pytest.mark.parametrize("uris", [
    ["a.tif", "a.png"], ["p_q/r.tif", "q/r.tif", "p/q_r.tif", "p/q/r.tif"], ["https://x.org/a.tif?k=1", "s3://b/a.tif"],
    ["d/a.tif", "d_a.tif", "e/a.tif"],
])  # fmt: skip
def test_names_are_apart_whatever_the_paths(uris: list[str]) -> None:
    names = name_apart(uris)
    assert len({name.casefold() for name in names}) == len(uris)
    assert not any("/" in name or "?" in name for name in names)
    assert name_apart(uris[::-1]) == names[::-1]


def test_results_are_no_scenes(tmp_path: Path) -> None:
    scene, *_ = touch(tmp_path, "scenes/a.tif", "scenes/maps/a.tif", "scenes/maps/a.overlay.png")
    scenes, notes = list_scenes([tmp_path / "scenes"], tmp_path / "scenes/maps")
    assert [each.sources for each in scenes] == [(scene,)]
    assert len(notes) == 1 and notes[0].startswith("2 files in ")
    with pytest.raises(InputError, match="another folder"):
        list_scenes([tmp_path / "scenes"], tmp_path / "scenes")


def test_scenes_of_one_name_are_one_place_on_two_dates(tmp_path: Path) -> None:
    touch(tmp_path, "old/a.tif", "old/east/b.tif", "new/a.png", "new/east/b.tif", "new/c.tif")
    places, _ = pair_dates([tmp_path / "old", tmp_path / "new"], None)
    assert [(each.name, len(each.sources)) for each in places] == [("a", 2), ("east_b", 2), ("c", 1)]
    assert [each.missing for each in places] == ["", "", f"{tmp_path / 'old'} has no scene of this name"]
    with pytest.raises(InputError, match="for each date"):
        pair_dates([tmp_path / "old"], None)
    touch(tmp_path, "old/a.png")
    with pytest.raises(InputError, match="two scenes called a"):
        pair_dates([tmp_path / "old", tmp_path / "new"], None)


def test_maps_of_changes_in_the_folder_of_a_date_are_no_scenes(tmp_path: Path) -> None:
    touch(tmp_path, "old/a.tif", "new/a.tif", "new/changes/a.tif", "new/changes/a.overlay.png")
    dates = [tmp_path / "old", tmp_path / "new"]
    places, notes = pair_dates(dates, tmp_path / "new/changes")
    assert [(each.name, len(each.sources), each.missing) for each in places] == [("a", 2, "")]
    assert len(notes) == 1 and notes[0].startswith("2 files in ")
    with pytest.raises(InputError, match="another folder"):
        pair_dates(dates, tmp_path / "new")


def test_names_may_be_those_of_folders_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.tif", "b.tif", "scenes/c.tif", "building/d.tif", "names.txt")
    monkeypatch.chdir(tmp_path)
    for sources, names in [
        (["a.tif"], ["building", "b.tif"]), (["a.tif", "scenes/"], ["names.txt"]), (["*.tif", "s*/*.tif"], ["tree?"]),
        (["none.tif"], ["tree"]), (["scenes"], []), (["s3://x/a.tif", "s3://x/b.tif"], ["x" * 5000]),
    ]:  # fmt: skip
        assert split_sources([*sources, *names]) == (sources, names)


def test_a_scene_that_is_named_in_several_ways_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "scenes/a.tif", "scenes/more/b.tif")
    (tmp_path / "link").symlink_to(tmp_path / "scenes")
    monkeypatch.chdir(tmp_path)
    ways = ["scenes", "./scenes/a.tif", "scenes/more/../a.tif", tmp_path / "scenes/a.tif", "link/more/b.tif"]
    scenes, _ = list_scenes(ways, None)
    assert [(each.name, each.sources) for each in scenes] == [("a", ("scenes/a.tif",)), ("b", ("scenes/more/b.tif",))]
