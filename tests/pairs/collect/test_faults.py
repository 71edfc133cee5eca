"""What goes wrong on the way, and that nothing is lost by it. The table at the end says what was tried."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from geoglot.cli.main import cli
from geoglot.errors import OutputError
from geoglot.pairs.collect.collect_run import Collected, collect_pairs
from peers.country import Country, write_recipe
from peers.http import Fault
from peers.kept import digests, half_files

TESTS = Path(__file__).parents[2]
REST, PICTURES = "/services/rest/", "/pictures/"
OF_SEARCHES = (
    "time-out",
    "reset",
    "429",
    "429 until a date",
    "500",
    "503",
    "truncated body",
    "wrong content type",
    "empty body",
)
OF_PICTURES = (*OF_SEARCHES, "wrong bytes")
OF_STAC = {0: "500", 1: "429", 2: "truncated body", 3: "wrong content type"}
OF_COGS = OF_SEARCHES
KILLS = [
    ("places.parquet", 1, "before"), ("stages/places.json", 1, "before"), ("found/", 4, "before"),
    ("pictures/", 7, "before"), ("pictures/", 9, "after"),
    ("photos.parquet", 1, "after"), ("looks/", 1, "before"), ("kept.parquet", 1, "before"),
    ("links.parquet", 1, "after"), ("stages/tiles.json", 1, "before"), ("scenes/", 1, "after"),
    ("pixels/", 5, "before"),
    ("imagery.parquet", 1, "before"), ("train/pairs.json", 1, "after"), ("train/shard-00000", 1, "before"),
    ("train/shard-00000", 1, "after"), ("test/collected.json", 1, "before"), ("split.parquet", 1, "before"),
    ("report.html", 1, "before"), ("stages/report.json", 1, "before"),
]  # fmt: skip
TABLE: list[tuple[str, int, int, int]] = []


def survived(name: str, tried: int, served: int, output: Path, reference: Collected) -> None:
    """Note what was survived, and check that the final set is the same."""
    whole, found = digests(reference.output), digests(output)
    lost = len([path for path in whole if whole[path] != found.get(path)])
    TABLE.append((name, tried, served if whole == found else 0, lost))
    assert found == whole
    assert served == tried
    assert not half_files(output)


def test_faults_of_services_change_nothing(country: Country, reference: Collected, tmp_path: Path) -> None:
    assert country.photos and country.stac and country.files
    searches = [Fault(kind, REST, 2 * number) for number, kind in enumerate(OF_SEARCHES)]
    pictures = [Fault(kind, PICTURES, 5 * number) for number, kind in enumerate(OF_PICTURES)]
    cogs = [Fault(kind, "/new.tif", 7 * number) for number, kind in enumerate(OF_COGS)]
    first = len(country.stac.searches)
    before = len(country.photos.served), len(country.files.served)
    country.photos.order(*searches, *pictures)
    country.files.order(*cogs)
    country.stac.faults.update({first + at: kind for at, kind in OF_STAC.items()})
    collected = collect_pairs(write_recipe(country, tmp_path))
    assert not collected.failed
    served = country.photos.served[before[0] :]
    ours = len(OF_SEARCHES) + len(OF_PICTURES)
    survived("Flickr: searches and pictures", ours, len(served), collected.output, reference)
    broken = [kind for kind in country.stac.searches[first:] if kind]
    survived("STAC searches", len(OF_STAC), len(broken), collected.output, reference)
    survived("COG ranges", len(OF_COGS), len(country.files.served) - before[1], collected.output, reference)


def test_a_service_that_is_down_costs_only_time(country: Country, reference: Collected, tmp_path: Path) -> None:
    assert country.photos
    recipe = write_recipe(country, tmp_path)
    down = {"on": True}
    flickr = country.photos.answer

    def answer(request: Any) -> Any:
        reply = flickr(request)
        broken = down["on"] and request.path.startswith(PICTURES)
        return type(reply)(b"oops", "text/plain", 500) if broken else reply

    country.photos.answer = answer
    try:
        result = CliRunner().invoke(cli, ["pairs", "collect", str(recipe), "--until", "photos", "--json"])
        assert result.exit_code == 3
        failed = json.loads(result.stdout)["failed"]
        assert any("run the same" in line for line in failed) and any("were not tried" in line for line in failed)
        down["on"] = False
        collected = collect_pairs(recipe)
    finally:
        country.photos.answer = flickr
    assert not collected.failed
    survived("Flickr down, run again when it is up", 1, 1, collected.output, reference)


def test_a_scene_that_is_refused_for_ever_stops_no_tile(country: Country, reference: Collected, tmp_path: Path) -> None:
    assert country.files
    recipe, cogs = write_recipe(country, tmp_path), country.files.answer

    def answer(request: Any) -> Any:
        reply = cogs(request)
        return type(reply)(b"", "text/plain", 403) if request.path == "/new.tif" else reply

    country.files.answer = answer
    try:
        for _ in range(2):  # nothing has changed: it is told again
            collected = collect_pairs(recipe)
            filled = [one.outcomes["imagery"].counts["tiles with pixels"] for one in (collected, reference)]
            assert filled[0] == filled[1] > 8  # so many failures in a row are taken for a service that is down
            table = pd.read_parquet(collected.output / "imagery.parquet")
            assert set(table["scene"][table["why"] == ""]) == {"old"}
            (line,) = collected.failed
            assert "/new.tif answers HTTP 403" in line
            assert line in json.loads((tmp_path / "pairs/manifest.json").read_text())["failed"]
            assert "/new.tif answers HTTP 403" in (tmp_path / "pairs/report.html").read_text()
    finally:
        country.files.answer = cogs
    collected = collect_pairs(recipe)
    assert not collected.failed
    survived("COG refused, run again when it is not", 1, 1, collected.output, reference)


def test_kill_9_at_every_stage_changes_nothing(country: Country, reference: Collected, tmp_path: Path) -> None:
    assert country.photos
    recipe = write_recipe(country, tmp_path)
    before = len(country.photos.requests)
    environment = os.environ | {"PYTHONPATH": f"{TESTS.parent / 'src'}:{TESTS}", "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-m", "peers.killer", str(recipe)],
        input=json.dumps([*KILLS, ["", 0, ""]]), env=environment, cwd=TESTS, text=True, capture_output=True,
    )  # fmt: skip
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(lines) == len(KILLS) + 1, run.stderr
    assert [line["killed"] for line in lines] == [True] * len(KILLS) + [False]
    assert lines[-1]["code"] == 0
    asked = [one.path for one in country.photos.requests[before:] if one.path.startswith(PICTURES)]
    # What was kept when a run was killed is never asked for again: only what was under way is.
    in_flight = sum(1 for name, _, _ in KILLS if name == "pictures/") * 6
    assert len(set(asked)) == len(country.records) <= len(asked) <= len(country.records) + in_flight
    kept = [set(line["pictures"]) for line in lines]
    assert all(one <= other for one, other in pairwise(kept))
    survived("kill -9, run again", len(KILLS), sum(line["killed"] for line in lines), tmp_path / "pairs", reference)


def test_a_full_disk_is_told_and_changes_nothing(
    country: Country, reference: Collected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = write_recipe(country, tmp_path)
    parts = ("found/", "pictures/", "pixels/", "report")
    for part in parts:
        write = Path.write_bytes

        def full(self: Path, data: bytes, part: str = part, write: Any = write) -> int:
            if part in str(self):
                raise OSError(errno.ENOSPC, "No space left on device")
            return int(write(self, data))

        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", full)
            with pytest.raises(OutputError, match="disk is full"):
                collect_pairs(recipe)
        assert not half_files(tmp_path / "pairs")
    collected = collect_pairs(recipe)
    survived("disk full, run again", len(parts), len(parts), collected.output, reference)


def test_the_table_of_faults(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{'faults':<40} {'tried':>6} {'survived':>9} {'records lost':>13}")
        for name, tried, served, lost in TABLE:
            print(f"{name:<40} {tried:>6} {served:>9} {lost:>13}")
    assert len(TABLE) == 7 and not any(lost for *_, lost in TABLE)
