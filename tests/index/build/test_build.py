from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from PIL import Image

from archives import content
from conftest import MakeGeotiff
from geoglot.errors import InputError, SourceError
from geoglot.geo import Window
from geoglot.index.build.build import Added, add, prepare
from geoglot.index.build.find_sources import list_sources
from geoglot.index.build.remove import remove
from geoglot.index.store.archive import Archive
from geoglot.index.store.compact import compact
from geoglot.index.store.coverage import cover, live_sources
from geoglot.options import IndexOptions, ReadOptions
from geoglot.scene.embed import embed
from geoglot.sources.raster import Raster, open_raster
from geoglot.sources.read_ahead import FailedWindow, read_patiently
from stubs import PooledColours

MODEL = PooledColours()
SCALE = IndexOptions(scale="320m")  # 32 px of 10 m
MakeScene = Callable[..., Path]


@pytest.fixture
def make_scene(make_geotiff: MakeGeotiff, tmp_path: Path) -> MakeScene:
    """A scene of smooth random colours, 10 m a pixel, 1.6 km x 2.4 km."""
    (tmp_path / "scenes").mkdir()

    def make(name: str, seed: int = 0, *, east: float = 0.0) -> Path:
        small = np.random.default_rng(seed).integers(1, 256, (3, 10, 15), dtype=np.uint8)
        place = Affine(10.0, 0.0, 500_000.0 + east, 0.0, -10.0, 4_000_000.0)
        return make_geotiff(small.repeat(16, 1).repeat(16, 2), transform=place, path=tmp_path / "scenes" / name)

    return make


def put(place: Path, *sources: Path, options: IndexOptions = SCALE, read: ReadOptions = ReadOptions()) -> Added:
    return add(place, sources, model=MODEL, options=options, read=read)


def make_pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"picture{number:03d}.png")
    return folder


