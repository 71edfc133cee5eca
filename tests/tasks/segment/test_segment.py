from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pytest
import rasterio
import torch
from affine import Affine
from torch import Tensor

from geoglot.errors import ClassesError, InputError, OutputError, SourceError
from geoglot.options import ReadOptions, SegmentOptions
from geoglot.outputs import atomic as files
from geoglot.outputs import own
from geoglot.outputs import vector_writers as writers
from geoglot.outputs.journal import Journal
from geoglot.outputs.legend import Legend
from geoglot.sources.raster import open_raster
from geoglot.tasks.segment import map_files
from geoglot.tasks.segment import map_run as run_module
from geoglot.tasks.segment.map_files import Outputs, SegmentResult
from geoglot.tasks.segment.map_run import segment_with
from geoglot.tasks.segment.segment import segment
from stubs import ColourScorer, PooledColours
from worlds import class_field, paint, scribble, write_scene

NAMES = ("water", "forest", "roof")
READ = ReadOptions(tile=64, overlap=16, batch=4)
PLAIN = SegmentOptions(overlay=False, scores=True)


def run(
    source: Path,
    output: Path,
    how: ReadOptions = READ,
    halo: int = 0,
    overwrite: bool = False,
    options: SegmentOptions = PLAIN,
) -> SegmentResult:
    scorer = ColourScorer(NAMES, patch=8, halo=halo)
    outputs = Outputs.of(output, output.with_suffix(".parquet"), options)
    return segment_with(scorer, Legend(NAMES), source, outputs, read=how, options=options, overwrite=overwrite)


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        pixels: np.ndarray = dataset.read()
    return pixels


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    field = class_field((333, 290), 3)
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif", paint(field, NAMES))


def test_the_map_is_the_truth_where_a_patch_is_of_one_class(scene: Path, tmp_path: Path) -> None:
    result = run(scene, tmp_path / "map.tif")
    field = class_field((333, 290), 3)
    inner = field[:328, :288].reshape(41, 8, 36, 8)
    pure = (inner == inner[:, :1, :, :1]).all((1, 3))
    centres = read(result.output)[0][4:328:8, 4:288:8]
    assert pure.mean() > 0.4
    assert (centres[pure] == inner[:, 4, :, 4][pure] + 1).all()
    with rasterio.open(scene) as source, rasterio.open(result.output) as mapped:
        assert (source.crs, source.transform, source.shape) == (mapped.crs, mapped.transform, mapped.shape)


@pytest.mark.parametrize("halo", [0, 1])
@pytest.mark.parametrize(("tile", "overlap"), [(64, 16), (64, 32), (96, 24), (160, 16)])
def test_tiled_equals_untiled(scene: Path, tmp_path: Path, tile: int, overlap: int, halo: int) -> None:
    whole = run(scene, tmp_path / "whole.tif", replace(READ, tile=336), halo)
    tiled = run(scene, tmp_path / "tiled.tif", replace(READ, tile=tile, overlap=overlap), halo)
    assert whole.windows == 1 < tiled.windows
    assert whole.scores and tiled.scores and whole.polygons and tiled.polygons
    inside = (slice(None), slice(halo, -1), slice(halo, -1))
    gap = np.abs(read(whole.scores) - read(tiled.scores))
    assert np.nanmax(gap[inside]) < 1e-3
    inside = (slice(None), slice(16 * halo, 333 - 24 * halo), slice(16 * halo, 290 - 24 * halo))
    np.testing.assert_array_equal(read(whole.output)[inside], read(tiled.output)[inside])
    if halo:  # at the scene's border a model that looks around sees padding, or less of it
        return
    one, other = gpd.read_parquet(whole.polygons), gpd.read_parquet(tiled.polygons)
    assert len(one) == len(other) > 5
    assert sorted(one.area_m2) == pytest.approx(sorted(other.area_m2))
    assert set(one.geometry.normalize().to_wkb()) == set(other.geometry.normalize().to_wkb())


def test_batches_change_nothing(scene: Path, tmp_path: Path) -> None:
    one = run(scene, tmp_path / "one.tif", replace(READ, batch=1))
    many = run(scene, tmp_path / "many.tif", replace(READ, batch=7))
    assert one.output.read_bytes() == many.output.read_bytes()
    assert one.polygons and many.polygons
    assert one.polygons.read_bytes() == many.polygons.read_bytes()


