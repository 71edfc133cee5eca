"""Every door, with an input in the place of each file that it would write: the input keeps its bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from geoglot.errors import GeoglotError
from geoglot.options import ReadOptions, SegmentOptions
from geoglot.outputs.legend import Legend
from geoglot.tasks.find.find import find
from geoglot.tasks.segment.map_files import Outputs
from geoglot.tasks.segment.map_run import segment_with
from stubs import ColourScorer
from worlds import class_field, paint, write_scene

NAMES = ("roof", "sand", "water")
Door = Callable[[Path, Path, bool], object]


def segment(source: Path, folder: Path, overwrite: bool, scores: bool = True) -> None:
    read = ReadOptions(tile=64, overlap=16)
    options = SegmentOptions(scores=scores, overlay=scores)
    outputs = Outputs.of(folder / "map.tif", folder / "map.gpkg", options)
    segment_with(ColourScorer(NAMES), Legend(NAMES), source, outputs, read=read, options=options, overwrite=overwrite)


def segment_alone(source: Path, folder: Path, overwrite: bool) -> None:
    segment(source, folder, overwrite, scores=False)


def find_roofs(source: Path, folder: Path, overwrite: bool) -> None:
    read = ReadOptions(tile=64, overlap=16)
    model = ColourScorer(NAMES)
    find(
        source,
        "roof",
        folder / "map.gpkg",
        model=model,
        read=read,
        refiner="edges",
        overwrite=overwrite,
    )


BESIDE = (
    "map.tif.aux.xml", "map.tif.ovr", "map.tif.msk", "map.qml", "map.scores.tif.aux.xml", "map.gpkg-wal",
    "map.gpkg-journal",
)  # fmt: skip
WRITTEN = ("map.tif", "map.gpkg", "map.scores.tif", "map.overlay.png", "map.manifest.json", *BESIDE)
HIDDEN = (
    ".map.tif.work/classes-000000000.tif", ".map.tif.new/map.tif", ".map.gpkg.work/seen-000000000.npy",
    ".map.gpkg.outlines.work/run", ".map.overlay.png.new/map.overlay.png", ".map.manifest.json.made",
    ".map.manifest.json.part/map.manifest.json",
)  # fmt: skip


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    field = class_field((96, 80), 3)
    return write_scene(tmp_path_factory.mktemp("scene") / "scene.tif", paint(field, NAMES)).read_bytes()


@pytest.mark.parametrize(
    ("door", "place"),
    [
        *((door, place) for door in (segment, find_roofs) for place in (*WRITTEN, *HIDDEN)),
        *((segment_alone, place) for place in WRITTEN if ".scores" in place or ".overlay" in place),
    ],
)
def test_a_source_keeps_its_bytes_wherever_it_lies(tmp_path: Path, scene: bytes, door: Door, place: str) -> None:
    source = tmp_path / place
    source.parent.mkdir(exist_ok=True)
    source.write_bytes(scene)
    try:
        door(source, tmp_path, True)
    except GeoglotError as error:
        assert "\n" not in str(error)
    assert source.read_bytes() == scene


@pytest.mark.parametrize("door", [segment, find_roofs])
def test_a_source_that_an_earlier_run_made_keeps_its_bytes(tmp_path: Path, scene: bytes, door: Door) -> None:
    """Its record proves that it is ours, and yet it is what this run reads."""
    first = tmp_path / "scene.tif"
    first.write_bytes(scene)
    segment(first, tmp_path, overwrite=False)
    for name in ("map.tif", "map.scores.tif"):
        before = (tmp_path / name).read_bytes()
        for overwrite in (False, True):
            with pytest.raises(GeoglotError):
                door(tmp_path / name, tmp_path, overwrite)
            assert (tmp_path / name).read_bytes() == before


def test_two_doors_of_one_stem_keep_what_the_other_made(tmp_path: Path, scene: bytes) -> None:
    source = tmp_path / "scene.tif"
    source.write_bytes(scene)
    read = ReadOptions(tile=64, overlap=16)
    outputs = Outputs.of(tmp_path / "map.tif", None, SegmentOptions())
    segment_with(ColourScorer(NAMES), Legend(NAMES), source, outputs, read=read)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    find_roofs(source, tmp_path, overwrite=False)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {name: after[name] for name in before} == before
    assert {"map.gpkg", "map.gpkg.manifest.json", "map.gpkg.overlay.png"} == set(after) - set(before)


def test_the_batch_does_not_decide_whether_a_run_goes_on_and_it_says_so(tmp_path: Path, scene: bytes) -> None:
    source, output = tmp_path / "scene.tif", tmp_path / "map.tif"
    source.write_bytes(scene)
    read = ReadOptions(tile=32, overlap=8, batch=1)
    options = SegmentOptions(overlay=False)

    class Interrupted(ColourScorer):
        def __call__(self, pixels: object) -> object:
            if self.calls == 10:
                raise KeyboardInterrupt
            return super().__call__(pixels)  # type: ignore[arg-type]

    with pytest.raises(KeyboardInterrupt):
        outputs = Outputs.of(output, None, options)
        segment_with(Interrupted(NAMES), Legend(NAMES), source, outputs, read=read, options=options)
    again, outputs = ColourScorer(NAMES), Outputs.of(output, None, options)
    result = segment_with(again, Legend(NAMES), source, outputs, read=replace(read, batch=4), options=options)
    done = result.windows - again.tiles
    assert done and f"going on after {done} of {result.windows} windows" in result.notes[0]
