"""SegCLIP's parts: prompts, fusion, heads, backbones."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from geoglot.errors import InputError, ModelError
from geoglot.models.mini.efficientnet import PYRAMID
from geoglot.models.segclip.backbone import build_backbone, check_backbone, start_from
from geoglot.models.segclip.config import Fusion, Guidance, Prompts
from geoglot.models.segclip.text_prompts import text_order
from tinysegclip import CLASSES, OFF, TINY, tiny_config, tiny_segclip

VIT = {"kind": "vit", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
       "image_size": 64, "patch_size": 16}  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {},
        OFF,
        {"prompts": Prompts(padding="blank", context=3)},
        {"prompts": Prompts(background="learned")},
        {"prompts": Prompts(on=False), "guidance": Guidance(on=False)},
        {"fusion": Fusion(on=False)},
        {"fusion": Fusion(source="decoder", layers=2)},
        {"class_head": "cosine"},
        {"pixel_decoder": "fpn"},
        {"backbone": VIT},
    ],
    ids=str,
)
def test_every_choice_gives_masks_and_classes(changed: dict[str, Any]) -> None:
    model = tiny_segclip(**changed)
    head = model.eval()(torch.rand(2, 3, 64, 96))
    assert head.classes.shape == (2, 12, len(CLASSES) + 1)
    assert head.masks.shape == (2, 12, 16, 24)
    sum(one.sum() for one in (head.classes, head.masks)).backward()
    unused = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not unused, unused


def test_padded_queries_do_not_collapse() -> None:
    """Their texts are one blank text; without the position of each query they would stay one query."""
    model = tiny_segclip(prompts=Prompts(padding="blank", context=3)).eval()
    with torch.no_grad():
        model.places.weight.normal_()
        head = model(torch.rand(1, 3, 64, 64))
        blank = slice(len(CLASSES), 12 - 3)
        apart = torch.pdist(head.classes[0, blank])
        model.places.weight.zero_()
        same = torch.pdist(model(torch.rand(1, 3, 64, 64)).classes[0, blank])
    assert apart.min() > 100 * same.max()


def test_text_queries_are_the_classes_in_order_then_blank_ones() -> None:
    assert text_order(tiny_config()).tolist() == list(range(7))
    assert text_order(tiny_config(prompts=Prompts(padding="blank", context=3))).tolist() == [*range(7), 7, 7]
    assert text_order(tiny_config(prompts=Prompts(on=False))).tolist() == []


def test_too_few_queries_are_refused() -> None:
    with pytest.raises(InputError, match="raise queries"):
        tiny_segclip(queries=5)


def test_scores_are_the_semantic_inference_of_mask2former() -> None:
    model = tiny_segclip().eval()
    pixels = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        head, scores = model(pixels), model.scores(pixels)
    loop = torch.zeros(len(CLASSES), 16, 16)
    for query in range(12):
        share = head.classes[0, query].softmax(0)
        for one in range(len(CLASSES)):
            loop[one] += share[one] * head.masks[0, query].sigmoid()
    torch.testing.assert_close(scores[0].exp(), loop)


def test_guidance_needs_the_table_even_without_prompts() -> None:
    model = tiny_segclip(prompts=Prompts(on=False), guidance=Guidance())
    assert model.table is not None
    assert tiny_segclip(**OFF).table is None


def test_a_backbone_starts_from_the_weights_of_its_kind() -> None:
    first, second = (build_backbone(TINY) for _ in range(2))
    start_from(second, {f"resnet.{name}": tensor for name, tensor in first.body.state_dict().items()})
    torch.testing.assert_close(first.state_dict(), second.state_dict())
    with pytest.raises(ModelError, match="they lack"):
        start_from(second, {"resnet.other": torch.zeros(1)})
    with pytest.raises(ModelError, match="resnet, vit, lite0"):
        build_backbone({"kind": "swin"})


def test_the_trunk_of_mini_is_a_backbone() -> None:
    """Its features have the strides of a ResNet's, and it starts from mini's own names."""
    first, second = (build_backbone({"kind": "lite0"}).eval() for _ in range(2))
    start_from(second, {f"image.trunk.{name}": tensor for name, tensor in first.body.state_dict().items()})
    pixels = torch.rand(1, 3, 64, 96)
    features = second(pixels)
    torch.testing.assert_close(features, first(pixels))
    shapes = [(channels, 64 // stride, 96 // stride) for channels, stride in zip(PYRAMID, (4, 8, 16, 32), strict=True)]
    assert [tuple(feature.shape[1:]) for feature in features] == shapes
    with pytest.raises(ModelError, match="no key 'depths'"):
        check_backbone({"kind": "lite0", "depths": [1]})