def test_polygons_areas_and_shares_agree(scene: Path, tmp_path: Path) -> None:
    result = run(scene, tmp_path / "map.tif")
    frame = gpd.read_parquet(tmp_path / "map.parquet")
    classes = read(result.output)[0]
    for index, share in enumerate(result.classes, 1):
        rows = frame[frame["class"] == index]
        assert share.pixels == (classes == index).sum()
        assert share.area_m2 == pytest.approx(rows.area_m2.sum(), rel=1e-3)
        assert rows.geometry.area.sum() == pytest.approx(share.pixels * 0.25)
    assert sum(share.share for share in result.classes) == pytest.approx(1)
    assert frame.score.between(1 / 3, 1).all()
    manifest = json.loads(result.manifest.read_text())
    assert manifest["classes"] == [vars(share) for share in result.classes]
    assert manifest["run"]["windows"] == {"tile": 64, "overlap": 16, "patch": 8}


def test_no_data_stays_no_data(tmp_path: Path) -> None:
    pixels = paint(class_field((150, 150), 3), NAMES)
    pixels[:, 40:90, 30:100] = 0
    source = write_scene(tmp_path / "scene.tif", pixels, nodata=0)
    result = run(source, tmp_path / "map.tif")
    expected = np.zeros((150, 150), bool)
    expected[40:90, 30:100] = True
    np.testing.assert_array_equal(read(result.output)[0] == 255, expected)


