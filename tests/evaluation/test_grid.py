"""Pictures of images, their truth and the maps of models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from geoglot.cli.main import cli
from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.dataset import Mapped
from geoglot.errors import InputError
from geoglot.evaluation.grid import draw_grid, paint
from labelled import write_folder
from tinyclip import store_clip
from tinysegclip import stored_segmenter, tiny_segmenter


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


@pytest.fixture
def samples(tmp_path: Path) -> Mapped:
    write_folder(tmp_path / "set")
    read = dataset_of("folder").read(tmp_path / "set", "val")
    assert isinstance(read, Mapped)
    return read


def test_a_grid_has_a_column_for_each_model(samples: Mapped, tmp_path: Path) -> None:
    sizes = []
    for count in (1, 2):
        models = {f"model {index}": tiny_segmenter(layers=1, encoder_layers=1) for index in range(count)}
        draw_grid(samples, models, tmp_path / f"{count}.png", images=1)
        sizes.append(size_of(tmp_path / f"{count}.png"))
    assert sizes[1][0] > sizes[0][0] and sizes[1][1] >= sizes[0][1]


def test_classes_have_their_colours() -> None:
    painted = paint(np.array([[0, 1]]), np.array([[True, True]]), ((255, 0, 0), (0, 0, 255)))
    assert painted[:, 0, 0].tolist() == [1, 0, 0] and painted[:, 0, 1].tolist() == [0, 0, 1]


def test_the_command_draws_a_segmenter_only(samples: Mapped, tmp_path: Path) -> None:
    assert len(samples)
    segmenter, clip = stored_segmenter(tmp_path / "model", layers=1, encoder_layers=1), store_clip(tmp_path / "clip")
    arguments = ["evaluate", "segmentation", "folder", "--data", str(tmp_path / "set"), "--split", "val"]
    ran = CliRunner().invoke(cli, [*arguments, "--model", str(segmenter), "--grid", str(tmp_path / "grid.png")])
    assert ran.exit_code == 0, ran.output
    assert size_of(tmp_path / "grid.png")[0] > 64
    ran = CliRunner().invoke(cli, [*arguments, "--model", str(clip), "--grid", str(tmp_path / "other.png")])
    assert ran.exit_code and "--grid draws the maps of a segmenter" in ran.stderr
    with pytest.raises(InputError, match=r"end with \.png"):
        draw_grid(samples, {}, tmp_path / "grid.jpg")
