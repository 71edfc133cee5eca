"""With all parts off, SegCLIP is transformers' Mask2Former: same logits, and same loss at the same points."""

from __future__ import annotations

import pytest
import torch

from geoglot.errors import ModelError
from geoglot.models.segclip.config import SegClipConfig
from geoglot.models.segclip.mask2former import load_mask2former
from geoglot.models.segclip.segclip import SegClip
from geoglot.models.segclip.targets import make_targets
from geoglot.training.mask_losses import mask_losses
from geoglot.training.matching import MaskLoss
from tinysegclip import CLASSES, OFF, blocks, their_mask2former, tiny_config

RESNET50 = SegClipConfig(CLASSES, **OFF)


@pytest.mark.parametrize("config", [tiny_config(**OFF), RESNET50], ids=["tiny", "ResNet-50"])
def test_logits_and_loss_are_those_of_transformers(config: SegClipConfig) -> None:
    torch.manual_seed(0)
    theirs, ours = their_mask2former(config).train(), SegClip(config).train()
    load_mask2former(ours, theirs.state_dict())
    pixels, labels = torch.randn(2, 3, 96, 128), torch.cat([blocks(2), blocks(2)], 2)[:, :, :128]
    labels[0] %= 3  # fewer classes in one image than in the other
    targets = make_targets(labels, len(CLASSES))
    slots = [targets.count_slots(image) for image in range(2)]
    torch.manual_seed(1)
    expected = theirs(
        pixel_values=pixels,
        mask_labels=[targets.masks[image, :count] for image, count in enumerate(slots)],
        class_labels=[targets.classes[image, :count] for image, count in enumerate(slots)],
    )
    heads = ours.predictions(pixels)
    torch.testing.assert_close(heads[-1].classes, expected.class_queries_logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(heads[-1].masks, expected.masks_queries_logits, atol=1e-4, rtol=0)
    torch.manual_seed(1)
    loss = sum(mask_losses(heads, targets, MaskLoss()).values())
    torch.testing.assert_close(loss, expected.loss[0] if expected.loss.ndim else expected.loss, atol=1e-4, rtol=1e-4)


def test_weights_of_another_size_are_refused() -> None:
    theirs = their_mask2former(tiny_config(**OFF))
    with pytest.raises(ModelError, match="build it with the sizes"):
        load_mask2former(SegClip(tiny_config(**OFF, queries=9)), theirs.state_dict())


def test_what_the_weights_lack_is_named() -> None:
    theirs, ours = their_mask2former(tiny_config(**OFF)), SegClip(tiny_config())
    tensors = theirs.state_dict()
    with pytest.raises(ModelError, match="lack fuse"):
        load_mask2former(ours, {name: tensor for name, tensor in tensors.items() if "queries_features" not in name})
