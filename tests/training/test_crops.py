"""Crops: what each step sees follows from its number alone, and labels stay on their pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.dataset import Mapped
from geoglot.errors import SourceError
from geoglot.geo import Window
from geoglot.models.segclip.targets import IGNORE
from geoglot.training.crops import CropBatch, CropLoader, CropSampling, cut_labels, image_at
from geoglot.training.processes import Process
from labelled import RED, write_folder

PLAIN = CropSampling(batch=4, side=32, scales=(1.0, 1.0), workers=0)


@pytest.fixture
def samples(tmp_path: Path) -> Mapped:
    found = dataset_of("folder").read(write_folder(tmp_path), "train")
    assert isinstance(found, Mapped)
    return found


def batches(
    samples: Mapped, crops: CropSampling, first: int, stop: int, process: Process | None = None
) -> list[CropBatch]:
    loader = CropLoader(samples, crops, process) if process else CropLoader(samples, crops)
    return list(loader.batches(first, stop))


def test_a_step_sees_the_same_wherever_training_began(samples: Mapped) -> None:
    crops = replace(PLAIN, scales=(0.5, 2.0))
    whole, late = batches(samples, crops, 0, 3), batches(samples, crops, 2, 3)
    assert len(late) == 1
    assert torch.equal(whole[2].pixels, late[0].pixels) and torch.equal(whole[2].labels, late[0].labels)
    other = batches(samples, replace(crops, seed=1), 0, 1)
    assert not torch.equal(whole[0].pixels, other[0].pixels)


def test_processes_share_a_batch(samples: Mapped) -> None:
    (whole,) = batches(samples, PLAIN, 1, 2)
    parts = [batches(samples, PLAIN, 1, 2, Process(rank, 2))[0] for rank in range(2)]
    assert torch.equal(torch.cat([part.pixels for part in parts]), whole.pixels)


def test_workers_change_nothing(samples: Mapped) -> None:
    (here,), (there,) = batches(samples, PLAIN, 0, 1), batches(samples, replace(PLAIN, workers=1), 0, 1)
    assert torch.equal(here.pixels, there.pixels)


def test_labels_stay_on_their_pixels(samples: Mapped) -> None:
    """The class is in the red of each image, which recolouring only scales and shifts."""
    for batch in batches(samples, replace(PLAIN, batch=8), 0, 2):
        for pixels, labels in zip(batch.pixels, batch.labels, strict=True):
            seen = labels != IGNORE
            assert 0.4 < seen.float().mean() <= 1
            red, ids = pixels[0][seen], labels[seen].float()
            if ids.unique().numel() > 1 and red.max() < 1:
                assert torch.corrcoef(torch.stack([red, ids]))[0, 1] > 0.99
    assert RED * 6 < 255


def test_pictures_may_be_left_as_they_are_or_upright(samples: Mapped) -> None:
    """The last row of each mask does not count: it stays the last one in upright crops alone."""
    whole = replace(PLAIN, side=64, batch=3, augment="none")
    (batch,) = batches(samples, whole, 0, 1)
    stored = {one().tobytes() for one in samples.masks}
    assert {np.where(one == IGNORE, -1, one).astype(np.int32).tobytes() for one in batch.labels.numpy()} == stored
    shares = []
    for crops in (replace(whole, augment="upright"), replace(whole, augment="aerial")):
        seen = [one for part in batches(samples, crops, 0, 8) for one in part.labels]
        shares.append(float(np.mean([bool((one[-1] == IGNORE).all()) for one in seen])))
    assert shares[0] == 1 and 0.05 < shares[1] < 0.6


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_cannot_be_read_is_told_in_one_sentence(samples: Mapped, workers: int) -> None:
    for image in samples.images:
        image.write_bytes(b"no picture")
    with pytest.raises(SourceError) as told:
        batches(samples, replace(PLAIN, workers=workers), 0, 1)
    assert "\n" not in str(told.value) and ".png" in str(told.value)


def test_beyond_an_image_nothing_counts(samples: Mapped) -> None:
    (batch,) = batches(samples, replace(PLAIN, side=96), 0, 1)
    assert ((batch.labels == IGNORE).float().mean((1, 2)) > 0.5).all()
    assert batch.pixels.min() >= 0


def test_scales_show_more_or_less_ground(samples: Mapped) -> None:
    near, far = (batches(samples, replace(PLAIN, scales=(s, s)), 0, 1)[0] for s in (2.0, 0.5))
    edges = [float((batch.labels[:, 1:] != batch.labels[:, :-1]).float().mean()) for batch in (near, far)]
    assert edges[0] < edges[1]


def test_crops_of_one_class_are_drawn_again(tmp_path: Path) -> None:
    from published import save

    root = write_folder(tmp_path, train=1, val=1)
    ids = np.zeros((64, 64), np.uint8)
    ids[:, 40:] = 1
    save(root / "train" / "masks" / "0.png", ids)
    samples = dataset_of("folder").read(root, "train")
    assert isinstance(samples, Mapped)
    mixed = [
        float(np.mean([(batch.labels == 0).float().mean() <= 0.8 for batch in batches(samples, crops, 0, 20)]))
        for crops in (replace(PLAIN, batch=1), replace(PLAIN, batch=1, most_of_one=1.0))
    ]
    assert mixed[0] > mixed[1] + 0.1


def test_every_image_comes_once_an_epoch() -> None:
    for epoch in range(3):
        assert sorted(image_at(epoch * 7 + place, 7, seed=3) for place in range(7)) == list(range(7))


def test_a_cut_over_the_rim() -> None:
    labels = np.arange(12, dtype=np.int32).reshape(3, 4)
    assert cut_labels(labels, Window(-1, 2, 3, 3)).tolist() == [[-1, -1, -1], [2, 3, -1], [6, 7, -1]]