def test_a_scene_without_a_valid_pixel_says_so(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", np.zeros((3, 80, 80), np.uint8), nodata=0)
    assert any("no pixel of the scene is valid" in note for note in run(source, tmp_path / "map.tif").notes)


def test_a_scene_without_a_valid_pixel_is_told_of_no_absent_class(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "empty.tif", np.zeros((3, 80, 90), np.uint8), nodata=0)
    options = SegmentOptions(overlay=False)
    result = segment(source, ["water", "forest"], tmp_path / "map.tif", options=options)
    assert not any("found" in note for note in result.notes), result.notes


def test_areas_are_those_of_the_ground_where_the_projection_stretches(tmp_path: Path) -> None:
    """2,000 km in one UTM zone: a pixel in the middle is 0.8 % larger than one at the side."""
    field = np.repeat([0, 1, 2], 70)[None].repeat(70, 0)
    place = Affine(9_600, 0, 500_000 - 105 * 9_600, 0, -9_600, 5_000_000)
    source = write_scene(tmp_path / "scene.tif", paint(field, NAMES), transform=place)
    result = run(source, tmp_path / "map.tif", replace(READ, resolution=9_600.0, tile=256))
    frame = gpd.read_parquet(tmp_path / "map.parquet")
    for share in result.classes:
        assert share.area_m2 == pytest.approx(frame.area_m2[frame.name == share.name].sum(), rel=1e-3)


def test_companions_of_an_earlier_run_do_not_stay(scene: Path, tmp_path: Path) -> None:
    run(scene, tmp_path / "map.tif", options=replace(PLAIN, overlay=True))
    assert (tmp_path / "map.scores.tif").exists() and (tmp_path / "map.overlay.png").exists()
    run(scene, tmp_path / "map.tif", options=replace(PLAIN, scores=False), overwrite=True)
    assert not (tmp_path / "map.scores.tif").exists() and not (tmp_path / "map.overlay.png").exists()


def test_a_scene_that_changes_on_the_way_is_refused(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", paint(class_field((200, 200), 3), NAMES))

    class Meddler(ColourScorer):
        def __call__(self, pixels: Tensor) -> Tensor:
            os.utime(source, (1, 1))
            return super().__call__(pixels)

    outputs = Outputs.of(tmp_path / "map.tif", None, PLAIN)
    with pytest.raises(SourceError, match="was changed"):
        segment_with(Meddler(NAMES), Legend(NAMES), source, outputs, read=READ, options=PLAIN)
    assert not (tmp_path / "map.tif").exists()


def test_any_word_of_a_class_may_match(tmp_path: Path) -> None:
    field = class_field((96, 96), 3)
    source = write_scene(tmp_path / "scene.tif", paint(field, NAMES))
    result = segment(
        source, {"wet": ["water"], "rest": ["forest", "roof"]}, tmp_path / "map.tif", model=PooledColours()
    )
    shares = {share.name: share.share for share in result.classes}
    assert shares["wet"] == pytest.approx((field == 0).mean(), abs=0.1)


def test_what_the_words_mean_decides_whether_a_run_goes_on(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def facts(model: PooledColours, classes: str, **options: object) -> str:
        seen: list[dict[str, object]] = []
        with monkeypatch.context() as patch:
            patch.setattr(run_module, "fingerprint", lambda facts: (seen.append(facts), "x")[1])
            decided = {name: options.pop(name) for name in ("tile", "overlap") if name in options}
            given, how = SegmentOptions(**options), ReadOptions(**decided)  # type: ignore[arg-type]
            segment(scene, classes, tmp_path / "map.tif", model=model, read=how, options=given, overwrite=True)
        return json.dumps(seen[0], sort_keys=True, default=str)

    class OtherText(PooledColours):
        def encode_text(self, texts: list[str]) -> Tensor:
            return super().encode_text(texts).roll(1, dims=1)

    class OtherCard(PooledColours):
        card = replace(PooledColours.card, logit_scale=99.0)

    class OtherWeights(PooledColours):
        card = replace(PooledColours.card, sha256="1" * 64)

    plain = facts(PooledColours(), "water,forest")
    assert plain == facts(PooledColours(), "water,forest")
    for model in (OtherText(), OtherCard(), OtherWeights()):
        assert facts(model, "water,forest") != plain
    assert facts(PooledColours(), "water,roof") != plain
    assert facts(PooledColours(), "water,forest", background="roof") != plain
    assert facts(PooledColours(), "water,forest", templates=("{}",)) != plain


def test_a_source_without_a_crs_works_and_says_so(tmp_path: Path) -> None:
    pixels = paint(class_field((100, 100), 3), NAMES)
    source = write_scene(tmp_path / "scene.tif", pixels, crs=None)
    result = run(source, tmp_path / "map.tif")
    assert any("CRS" in note for note in result.notes)
    assert all(share.area_m2 is None for share in result.classes)
    with rasterio.open(result.output) as mapped:
        assert mapped.crs is None


def test_a_scene_read_at_another_resolution_says_so(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", paint(class_field((60, 60), 3), NAMES))
    result = run(source, tmp_path / "map.tif", replace(READ, resolution=1.0))
    assert read(result.output).shape == (1, 30, 30)
    assert any("read at 1 m" in note for note in result.notes)


_KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
import test_segment
from stubs import ColourScorer, PooledColours

class Killer(ColourScorer):
    def __call__(self, pixels):
        if self.calls == int(sys.argv[4]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(pixels)

test_segment.ColourScorer = Killer
test_segment.run(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_killed_and_run_again_gives_the_same_bytes(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = run(scene, tmp_path / "straight.tif")
    here = Path(__file__).parent
    code = f"import sys; sys.path.insert(0, {str(here.parents[1])!r})\n{_KILLED}"
    command = [sys.executable, "-c", code, str(scene), str(tmp_path / "killed.tif"), str(here), "10"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "killed.tif").exists()

    scorers: list[ColourScorer] = []

    class Counting(ColourScorer):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]
            scorers.append(self)

    monkeypatch.setitem(run.__globals__, "ColourScorer", Counting)
    again = run(scene, tmp_path / "killed.tif")
    # 6 windows a row in 2 batches: 10 calls finished 5 of the 7 rows, of which up to 2 were not used yet
    assert straight.windows - 5 * 6 <= scorers[0].tiles <= straight.windows - 3 * 6
    for name in ("tif", "parquet", "scores.tif"):
        assert (tmp_path / f"killed.{name}").read_bytes() == (tmp_path / f"straight.{name}").read_bytes()
    assert again.classes == straight.classes
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".zip", ".pmtiles"])
def test_killed_among_the_polygons_and_run_again_gives_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    source = write_scene(tmp_path / "scene.tif", paint(class_field((300, 300), 3, blob=6), NAMES))
    outputs = Outputs.of(tmp_path / "map.tif", tmp_path / f"map{suffix}", PLAIN)
    half = writers.pyogrio.write_arrow

    def killed(features: pa.RecordBatchReader, *args: object, **kwargs: object) -> None:
        table = features.read_all()
        half(table[: len(table) // 2].to_reader(), *args, **kwargs)
        raise KeyboardInterrupt  # what `appears` does on its way out, kill -9 does not: the file stays

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(writers.pyogrio, "write_arrow", killed)
        patch.setattr(files, "discard", lambda folder: None if suffix in folder.name else own.discard(folder))
        segment_with(ColourScorer(NAMES), Legend(NAMES), source, outputs, read=READ, options=PLAIN)
    assert list(tmp_path.glob(f".map{suffix}.new/**/map.*"))
    result = segment_with(ColourScorer(NAMES), Legend(NAMES), source, outputs, read=READ, options=PLAIN)
    assert not list(tmp_path.glob(".*"))
    if suffix != ".pmtiles":  # the features of tiles are cut by the tiles
        frame = gpd.read_file(tmp_path / f"map{suffix}", layer="classes" if suffix == ".gpkg" else "map")
        assert frame["id"].is_unique
        assert frame.area_m2.sum() == pytest.approx(sum(share.area_m2 or 0 for share in result.classes), rel=1e-4)


def test_a_raster_of_the_callers_stays_open(scene: Path, tmp_path: Path) -> None:
    with open_raster(scene) as raster:
        for name in ("a.tif", "b.tif"):
            outputs = Outputs.of(tmp_path / name, None, PLAIN)
            segment_with(ColourScorer(NAMES), Legend(NAMES), raster, outputs, read=READ, options=PLAIN)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_a_scorer_names_every_class_once(scene: Path, tmp_path: Path) -> None:
    outputs, scorer = Outputs.of(tmp_path / "map.tif", None, PLAIN), ColourScorer(NAMES)
    scorer.labels = ("water", "water", "forest")
    with pytest.raises(InputError, match="once"):
        segment_with(scorer, Legend(NAMES), scene, outputs, read=READ, options=PLAIN)


def test_scores_follow_the_legend_whatever_the_order_of_channels(scene: Path, tmp_path: Path) -> None:
    outputs, scorer = Outputs.of(tmp_path / "turned.tif", None, PLAIN), ColourScorer(NAMES[::-1])
    segment_with(scorer, Legend(NAMES), scene, outputs, read=READ, options=PLAIN)
    run(scene, tmp_path / "plain.tif")
    for kind in ("tif", "scores.tif"):
        np.testing.assert_allclose(read(tmp_path / f"turned.{kind}"), read(tmp_path / f"plain.{kind}"), atol=1e-6)


@pytest.mark.parametrize("change", ["legend", "ids", "mask"])
def test_what_decides_the_result_decides_whether_a_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    source = write_scene(tmp_path / "scene.tif", paint(class_field((300, 300), 3), NAMES))
    outputs, scorer, legend = Outputs.of(tmp_path / "map.tif", None, PLAIN), ColourScorer(NAMES), Legend(NAMES)
    with monkeypatch.context() as patch, pytest.raises(OutputError):
        patch.setattr(map_files, "write_cog", _full_disk)
        segment_with(scorer, legend, source, outputs, read=READ, options=PLAIN)
    if change == "legend":
        legend = Legend(NAMES[::-1])
    elif change == "ids":
        scorer.labels = NAMES[::-1]
    else:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(source, "r+") as dataset:
            stamp = source.stat()
            dataset.write_mask(np.pad(np.full((300, 100), 255, np.uint8), ((0, 0), (0, 200))))
        os.utime(source, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    before = scorer.tiles
    result = segment_with(scorer, legend, source, outputs, read=READ, options=PLAIN)
    assert scorer.tiles - before >= result.windows / 3  # all that has a valid pixel, and nothing out of the journal


def _full_disk(*_: object) -> None:
    raise OutputError("the disk is full")


def test_windows_that_fail_are_no_data_and_named(tmp_path: Path) -> None:
    pixels = paint(class_field((256, 256), 3), NAMES)
    source = write_scene(tmp_path / "scene.tif", pixels)
    scribble(source, block=5)  # row 1, column 1 of 4 x 4 blocks
    result = run(source, tmp_path / "map.tif", replace(READ, overlap=0))
    assert [tuple(one.window) for one in result.failed] == [(64, 64, 64, 64)]
    classes = read(result.output)[0]
    assert (classes[64:128, 64:128] == 255).all()
    assert (classes == 255).sum() == 64 * 64
    stored = json.loads(result.manifest.read_text())["windows"]
    assert stored["failed"][0]["window"] == [64, 64, 64, 64] and stored["done"] == 15


def test_a_scene_of_which_nothing_can_be_read_has_no_map(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", paint(class_field((64, 64), 3), NAMES))
    scribble(source, block=0)
    with pytest.raises(SourceError, match="no window of"):
        run(source, tmp_path / "map.tif")
    assert list(tmp_path.iterdir()) == [source]


def test_progress_names_every_part_of_the_work(scene: Path, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    scorer, outputs = ColourScorer(NAMES), Outputs.of(tmp_path / "map.tif", tmp_path / "map.gpkg", PLAIN)
    segment_with(
        scorer, Legend(NAMES), scene, outputs, read=READ, options=PLAIN, progress=lambda *args: seen.append(args)
    )
    assert list(dict.fromkeys(what for what, _, _ in seen)) == ["windows", "areas", "map", "polygons"]
    last = {what: (done, total) for what, done, total in seen}
    assert all(done == total for done, total in last.values()) and last["windows"][1] > 9


def test_a_resolution_far_finer_than_the_scene_is_refused(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "scene.tif", paint(class_field((64, 64), 3), NAMES))
    with pytest.raises(InputError, match="100 times as coarse"):
        run(source, tmp_path / "map.tif", replace(READ, resolution=0.001))


def test_a_model_that_fails_on_one_window_fails_only_there(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fragile(ColourScorer):
        def __call__(self, pixels: object) -> object:
            scores = super().__call__(pixels)  # type: ignore[arg-type]
            if len(scores) > 2:
                raise RuntimeError("out of memory")
            return scores

    monkeypatch.setitem(run.__globals__, "ColourScorer", Fragile)
    small = run(scene, tmp_path / "a.tif")
    assert small.failed == ()  # a batch that is too large is tried one by one


def test_other_options_do_not_resume(scene: Path, tmp_path: Path) -> None:
    output = tmp_path / "map.tif"
    journal = Journal(output, "another")
    journal.add_strip("classes", 0, b"stale")
    journal.close()
    result = run(scene, output)
    assert not result.failed and not (tmp_path / ".map.tif.work").exists()


@pytest.mark.parametrize(("output", "error"), [("no/map.tif", OutputError), ("map.png", InputError), (".", InputError)])
def test_outputs_are_checked_before_any_work(tmp_path: Path, output: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        segment(tmp_path / "missing.tif", "a,b", tmp_path / output)
    assert list(tmp_path.iterdir()) == []


def test_one_class_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClassesError, match="--background"):
        segment(tmp_path / "missing.tif", "water", tmp_path / "map.tif")
    with pytest.raises(ClassesError, match="other"):
        segment(tmp_path / "missing.tif", "water, Other", tmp_path / "map.tif", options=SegmentOptions(threshold=0.5))
    with pytest.raises(InputError, match="threshold"):
        segment(tmp_path / "missing.tif", "a,b", tmp_path / "map.tif", options=SegmentOptions(threshold=1.5))


def test_a_model_that_sees_more_bands_gets_those_that_are_named(tmp_path: Path) -> None:
    pixels = paint(class_field((96, 96), 3), NAMES)
    scene = write_scene(tmp_path / "four.tif", np.concatenate([pixels, pixels[:1]]))
    seen = []

    class Four(ColourScorer):
        def __init__(self, names: tuple[str, ...]) -> None:
            super().__init__(names)
            self.card = replace(self.card, config={"extra_bands": 1})

        def __call__(self, pixels: Tensor) -> Tensor:
            seen.append(pixels)
            return super().__call__(pixels[:, :3])

    outputs = Outputs.of(tmp_path / "map.tif", None, SegmentOptions())
    with pytest.raises(InputError, match=r"colours sees 4 bands, .* is read with 3"):
        segment_with(Four(NAMES), Legend(NAMES), scene, outputs, read=ReadOptions(bands=(1, 2, 3)))
    segment_with(Four(NAMES), Legend(NAMES), scene, outputs, read=ReadOptions(bands=(1, 2, 3, 4)))
    assert all(torch.equal(one[:, 0], one[:, 3]) for one in seen)
    assert (tmp_path / "map.overlay.png").exists()
