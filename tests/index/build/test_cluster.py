from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch
from PIL import Image

from archives import content
from geoglot.errors import InputError, SourceError
from geoglot.index.build.build import Job, add, prepare
from geoglot.index.build.cluster import do_unit, join_units, write_plan
from geoglot.index.build.unit_files import result_of
from geoglot.index.store.archive import Archive
from geoglot.index.store.coverage import live_sources
from geoglot.models.base import VisionLanguageModel
from geoglot.options import IndexOptions, ReadOptions
from stubs import PooledColours

MODEL = PooledColours()


#: Calls at which a run of five units is killed: of shards that appear, manifests, arrays, and of the model
_PLACES = {"rename": (1, 3, 5), "replace": (1, 2, 4, 6), "save": (1, 2, 7), "encode": (1, 3)}
_WHEN = ("before", "after")
_ON_RAY = """
import sys
import ray
import geoglot.index.build.units
from geoglot.index.build.on_ray import add_on_ray

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
geoglot.index.build.units._MOST_PARTS = 5
added = add_on_ray(sys.argv[1], sys.argv[2], "local", "mini")
print(added.chips, len(added.failed))
"""


def load(name: str) -> VisionLanguageModel:
    return MODEL


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of 23 pictures and one that is damaged, in units of five."""
    monkeypatch.setattr("geoglot.index.build.units._MOST_PARTS", 5)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(23):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"picture{number:03d}.png")
    (folder / "picture011.jpg").write_bytes(b"no picture")
    return folder


def plan(place: Path, folder: Path, *, patches: bool = False) -> Job:
    options = IndexOptions(patches=patches)
    return prepare(place, folder, model=MODEL, read=ReadOptions(), options=options, progress=None)


def test_units_done_in_any_order_twice_or_lost_give_what_add_gives(pictures: Path, tmp_path: Path) -> None:
    add(tmp_path / "a", pictures, model=MODEL, options=IndexOptions(patches=True))
    files = write_plan(plan(tmp_path / "b", pictures, patches=True), tmp_path / "plan")
    assert len(files) == 5
    random.Random(0).shuffle(files)
    for file in [*files[:4], files[1]]:
        do_unit(file, load)
    first = join_units(tmp_path / "b", tmp_path / "plan")
    assert (first.units, first.missing) == (4, files[4:]) and first.chips < 23
    do_unit(files[4], load)
    second = join_units(tmp_path / "b", tmp_path / "plan")
    assert not second.missing and first.chips + second.chips == 23
    assert [Path(source).name for source, _ in second.failed] == ["picture011.jpg"]
    assert join_units(tmp_path / "b", tmp_path / "plan").chips == 0
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert len(plan(tmp_path / "b", pictures).units) == 1  # what failed is planned again


def test_two_writers_of_overlapping_folders_add_every_picture_once(pictures: Path, tmp_path: Path) -> None:
    both = [prepare(tmp_path / "a", sorted(pictures.glob("*.png"))[part], model=MODEL, read=ReadOptions(),
            options=IndexOptions(), progress=None) for part in (slice(0, 15), slice(8, 23))]  # fmt: skip
    for number, job in enumerate(both):
        for file in write_plan(job, tmp_path / f"plan{number}"):
            do_unit(file, load)
    for number in (0, 1):
        join_units(tmp_path / "a", tmp_path / f"plan{number}")
    archive = Archive.open(tmp_path / "a")
    names = [name for shard in archive.shards for name in shard.table(("source",))["source"].to_pylist()]
    assert len(names) == len(set(names)) == archive.rows == 23


def test_units_may_lie_on_object_storage(pictures: Path, tmp_path: Path) -> None:
    place = "memory://bucket/plan"
    files = write_plan(plan(tmp_path / "a", pictures), place)
    for file in files:
        do_unit(file, load)
    assert join_units(tmp_path / "a", place).chips == 23
    fsspec.filesystem("memory").rm("/bucket", recursive=True)


def test_what_does_not_fit_is_said(pictures: Path, tmp_path: Path) -> None:
    files = write_plan(plan(tmp_path / "a", pictures), tmp_path / "plan")

    class Other(PooledColours):
        card = PooledColours.card.__class__(**{**vars(PooledColours.card), "sha256": "1" * 64})

    with pytest.raises(InputError, match="give the same weights"):
        do_unit(files[0], lambda name: Other())
    with pytest.raises(InputError, match=r"unit-\.\.\.\.json"):
        result_of(tmp_path / "unit.txt")
    with pytest.raises(InputError, match="holds no units"):
        join_units(tmp_path / "a", tmp_path / "pictures")
    do_unit(files[0], load)
    whole = Path(result_of(files[0])).read_bytes()
    for damaged in (b"", whole[:1000], whole.replace(b"PAR1", b"XXXX")):
        Path(result_of(files[0])).write_bytes(damaged)
        with pytest.raises(SourceError, match="do its unit again"):
            join_units(tmp_path / "a", tmp_path / "plan")
    unit = json.loads(Path(files[0]).read_text())
    unit["parts"][0]["source"]["uri"] = "/etc/passwd"
    Path(files[0]).write_text(json.dumps(unit))
    with pytest.raises(SourceError, match="changed after it was planned"):
        do_unit(files[0], load)


def test_a_picture_that_changed_after_the_plan_fails(pictures: Path, tmp_path: Path) -> None:
    files = write_plan(plan(tmp_path / "a", pictures), tmp_path / "plan")
    for path in pictures.glob("*.png"):
        path.write_bytes(path.read_bytes() + b"x")
    reasons = [reason for _, reason in do_unit(files[0], load).failed]
    assert len(reasons) == 5 and all("plan again" in reason for reason in reasons)


def test_what_a_picture_showed_before_a_later_plan_is_forgotten(pictures: Path, tmp_path: Path) -> None:
    for number in (0, 1):
        for file in write_plan(plan(tmp_path / "a", pictures), tmp_path / "plan"):
            do_unit(file, load)
        joined = join_units(tmp_path / "a", tmp_path / "plan")
        assert joined.chips == (23, 1)[number] and Archive.open(tmp_path / "a").rows == 23
        Image.new("RGB", (40, 50), (200, 0, 0)).save(pictures / "picture003.png")
    add(tmp_path / "b", pictures, model=MODEL)
    kept = [{row["source_sha"] for row in live_sources(Archive.open(tmp_path / place))} for place in "ab"]
    assert kept[0] == kept[1]


def test_vectors_do_not_depend_on_the_number_of_threads(pictures: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        for name, threads in (("a", 1), ("b", 3)):
            torch.set_num_threads(threads)
            add(tmp_path / name, pictures, model="mini")
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_a_run_killed_at_any_place_goes_on_and_gives_the_same_bytes(pictures: Path, tmp_path: Path) -> None:
    add(tmp_path / "whole", pictures, model=MODEL)
    points = [(f"{when} {what}", number) for what, numbers in _PLACES.items() for number in numbers for when in _WHEN]
    assert len(points) >= 20
    tests = Path(__file__).parents[2]
    command = [sys.executable, "-m", "peers.archive_killer", pictures, tmp_path]
    done = subprocess.run(command, input=json.dumps(points), capture_output=True, text=True, cwd=tests)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"killed": True, "code": 0}] * len(points)
    for number in range(len(points)):
        assert content(tmp_path / str(number)) == content(tmp_path / "whole"), points[number]


@pytest.mark.slow
def test_units_by_processes_in_parallel(pictures: Path, tmp_path: Path) -> None:
    add(tmp_path / "a", pictures, model="mini")
    job = prepare(tmp_path / "b", pictures, model="mini", read=ReadOptions(), options=IndexOptions(), progress=None)
    files = write_plan(job, tmp_path / "plan")
    work = ["xargs", "-P", "2", "-n", "1", sys.executable, "-m", "geoglot", "index", "work", "-q"]
    done = subprocess.run(work, input="\n".join(files), text=True)
    assert done.returncode == 123  # of xargs: a unit ended with exit code 3, for the damaged picture
    assert not join_units(tmp_path / "b", tmp_path / "plan").missing
    assert content(tmp_path / "a") == content(tmp_path / "b")


@pytest.mark.slow
def test_ray_with_two_workers_gives_what_add_gives(pictures: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    add(tmp_path / "a", pictures, model="mini")
    done = subprocess.run([sys.executable, "-c", _ON_RAY, tmp_path / "b", pictures], capture_output=True, text=True)
    assert done.stdout.split()[-2:] == ["23", "1"], done.stderr[-2000:]
    assert content(tmp_path / "a") == content(tmp_path / "b")
