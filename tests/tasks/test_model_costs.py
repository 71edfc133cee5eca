"""What models cost: parameters from the file, arithmetic and memory from a pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from geoglot.cli.main import cli
from geoglot.models.zoo import load_model
from geoglot.tasks import model_speed
from geoglot.tasks.model_costs import count_parameters, measure_costs
from tinyclip import store_clip
from tinysegclip import stored_segmenter


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_speed, "_LEAST_S", 0.0)


def test_parameters_are_counted_by_tower(tmp_path: Path) -> None:
    folder = store_clip(tmp_path / "tiny")
    counted, model = count_parameters(folder), load_model(folder, device="cpu")
    texts = sum(p.numel() for name, p in model.named_parameters() if name.startswith("text_"))
    assert counted == {"text": texts, "image": sum(p.numel() for p in model.parameters()) - texts}
    segmenter = count_parameters(stored_segmenter(tmp_path / "model", layers=1, encoder_layers=1))
    assert set(segmenter) == {"network"} and segmenter["network"] > 1000


def test_arithmetic_is_that_of_matrices(tmp_path: Path) -> None:
    """The tower's linear layers alone are two operations for each weight and token."""
    folder = store_clip(tmp_path / "tiny")
    costs = measure_costs(folder, device="cpu")
    blocks, width, hidden, tokens = 2, 64, 128, 17
    linear = 2 * tokens * blocks * (4 * width**2 + 2 * width * hidden)
    assert linear * 0.8 < costs.flops < linear * 2
    assert costs.side == 64 and costs.tiles_per_second > 0
    assert costs.weights >= 4 * sum(count_parameters(folder).values()) * 0.99


def test_the_command_measures_when_asked(tmp_path: Path) -> None:
    folder = str(store_clip(tmp_path / "tiny"))
    plain = CliRunner().invoke(cli, ["models", "show", folder]).stdout
    assert "parameters" in plain and "GFLOPs" not in plain
    measured = json.loads(CliRunner().invoke(cli, ["models", "show", folder, "--measure", "--json"]).stdout)
    assert measured["costs"]["flops"] > 0 and measured["parameters"]["image"] > 0
    assert "tiles/s" in CliRunner().invoke(cli, ["models", "show", folder, "--measure"]).stdout
