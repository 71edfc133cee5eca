from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from geoglot.cli.main import cli
from geoglot.errors import ModelError
from geoglot.models.zoo import load_word_model
from geoglot.settings import Precision
from geoglot.tasks import precisions
from geoglot.tasks.precisions import Measured, advise, demo_tiles, measure_precisions
from tinyclip import store_clip


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(precisions, "_ROUNDS", 1)
    return store_clip(tmp_path / "tiny")


def measured(precision: Precision, gain: float, cosine: float) -> Measured:
    return Measured(precision, float(gain), float(gain), 0.8, float(cosine))


def allow(monkeypatch: pytest.MonkeyPatch, *, bfloat16: bool, int8: bool) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bfloat16)
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: int8)


@pytest.mark.skipif(not torch.cpu._is_vnni_supported(), reason="no instructions for products of 8 bits")
def test_each_precision_that_the_processor_has_is_measured(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOGLOT_PRECISION", "bfloat16")  # the probe asks for each by name
    allow(monkeypatch, bfloat16=False, int8=True)
    exact, light = measure_precisions(model)
    assert (exact.precision, exact.gain, light.precision) == ("float32", 1, "int8")
    assert exact.cosine == pytest.approx(1) and 0.98 < light.cosine < 1
    assert min(exact.tiles_per_second, light.tiles_per_second, exact.share, light.share) > 0


def test_a_model_without_a_choice_is_told(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    with pytest.raises(ModelError, match="mini computes in float32 alone"):
        measure_precisions("mini")
    allow(monkeypatch, bfloat16=False, int8=False)
    with pytest.raises(ModelError, match="tiny computes in float32 alone"):
        measure_precisions(model)


def test_the_fastest_that_stays_close_is_advised(monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, bfloat16=True, int8=True)
    usual = [measured("float32", 1, 1), measured("bfloat16", 2, 0.9999)]
    advice = advise([*usual, measured("int8", 3, 0.995)])
    assert advice.precision == "int8" and advice.said.startswith("int8 is 1.50 times as fast as bfloat16")
    assert advice.said.endswith("export GEOGLOT_PRECISION=int8")
    for slow_or_far in (measured("int8", 1.9, 0.999), measured("int8", 3, 0.98)):
        assert advise([*usual, slow_or_far]).said == "bfloat16 is best here, and commands take it by themselves"
    assert advise([measured("float32", 1, 1), measured("bfloat16", 0.9, 0.9999)]).precision == "float32"


@pytest.mark.parametrize(("side", "bands"), [(64, 3), (224, 3), (1024, 4)])
def test_tiles_have_the_size_and_the_bands_of_the_model(side: int, bands: int) -> None:
    card = replace(load_word_model("mini").card, tile_size=side, config={"extra_bands": bands - 3})
    tiles = demo_tiles(card)
    assert tiles.shape == (4, bands, side, side) and 0 < tiles.mean() < 1
    assert not torch.equal(tiles[0], tiles[1])


@pytest.mark.skipif(not torch.cpu._is_vnni_supported(), reason="no instructions for products of 8 bits")
def test_doctor_tells_it(model: Path) -> None:
    told = json.loads(CliRunner().invoke(cli, ["doctor", "--measure", str(model), "--json"]).stdout)
    names = [each["precision"] for each in told["precisions"]]
    assert names[0] == "float32" and names[-1] == "int8" and told["advice"]["precision"] in names
    text = CliRunner().invoke(cli, ["doctor", "--measure", str(model)]).stdout
    assert "tiles/s" in text and "cosine with float32" in text
