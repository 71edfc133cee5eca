"""Segmenters as ONNX graphs, run by onnxruntime."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import Fail

from geoglot.errors import InputError
from geoglot.models.segmenter import Segmenter
from geoglot.tasks.export import export_model
from tinysegclip import stored_segmenter, tiny_segmenter


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return tiny_segmenter(layers=1, encoder_layers=1)


def test_a_graph_of_free_sizes_gives_the_scores_of_pytorch(segmenter: Segmenter, tmp_path: Path) -> None:
    made = export_model(segmenter, tmp_path / "free.onnx", 96)
    assert made.difference < 1e-3
    session = onnxruntime.InferenceSession(str(made.path))
    for shape in ((1, 3, 64, 160), (4, 3, 224, 96)):
        pixels = torch.rand(shape)
        with torch.no_grad():
            expected = segmenter(pixels).numpy()
        (scores,) = session.run(None, {"pixels": pixels.numpy()})
        np.testing.assert_allclose(scores, expected, atol=1e-3)
    for sides in ((40, 64), (64, 72), (16, 64), (48, 48)):
        with pytest.raises(Fail, match="sides_are_multiples_of_32"):
            session.run(None, {"pixels": np.zeros((1, 3, *sides), np.float32)})


def test_a_graph_of_one_size_takes_that_size_only(segmenter: Segmenter, tmp_path: Path) -> None:
    made = export_model(segmenter, tmp_path / "fixed.onnx", 64, fixed=True)
    assert made.difference < 1e-3
    session = onnxruntime.InferenceSession(str(made.path))
    assert session.get_inputs()[0].shape == [1, 3, 64, 64]
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["classes"]) == list(segmenter.classes)
    assert facts["side_multiple"] == "32"


@pytest.mark.parametrize(("name", "side", "said"), [("a.onnx", 100, "multiple of 32"), ("a.pt", 96, "end in .onnx")])
def test_wrong_wishes_are_told(segmenter: Segmenter, tmp_path: Path, name: str, side: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        export_model(segmenter, tmp_path / name, side)


def test_the_command_writes_and_tells(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from geoglot.cli.main import cli

    folder = stored_segmenter(tmp_path / "model", layers=1, pixel_decoder="fpn")  # the smallest graph
    ran = CliRunner().invoke(cli, ["export", str(folder), "-o", str(tmp_path / "g.onnx"), "--side", "64", "--json"])
    assert ran.exit_code == 0, ran.output
    assert "tracing the network" in ran.stderr and "comparing with PyTorch" in ran.stderr
    told = json.loads(ran.stdout)
    assert told["difference"] < 1e-3
    assert (tmp_path / "g.onnx").is_file()
