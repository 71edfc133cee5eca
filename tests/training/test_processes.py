"""What processes share, and what each has of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from geoglot.models.zoo import load_segmenter
from geoglot.training import processes
from geoglot.training.processes import own_device, seed_torch
from tinyrecipe import recipe

_STATISTICS = """
import os, torch
from torch import nn
from geoglot.training.processes import average_statistics, join_processes
with join_processes(torch.device("cpu")) as process:
    model = nn.Sequential(nn.BatchNorm2d(2), nn.LayerNorm(2))
    model[0].running_mean += 2 * process.rank
    model[0].running_var += 4 * process.rank
    average_statistics(model)
    assert model[0].running_mean.tolist() == [1.0, 1.0] and model[0].running_var.tolist() == [3.0, 3.0]
"""


_METRICS = """
import json, sys, torch
from pathlib import Path
from torch import nn
from geoglot.training.loop import Fit, fit
from geoglot.training.objective import decay_groups
from geoglot.training.processes import join_processes

class Objective:
    model, batch, best = nn.Linear(2, 1), (2, "things"), ""
    def groups(self, decay): return decay_groups(self.model.parameters(), decay)
    def batches(self, first, stop): return iter(range(first, stop))
    def evaluate(self, model): return {}
    def backward(self, batch):
        self.model(torch.ones(1, 2)).sum().backward()
        return {"loss": 2.0 + process.rank, "part": 10.0 * process.rank}

with join_processes(torch.device("cpu")) as process:
    fit(Objective(), Fit(steps=1), Path(sys.argv[1]), "{}", process, lambda *_: None)
"""


def in_two(words: list[str]) -> list[subprocess.CompletedProcess[str]]:
    """The same Python command as two processes that know of each other."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    place = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    runs = [
        subprocess.Popen(
            [sys.executable, *words],
            env=place | {"RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    told = [run.communicate(timeout=300) for run in runs]
    return [subprocess.CompletedProcess(words, run.returncode, *said) for run, said in zip(runs, told, strict=True)]


def test_statistics_become_those_of_all_processes() -> None:
    assert [run.returncode for run in in_two(["-c", _STATISTICS])] == [0, 0]


def test_what_a_run_logs_is_of_all_processes(tmp_path: Path) -> None:
    assert [run.returncode for run in in_two(["-c", _METRICS, str(tmp_path)])] == [0, 0]
    [line] = map(json.loads, (tmp_path / "metrics.jsonl").read_text().splitlines())
    assert (line["loss"], line["part"]) == (2.5, 5.0)


def test_two_processes_train_one_segmenter_and_one_tells(tmp_path: Path) -> None:
    path = recipe(tmp_path, architecture="upernet", crops="")
    path.write_text(path.read_text().replace("batch = 2", "batch = 4"))
    first, second = in_two(["-m", "geoglot", "train", "segment", str(path), "--device", "cpu", "--json"])
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert second.stdout == second.stderr == "" and "crops/s" in first.stderr
    document = json.loads(first.stdout)
    assert 0 <= document["figures"]["miou"] <= 1
    assert load_segmenter(document["model"], device="cpu").classes


def test_each_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[torch.device] = []
    monkeypatch.setattr(processes, "choose_device", torch.device)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    assert own_device("cuda") == torch.device("cuda")
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert own_device("cuda") == torch.device("cuda", 3) and taken == [torch.device("cuda", 3)]
    assert own_device("cuda:1") == torch.device("cuda", 1)
    assert own_device("cpu") == torch.device("cpu")


def test_numbers_follow_from_seed_step_and_process() -> None:
    def drawn(*numbers: int) -> list[float]:
        seed_torch(*numbers)
        return torch.rand(3).tolist()  # type: ignore[no-any-return]

    assert drawn(0, 1, 0) == drawn(0, 1, 0)
    assert len({tuple(drawn(*of)) for of in ((0, 1, 0), (0, 1, 1), (1, 1, 0), (0, 2, 0), (2**70, 1, 0))}) == 5
