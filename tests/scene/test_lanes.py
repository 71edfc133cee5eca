"""Lanes compute the parts of a batch at once, and change no value."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from geoglot.index.build.chip_lanes import open_chip_lanes
from geoglot.models.zoo import load_word_model
from geoglot.scene.dense import ClassDense, Dense, WordDense
from geoglot.scene.lanes import open_lanes
from geoglot.scene.stream import Row, see
from geoglot.sources.raster import open_raster
from tinysegclip import tiny_segmenter
from worlds import class_field, paint, write_scene

NAMES = ("water", "forest", "roof")


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def rows_of(path: Path, dense: Dense, batch: int) -> list[Row]:
    with open_raster(path) as raster:
        return list(see(raster, dense, dense.windows(raster.grid.shape, 64, 16), batch=batch))


@pytest.mark.usefixtures("two_threads")
def test_each_lane_takes_a_part_and_outputs_keep_their_order() -> None:
    met, names = threading.Barrier(2, timeout=60), set[str]()

    def model(pixels: Tensor) -> Tensor:
        met.wait()  # both parts are computed at once, or this breaks
        names.add(threading.current_thread().name)
        assert torch.get_num_threads() == 1
        return pixels[:, :1]

    chips = [np.full((3, 4, 4), value, np.float32) for value in range(5)]
    with open_lanes(2) as lanes:
        outputs = lanes.compute(model, chips)()
    assert [float(np.asarray(output).max()) for output in outputs] == [0, 1, 2, 3, 4] and len(names) == 2
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_one_lane_has_all_threads() -> None:
    with open_lanes(1) as lanes:
        assert (
            lanes.count == 1
            and lanes.compute(lambda pixels: pixels + torch.get_num_threads(), [np.zeros((1, 1, 1), np.float32)])()[0]
            == 2
        )
        assert lanes.compute(lambda pixels: pixels, [])() == []


@pytest.mark.usefixtures("two_threads")
def test_chips_have_one_thread_each_whatever_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their vectors would depend on the machine otherwise."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    model = load_word_model("mini", device="cpu")
    monkeypatch.setattr(model, "encode_image", lambda pixels: torch.full((len(pixels), 1), torch.get_num_threads()))
    with open_chip_lanes(model) as lanes:
        assert lanes.image([np.zeros((3, 4, 4), np.float32)]).result() == [1.0]


@pytest.mark.usefixtures("two_threads")
def test_what_ends_a_lane_ends_the_caller() -> None:
    def model(pixels: Tensor) -> Tensor:
        raise KeyboardInterrupt

    with open_lanes(2) as lanes, pytest.raises(KeyboardInterrupt):
        lanes.compute(model, [np.zeros((1, 2, 2), np.float32)] * 4)()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("geoglot-lane")]


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("kind", ["words", "segmenter"])
def test_two_lanes_give_the_bytes_of_one(kind: str, tmp_path: Path) -> None:
    """Models keep no state between windows, so they can be used by several threads. Parts have two windows here."""
    path = write_scene(tmp_path / "scene.tif", paint(class_field((200, 208), 3), NAMES))
    dense: Dense = WordDense(load_word_model("mini")) if kind == "words" else ClassDense(tiny_segmenter())
    torch.set_num_threads(1)
    one = rows_of(path, dense, 2)
    torch.set_num_threads(2)
    two = rows_of(path, dense, 4)
    for mine, other in zip(one, two, strict=True):
        np.testing.assert_array_equal(mine.values, other.values)
