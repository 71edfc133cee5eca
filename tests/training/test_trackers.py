from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from geoglot.errors import InputError
from geoglot.training.metrics_log import MetricsLog
from geoglot.training.trackers import Track, check_trackers, open_trackers


class Recorder:
    """Both packages at once, with what they were told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.info = SimpleNamespace(run_id="r1")

    def init(self, **settings: Any) -> Recorder:
        self.told.append(("init", settings["name"], settings["id"]))
        return self

    def start_run(self, run_id: str | None, run_name: str | None) -> Recorder:
        self.told.append(("start", run_id, run_name))
        return self

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        self.told.append((step, dict(metrics)))

    log_metrics = log

    def finish(self) -> None:
        self.told.append("end")

    end_run = finish


@pytest.mark.parametrize("track", ["wandb", "mlflow"])
def test_a_tracker_gets_every_step_and_a_resumed_run_is_the_same(
    track: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Recorder()
    monkeypatch.setitem(sys.modules, track, package)
    check_trackers(track, tensorboard=False)
    folder = tmp_path / "lakes"
    folder.mkdir()
    for step in (0, 1):
        log = MetricsLog(folder, step, open_trackers(track, folder, tensorboard=False, step=step))
        log.add(step + 1, {"loss": 0.5})
        log.close()
    opened = [each for each in package.told if each[0] in ("init", "start")]
    assert (1, {"loss": 0.5}) in package.told and (2, {"loss": 0.5}) in package.told
    assert package.told.count("end") == 2
    if track == "wandb":
        assert opened[0] == opened[1] and opened[0][1] == "lakes"
    else:
        assert opened == [("start", None, "lakes"), ("start", "r1", None)]


@pytest.mark.parametrize("track", ["wandb", "mlflow"])
def test_a_tracker_that_opens_no_run_is_told(track: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise RuntimeError("no api key:\n log in")

    monkeypatch.setitem(sys.modules, track, SimpleNamespace(init=refuse, start_run=refuse))
    with pytest.raises(InputError, match=r"opens no run \(no api key: log in\)"):
        open_trackers(track, tmp_path, tensorboard=False, step=0)


def test_a_tracker_that_is_not_installed_is_told_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(InputError, match="pip install wandb"):
        check_trackers("wandb", tensorboard=False)
