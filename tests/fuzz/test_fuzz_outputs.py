"""What lies beside an output: the journal of a run that was interrupted, and the manifest of one that was not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.changes import contents, documents, headers_of_safetensors
from fuzz.oracle import ends_well, examples
from geoglot.options import FindOptions, ReadOptions, SegmentOptions
from geoglot.outputs.legend import Legend
from geoglot.tasks.find.find import find
from geoglot.tasks.segment.map_files import Outputs
from geoglot.tasks.segment.map_run import segment_with
from geoglot.training import checkpoint
from stubs import ColourScorer, stepped_state

NAMES = ("sand", "roof", "water")
READ = ReadOptions(tile=32, overlap=8, batch=1)
OPTIONS = SegmentOptions(overlay=False)


class Interrupted(ColourScorer):
    """Stops in the middle of a run."""

    def __call__(self, pixels: object) -> object:
        if self.calls == 8:
            raise KeyboardInterrupt
        return super().__call__(pixels)  # type: ignore[arg-type]


def segment_to(output: Path, scene: Path, scorer: ColourScorer | None = None) -> None:
    outputs = Outputs.of(output, None, OPTIONS)
    segment_with(scorer or ColourScorer(NAMES), Legend(NAMES), scene, outputs, read=READ, options=OPTIONS)


@pytest.fixture(scope="module")
def stopped(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the journal of a segmentation that was interrupted."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.raises(KeyboardInterrupt):
        segment_to(folder / "map.tif", scene, Interrupted(NAMES))
    return folder


@pytest.mark.parametrize("wanted", ["state.npz", "run", "classes-*.tif", "made-by-geoglot"])
def test_journals(wanted: str, stopped: Path, scene: Path, tmp_path: Path) -> None:
    found = sorted(stopped.glob(f".map.tif.work/{wanted}"))
    name = found[0].relative_to(stopped)

    @examples(3)
    @given(contents(found[0].read_bytes(), head=200))
    def check(content: bytes) -> None:
        folder = tmp_path / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(stopped, folder)
        (folder / name).write_bytes(content)
        ends_well(lambda: segment_to(folder / "map.tif", scene))

    check()


def test_manifests(scene: Path, tmp_path: Path) -> None:
    whole, options = tmp_path / "whole", FindOptions(overlay=False)
    whole.mkdir()
    find(scene, "roof", whole / "roofs.geojson", model=ColourScorer(NAMES), read=READ, options=options)
    manifest = whole / "roofs.manifest.json"

    @examples(8)
    @given(documents(json.loads(manifest.read_text())))
    def check(document: str) -> None:
        folder = tmp_path / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        (folder / manifest.name).write_bytes(document.encode("utf-8", "surrogatepass"))
        output = folder / "roofs.geojson"
        ends_well(lambda: find(scene, "roof", output, model=ColourScorer(NAMES), read=READ, options=options))

    check()


def test_checkpoints(tmp_path: Path) -> None:
    checkpoint.save(stepped_state(), "{}", tmp_path)
    checkpoint.save_best(stepped_state(), tmp_path)
    seeds = {name: (tmp_path / name).read_bytes() for name in (checkpoint.NAME, checkpoint.BEST)}

    def resume() -> None:
        state = stepped_state()
        if checkpoint.load(state, "{}", tmp_path):
            checkpoint.load_best(state, tmp_path)
            state.optimiser.step()

    for name, seed in seeds.items():

        @examples(25)
        @given(st.one_of(headers_of_safetensors(seed), contents(seed)))
        def check(content: bytes) -> None:
            (tmp_path / name).write_bytes(content)  # noqa: B023 - it is called in this turn of the loop
            ends_well(resume)

        check()
        (tmp_path / name).write_bytes(seed)
