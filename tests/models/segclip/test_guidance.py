"""Guided queries help, and tell nothing: what the other queries say is the same without them."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from geoglot.models.segclip.config import Guidance
from geoglot.models.segclip.guidance import Guided, guide
from geoglot.models.segclip.segclip import Prediction, SegClip
from geoglot.models.segclip.targets import make_targets
from tinysegclip import CLASSES, blocks, tiny_segclip


def ragged() -> Tensor:
    """One image with one class, one with many, one where nothing counts."""
    torch.manual_seed(3)
    labels = blocks(3)
    labels[0], labels[2] = 4, 255
    return labels


def guided_for(model: SegClip, labels: Tensor, settings: Guidance) -> Guided:
    return guide(make_targets(labels, len(CLASSES)), settings, model.config.queries, model.config.layers)


def heads_of(model: SegClip, guided: Guided | None) -> list[Prediction]:
    torch.manual_seed(4)
    return model.predictions(torch.randn(3, 3, 96, 96), guided)


@pytest.mark.parametrize("groups", [1, 2])
def test_text_queries_do_not_see_the_ground_truth(groups: int) -> None:
    model = tiny_segclip().train()
    guided = guided_for(model, ragged(), Guidance(groups=groups))
    slots = guided.classes.shape[1]
    for told, plain in zip(heads_of(model, guided), heads_of(model, None), strict=True):
        torch.testing.assert_close(told.classes[:, slots:], plain.classes, atol=1e-5, rtol=0)
        torch.testing.assert_close(told.masks[:, slots:], plain.masks, atol=1e-5, rtol=0)


def test_without_the_block_they_would() -> None:
    model = tiny_segclip().train()
    guided = guided_for(model, ragged(), Guidance())
    leaking = dataclasses.replace(guided, query_attn_mask=torch.ones_like(guided.query_attn_mask))
    slots = guided.classes.shape[1]
    told, plain = heads_of(model, leaking)[-1], heads_of(model, None)[-1]
    assert (told.classes[:, slots:] - plain.classes).abs().max() > 1e-3


def test_guided_queries_can_be_kept_from_text_queries_too() -> None:
    """Then other text queries change nothing that they say; by default they do."""
    model = tiny_segclip(guidance=Guidance()).train()
    changes = []
    for apart in (True, False):
        guided = guided_for(model, ragged(), Guidance(apart=apart))
        slots = guided.classes.shape[1]
        before = heads_of(model, guided)[-1].classes[:2, :slots]
        kept = model.places.weight.detach().clone()
        with torch.no_grad():
            model.places.weight.add_(1)
        changes.append(float((heads_of(model, guided)[-1].classes[:2, :slots] - before).detach().abs().max()))
        with torch.no_grad():
            model.places.weight.copy_(kept)
    assert changes[0] < 1e-5 < 1e-3 < changes[1]


def test_groups_do_not_see_each_other() -> None:
    model = tiny_segclip().train()
    one, two = (heads_of(model, guided_for(model, ragged(), Guidance(groups=groups)))[-1] for groups in (1, 2))
    slots = make_targets(ragged(), len(CLASSES)).classes.shape[1]
    torch.testing.assert_close(two.classes[:2, :slots], one.classes[:2, :slots], atol=1e-5, rtol=0)
    torch.testing.assert_close(two.classes[:2, slots : 2 * slots], one.classes[:2, :slots], atol=1e-5, rtol=0)


def test_a_guided_query_sees_every_place_its_class_touches() -> None:
    labels = torch.zeros(1, 64, 64, dtype=torch.long)
    labels[0, 5, 7] = 3  # one pixel
    guided = guided_for(tiny_segclip(), labels, Guidance())
    level = torch.zeros(1, 32, 4, 4)
    sight = guided.replace_attn_mask(
        torch.zeros(1, 2 + 12, 16, dtype=torch.bool), guided.true_attn_mask(level), layer=0
    )
    assert sight[0, 1].nonzero().flatten().tolist() == [0]
    assert sight[0, 0].all()
    assert not sight[0, 2:].any()


def test_guidance_of_the_first_layers_ends() -> None:
    guided = guided_for(tiny_segclip(), ragged(), Guidance(layers="first"))
    sight = torch.zeros(3, guided.classes.shape[1] + 12, 9, dtype=torch.bool)
    level = torch.zeros(3, 32, 3, 3)
    assert guided.replace_attn_mask(sight, guided.true_attn_mask(level), layer=2).any()
    assert not guided.replace_attn_mask(sight, guided.true_attn_mask(level), layer=3).any()


def test_noise_changes_about_the_share_that_it_says() -> None:
    labels = torch.arange(7)[None, :, None].repeat(200, 10, 8)
    guided = guided_for(tiny_segclip(), labels, Guidance(label_noise=0.5, point_noise=0.25))
    targets = make_targets(labels, len(CLASSES))
    changed = (guided.classes != targets.classes).float().mean()  # one in seven draws the same class again
    assert abs(changed - 0.5 * 6 / 7) < 0.05
    assert abs((guided.masks != targets.masks).float().mean() - 0.25) < 0.01


def test_each_slot_begins_as_the_text_of_its_class() -> None:
    """In the decoder's input too: guided queries first, without a position of their own."""
    model = tiny_segclip().train()
    guided = guided_for(model, ragged(), Guidance(groups=2))
    caught: list[Tensor] = []
    hook = model.decoder.register_forward_pre_hook(lambda _, given: caught.extend(given[:2]))
    heads_of(model, guided)
    hook.remove()
    tokens, places = caught
    assert model.table is not None
    texts, slots = model.table(), guided.classes.shape[1]
    for image, classes in enumerate(guided.classes.tolist()):
        for slot, one in enumerate(classes):
            expected = texts[one] if one >= 0 else torch.zeros_like(texts[0])
            torch.testing.assert_close(tokens[image, slot], expected)
    assert not places[:, :slots].any() and places[:, slots:].any()