def test_every_chip_is_what_its_cell_shows(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene("s_20200107.tif")
    added = put(tmp_path / "a", scene)
    (shard,) = Archive.open(tmp_path / "a").shards
    assert added.chips == shard.rows > 30 and not added.failed
    rows = shard.table().to_pylist()
    with open_raster(scene) as raster:
        for vector, row in zip(shard.vectors, rows, strict=True):
            lon, lat = (row["bbox"]["xmin"] + row["bbox"]["xmax"]) / 2, (row["bbox"]["ymin"] + row["bbox"]["ymax"]) / 2
            down, across = raster.grid.from_lonlat(lon, lat)
            chip = raster.read(
                raster.grid.whole._replace(row=round(down[()]) - 16, col=round(across[()]) - 16, height=32, width=32)
            )
            expected, _ = embed(MODEL, [chip.pixels])
            np.testing.assert_allclose(vector, expected[0], atol=2e-3)
            assert row["nodata"] == pytest.approx(1 - chip.valid.mean(), abs=1e-6)
    assert {row["source"] for row in rows} == {str(scene)} and {row["scale_m"] for row in rows} == {320.0}
    assert {str(row["time"]) for row in rows} == {"2020-01-07 12:00:00+00:00"}
    inner = [row for row in rows if row["nodata"] == 0]
    assert {(row["window_height"], row["window_width"]) for row in inner} == {(32, 32)}


def test_the_same_cells_on_two_dates(make_scene: MakeScene, tmp_path: Path) -> None:
    put(tmp_path / "a", make_scene("a_20200101.tif", 0), make_scene("b_20210101.tif", 1, east=330.0))
    rows = [row for shard in Archive.open(tmp_path / "a").shards for row in shard.table(("cell", "time")).to_pylist()]
    first, second = ({row["cell"] for row in rows if row["time"].year == year} for year in (2020, 2021))
    assert len(first & second) > 20 and first != second


def test_what_is_there_is_not_read_again(
    make_scene: MakeScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = make_scene("a.tif")
    before = put(tmp_path / "a", scene), content(tmp_path / "a")
    monkeypatch.setattr("geoglot.index.build.read_chips.open_source", None)
    copy = shutil.copy(scene, scene.with_name("copy.tif"))
    again = put(tmp_path / "a", scene, Path(copy))
    assert (again.chips, again.there) == (0, 1) and content(tmp_path / "a") == before[1]


def test_all_orders_of_adding_give_the_same_bytes(make_scene: MakeScene, tmp_path: Path) -> None:
    scenes = [make_scene(f"{number}.tif", number) for number in range(3)]
    for name, order in (("a", (0, 1, 2)), ("b", (2, 0, 1))):
        for number in order:
            put(tmp_path / name, scenes[number])
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_a_damaged_source_is_reported_and_the_rest_goes_on(make_scene: MakeScene, tmp_path: Path) -> None:
    scene, broken = make_scene("a.tif"), make_scene("b.tif", 1)
    broken.write_bytes(broken.read_bytes()[:3000])
    (tmp_path / "scenes" / "c.png").write_bytes(b"no picture")
    added = put(tmp_path / "a", tmp_path / "scenes")
    assert sorted(Path(source).name for source, _ in added.failed) == ["b.tif", "c.png"]
    assert added.chips > 30 and {row["source"] for row in rows_of(tmp_path / "a")} == {str(scene)}
    assert len(put(tmp_path / "a", tmp_path / "scenes").failed) == 2  # tried again
    with pytest.raises(SourceError, match="nothing could be added"):
        put(tmp_path / "b", broken)


def rows_of(place: Path) -> list[dict[str, object]]:
    return [row for shard in Archive.open(place).shards for row in shard.table(("source", "cell")).to_pylist()]


def test_a_place_that_cannot_be_read_is_tried_again(
    make_scene: MakeScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, reads = make_scene("a.tif"), []

    def fail_once(raster: object, window: object) -> object:
        from geoglot.sources.read_ahead import FailedWindow, read_patiently

        reads.append(window)
        return FailedWindow(window, "the disk stutters") if len(reads) == 5 else read_patiently(raster, window)  # type: ignore[arg-type]

    monkeypatch.setattr("geoglot.index.build.read_chips.read_patiently", fail_once)
    first = put(tmp_path / "a", scene)
    assert [reason for _, reason in first.failed] == ["the disk stutters"]
    again = put(tmp_path / "a", scene)
    assert not again.failed and again.chips == first.chips + 1
    put(tmp_path / "b", scene)
    assert Archive.open(tmp_path / "a").rows == first.chips + 1
    compact(tmp_path / "a")
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_a_model_that_fails_on_a_chip_leaves_it_out(make_scene: MakeScene, tmp_path: Path) -> None:
    class Failing(PooledColours):
        def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
            vectors = super().encode_image(pixels)
            return torch.where(vectors[:, :1] > 0.75, torch.nan, vectors)

    added = add(tmp_path / "a", make_scene("a.tif"), model=Failing(), options=SCALE)
    assert "not finite" in added.failed[0][1]
    (shard,) = Archive.open(tmp_path / "a").shards
    assert np.isfinite(shard.vectors).all() and (shard.vectors[:, 0] <= 0.75).all() and shard.rows > 5
    (row,) = shard.sources().to_pylist()
    assert row["failed"] > 0 and row["chips"] == shard.rows


def test_pictures_without_coordinates_are_one_chip_each(tmp_path: Path) -> None:
    folder = make_pictures(tmp_path / "pictures", 5)
    added = put(tmp_path / "a", folder, options=IndexOptions(scale="320m,640m"))
    (shard,) = Archive.open(tmp_path / "a").shards
    assert added.chips == 5 and {row["cell"] for row in shard.table().to_pylist()} == {None}
    assert shard.table().to_pylist()[0]["window_height"] == 40
    assert put(tmp_path / "a", folder, options=IndexOptions(scale="640m")).chips == 0  # of no scale, so they are there
    assert cover(Archive.open(tmp_path / "a")).scales == {"pictures": 5}


def test_several_scales_and_patches(make_scene: MakeScene, tmp_path: Path) -> None:
    put(tmp_path / "a", make_scene("a.tif"), options=IndexOptions(scale="320m,640m", patches=True))
    (shard,) = Archive.open(tmp_path / "a").shards
    scales = np.array(shard.table(("scale_m",))["scale_m"])
    assert 3 < (scales == 320).sum() / (scales == 640).sum() < 5
    assert shard.patches is not None and shard.patches.shape == (len(scales), 4, 4, 3)
    np.testing.assert_allclose(np.linalg.norm(shard.patches.astype(np.float32), axis=-1), 1, atol=1e-3)


def test_large_sources_are_done_in_parts(
    make_scene: MakeScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = make_scene("a.tif")
    put(tmp_path / "whole", scene)
    for module in ("plan_units", "units"):
        monkeypatch.setattr(f"geoglot.index.build.{module}.LARGE_BYTES", 1000)
    for module in ("plan_units", "read_chips"):
        monkeypatch.setattr(f"geoglot.index.build.{module}.CHIPS_A_PART", 8)
    put(tmp_path / "parts", scene)
    assert len(Archive.open(tmp_path / "parts").shards) > 4
    whole, parts = (sorted(row["cell"] for row in rows_of(tmp_path / name)) for name in ("whole", "parts"))
    assert whole == parts
    assert put(tmp_path / "parts", scene).there == 1


def test_a_plan_does_not_look_at_pixels_and_a_broken_source_is_named_once(
    make_scene: MakeScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("plan_units", "units"):
        monkeypatch.setattr(f"geoglot.index.build.{module}.LARGE_BYTES", 1000)
    for module in ("plan_units", "read_chips"):
        monkeypatch.setattr(f"geoglot.index.build.{module}.CHIPS_A_PART", 8)
    good, bad = make_scene("good.tif"), make_scene("bad.tif", 1)
    looked = list[str]()

    def look(uri: str, **options: Any) -> Raster:
        looked.append(uri)
        if uri == str(bad):
            raise SourceError("it is broken")
        return open_raster(uri, **options)

    monkeypatch.setattr("geoglot.index.build.open_source.open_raster", look)
    job = prepare(tmp_path / "a", [good, bad], model=MODEL, read=ReadOptions(), options=SCALE, progress=None)
    assert len(job.units) > 4 and not looked and not job.added.failed
    assert put(tmp_path / "a", good, bad).failed == [(str(bad), "it is broken")] and looked


def test_a_file_with_new_content_replaces_what_it_showed(make_scene: MakeScene, tmp_path: Path) -> None:
    put(tmp_path / "a", make_scene("a.tif"), make_scene("b.tif", 1))
    make_scene("a.tif", 7)
    put(tmp_path / "a", tmp_path / "scenes")
    put(tmp_path / "b", tmp_path / "scenes")
    archive = Archive.open(tmp_path / "a")
    live = np.concatenate(
        [shard.vectors if shard.live is None else shard.vectors[shard.live] for shard in archive.shards]
    )
    other = np.concatenate([shard.vectors for shard in Archive.open(tmp_path / "b").shards])
    assert sorted(map(tuple, live)) == sorted(map(tuple, other)) and archive.rows == len(live)


def sources_of(place: Path) -> list[str]:
    """The names of the files of which chips count."""
    return sorted({Path(row["source"]).name for row in live_sources(Archive.open(place))})


@pytest.mark.parametrize("moves", ["ab c>a", "ab b>t a>b t>a", "ab a=b", "a a>b c>a", "abd a>t b>a d>b t>d"])
def test_files_that_changed_names_leave_what_the_folder_shows(tmp_path: Path, moves: str) -> None:
    """Pictures are renamed (`>`), replaced by one that was made since (c), or overwritten by a copy (`=`)."""
    folder, (first, *steps) = make_pictures(tmp_path / "made", 4), moves.split()
    pictures = {letter: (folder / f"picture{number:03d}.png").read_bytes() for number, letter in enumerate("abcd")}
    shown = tmp_path / "shown"
    shown.mkdir()
    for letter in first:
        (shown / f"{letter}.png").write_bytes(pictures[letter])
    put(tmp_path / "a", shown)
    for old, how, new in steps:
        there = shown / f"{old}.png"
        (shown / f"{new}.png").write_bytes(there.read_bytes() if there.exists() else pictures[old])
        if how == ">":
            there.unlink(missing_ok=True)
    before = {path.name: path.read_bytes() for path in shown.iterdir()}
    put(tmp_path / "a", shown)
    put(tmp_path / "b", shown)
    assert sources_of(tmp_path / "a") == sources_of(tmp_path / "b")
    assert Archive.open(tmp_path / "a").rows == len(set(before.values()))


def test_the_name_of_a_file_is_no_pattern_to_remove_others(tmp_path: Path) -> None:
    folder = make_pictures(tmp_path / "p", 3)
    for old, new in (("000", "a[1]"), ("001", "a1"), ("002", "a*")):
        (folder / f"picture{old}.png").rename(folder / f"{new}.png")
    put(tmp_path / "a", folder)
    assert remove(tmp_path / "a", [folder / "a[1].png", folder / "a*.png"]) == 2
    assert sources_of(tmp_path / "a") == ["a1.png"]
    assert remove(tmp_path / "a", [folder / "a?.png"]) == 1


def test_what_was_removed_beside_a_place_that_fails_can_be_added_again(
    make_scene: MakeScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad, worn = make_scene("a.tif"), make_scene("b.tif", 1), set[object]()

    def fail(raster: Raster, window: Window) -> object:
        if raster.uri == str(bad) and (not worn or window in worn):
            worn.add(window)
            return FailedWindow(window, "the disk is worn")
        return read_patiently(raster, window)

    monkeypatch.setattr("geoglot.index.build.read_chips.read_patiently", fail)
    assert put(tmp_path / "a", good, bad).failed
    rows = Archive.open(tmp_path / "a").rows
    assert remove(tmp_path / "a", [good])
    put(tmp_path / "a", good, bad)
    assert Archive.open(tmp_path / "a").rows == rows and sources_of(tmp_path / "a") == ["a.tif", "b.tif"]


def test_a_mask_beside_a_file_is_a_part_of_it(make_scene: MakeScene, tmp_path: Path) -> None:
    """It decides which chips are seen, as the pixels do."""
    scene = make_scene("a.tif")
    before = put(tmp_path / "a", scene).chips
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(scene, "r+") as dataset:
        hidden = np.zeros(dataset.shape, bool)
        hidden[:, : dataset.width // 4] = True
        dataset.write_mask(hidden)
    assert Path(f"{scene}.msk").exists()
    after = put(tmp_path / "a", scene)
    assert (after.there, after.chips < before) == (0, True)


def test_a_chip_has_the_day_in_the_name_of_its_file_and_not_that_of_a_copy(
    make_scene: MakeScene, tmp_path: Path
) -> None:
    """As a comparison of dates and a question about them have it."""
    scenes = [make_scene("a_20200107.tif", 0), make_scene("b_20230501.tif", 1), make_scene("c.tif", 2)]
    for scene in scenes:
        with rasterio.open(scene, "r+") as dataset:
            dataset.update_tags(TIFFTAG_DATETIME="2023:05:01 08:30:00")
    put(tmp_path / "a", *scenes)
    rows = [row for shard in Archive.open(tmp_path / "a").shards for row in shard.table(("source", "time")).to_pylist()]
    times = {Path(row["source"]).name[0]: f"{row['time']:%Y-%m-%d %H:%M}" for row in rows}
    assert times == {"a": "2020-01-07 12:00", "b": "2023-05-01 08:30", "c": "2023-05-01 08:30"}


def test_a_source_that_was_moved_is_told(make_scene: MakeScene, tmp_path: Path) -> None:
    scene = make_scene("s.tif")
    put(tmp_path / "a", scene)
    copy = Path(shutil.copy(scene, scene.with_name("copy.tif")))
    assert not put(tmp_path / "a", copy).notes
    scene.unlink()
    [note] = put(tmp_path / "a", copy).notes
    assert f"{copy} is in the archive as {scene}, which is gone" in note
    remove(tmp_path / "a", [str(scene)])
    assert put(tmp_path / "a", copy).chips > 0 and not put(tmp_path / "a", copy).notes


def test_wrong_options_leave_no_archive(make_scene: MakeScene, tmp_path: Path) -> None:
    for options in (IndexOptions(scale="3furlong"), IndexOptions(area=tmp_path / "none.geojson")):
        with pytest.raises(InputError):
            put(tmp_path / "a", make_scene("a.tif"), options=options)
        assert not (tmp_path / "a").exists()


def test_a_scene_too_coarse_for_the_scale_is_not_seen(make_scene: MakeScene, tmp_path: Path) -> None:
    added = put(tmp_path / "a", make_scene("a.tif"), options=IndexOptions(scale="64m"))
    assert added.chips == 0 and "too coarse for chips of 64 m" in added.notes[0]
    [line] = [line for name, line in cover(Archive.open(added.place)).lines() if name == "not seen"]
    assert line.startswith("1 source: its pixels are") and "too coarse for chips of 64 m" in line


def test_another_model_is_refused(make_scene: MakeScene, tmp_path: Path) -> None:
    put(tmp_path / "a", make_scene("a.tif"))
    with pytest.raises(InputError, match="do not compare"):
        add(tmp_path / "a", tmp_path / "scenes", model="mini")
    with pytest.raises(InputError, match="without --patches"):
        put(tmp_path / "a", tmp_path / "scenes", options=IndexOptions(patches=True))


@pytest.mark.parametrize("scales", [("", ""), ("", "256m"), ("256m", "")])
def test_another_reading_is_said(make_scene: MakeScene, tmp_path: Path, scales: tuple[str, str]) -> None:
    """The scale that fits a scene of 10 m is 256 m for this model."""
    scene, (first, again) = make_scene("a.tif"), (IndexOptions(scale=scale) for scale in scales)
    put(tmp_path / "a", scene, options=first)
    added = put(tmp_path / "a", scene, options=again, read=ReadOptions(bands=(3, 2, 1)))
    assert added.chips == 0 and "remove it first" in added.notes[0]


def test_lists_give_times_and_clouds(make_scene: MakeScene, tmp_path: Path) -> None:
    make_scene("a.tif")
    (tmp_path / "list.csv").write_text(
        "source,time,cloud\nscenes/a.tif,2019-05-04T10:00:00+02:00,0.25\nscenes/none.tif,,\n"
    )
    added = put(tmp_path / "a", tmp_path / "list.csv")
    row = Archive.open(tmp_path / "a").shards[0].table().to_pylist()[0]
    assert (str(row["time"]), row["cloud"]) == ("2019-05-04 08:00:00+00:00", 0.25)
    assert [Path(source).name for source, _ in added.failed] == ["none.tif"]


@pytest.mark.parametrize("scales", [("", "256m"), ("256m", ""), ("512m,256m", "", "256m")])
def test_chips_are_there_once_however_their_scale_was_asked_for(
    make_scene: MakeScene, tmp_path: Path, scales: tuple[str, ...]
) -> None:
    """The scale that fits a scene of 10 m is 256 m for this model."""
    make_scene("a.tif")
    first, *others = (put(tmp_path / "a", tmp_path / "scenes", options=IndexOptions(scale=each)) for each in scales)
    assert first.chips and all((other.chips, other.there) == (0, 1) for other in others)
    cells = [
        cell for shard in Archive.open(tmp_path / "a").shards for cell in shard.table(("cell",))["cell"].to_pylist()
    ]
    assert len(set(cells)) == len(cells) == first.chips


def test_what_a_list_says_of_a_file_counts_wherever_else_it_is_named(tmp_path: Path) -> None:
    folder = make_pictures(tmp_path / "p", 2)
    (tmp_path / "list.csv").write_text("source,time,cloud\np/picture001.png,2019-05-04,0.25\n")
    for place, order in (("a", (folder, tmp_path / "list.csv")), ("b", (tmp_path / "list.csv", folder))):
        assert not put(tmp_path / place, *order).notes
        (shard,) = Archive.open(tmp_path / place).shards
        found = {Path(row["source"]).stem: (str(row["time"])[:10], row["cloud"]) for row in shard.table().to_pylist()}
        assert found == {"picture000": ("None", None), "picture001": ("2019-05-04", 0.25)}
    put(tmp_path / "c", folder)
    for _ in range(2):
        (note,) = put(tmp_path / "c", tmp_path / "list.csv").notes
        assert "picture001.png is in the archive without a time" in note and "2019-05-04" in note
    remove(tmp_path / "c", [folder / "picture001.png"])
    assert put(tmp_path / "c", tmp_path / "list.csv").chips == 1 and not put(tmp_path / "c", folder).notes


@pytest.mark.parametrize(("text", "share"), [("0,25", 0.25), ("35", None), ("-1", None), ("nan", None)])
def test_a_cloud_that_is_no_share_is_told(
    make_scene: MakeScene, tmp_path: Path, text: str, share: float | None
) -> None:
    """Services give percents, and spreadsheets decimal commas."""
    make_scene("a.tif")
    (tmp_path / "list.csv").write_text(f"source;cloud\nscenes/a.tif;{text}\n")
    found, failed = list_sources([tmp_path / "list.csv"])
    assert [each.cloud for each in found] == ([] if share is None else [share])
    assert all("cloud must be a share from 0 to 1" in reason for _, reason in failed) and bool(failed) == (
        share is None
    )


def test_patterns_and_plain_lists(make_scene: MakeScene, tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif", "c.tif"):
        make_scene(name, ord(name[0]))
    (tmp_path / "scenes" / "list.txt").write_text("a.tif\n# a comment\n\nb.tif\n")
    assert put(tmp_path / "a", tmp_path / "scenes" / "[bc].tif").sources == 2
    assert put(tmp_path / "a", tmp_path / "scenes" / "list.txt").sources == 2
    added = put(tmp_path / "a", tmp_path / "scenes" / "*.tif", tmp_path / "scenes" / "x*.tif")
    assert (added.sources, added.there, len(added.failed)) == (3, 3, 1)


def test_removed_sources_count_no_more_and_can_be_added_again(make_scene: MakeScene, tmp_path: Path) -> None:
    scenes = [make_scene(f"{number}.tif", number) for number in range(3)]
    put(tmp_path / "a", *scenes)
    before = content(tmp_path / "a")
    rows = Archive.open(tmp_path / "a").rows
    gone = remove(tmp_path / "a", [scenes[1]])
    archive = Archive.open(tmp_path / "a")
    assert (
        archive.rows == rows - gone == sum(int(shard.live.sum()) for shard in archive.shards if shard.live is not None)
    )
    assert cover(archive).sources == 2
    put(tmp_path / "a", *scenes)
    assert Archive.open(tmp_path / "a").rows == rows and content(tmp_path / "a") != before
    remove(tmp_path / "a", [tmp_path / "scenes"])
    assert Archive.open(tmp_path / "a").rows == 0
    put(tmp_path / "a", *scenes)
    compact(tmp_path / "a")
    assert content(tmp_path / "a") == before
    with pytest.raises(InputError, match="holds nothing of"):
        remove(tmp_path / "a", ["/elsewhere"])


def test_compaction_keeps_every_chip(make_scene: MakeScene, tmp_path: Path) -> None:
    scenes = [make_scene(f"{number}.tif", number) for number in range(4)]
    for scene in scenes:
        put(tmp_path / "a", scene, options=IndexOptions(scale="320m", patches=True))
    remove(tmp_path / "a", [scenes[2]])
    before = rows_of(tmp_path / "a"), Archive.open(tmp_path / "a").rows
    done = compact(tmp_path / "a")
    assert (done.shards_before, done.shards, done.deleted) == (3, 1, 4)
    assert sorted(map(str, rows_of(tmp_path / "a"))) == sorted(map(str, before[0])) and before[1] == len(before[0])
    (shard,) = Archive.open(tmp_path / "a").shards
    part, names = np.array(shard.table(("part",))["part"]), shard.sources()["source"].to_pylist()
    assert [names[number] for number in part] == [row["source"] for row in rows_of(tmp_path / "a")]
    assert put(tmp_path / "a", *scenes[:2], options=IndexOptions(scale="320m")).chips == 0
    assert compact(tmp_path / "a").deleted == 0


def test_a_scene_around_a_pole_is_around_the_globe(make_geotiff: MakeGeotiff, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(1, 256, (3, 96, 96), dtype=np.uint8)
    corner = Affine(10.0, 0.0, -480.0, 0.0, -10.0, 480.0)
    add(tmp_path / "a", make_geotiff(pixels, crs="EPSG:3413", transform=corner), model=MODEL, options=IndexOptions())
    west, south, east, north = cover(Archive.open(tmp_path / "a")).bounds or ()
    assert (west, east, north) == (-180, 180, 90) and south == pytest.approx(90 - 679 / 111_695, abs=0.004)
