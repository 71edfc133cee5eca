"""The loss where pixels are to be ignored, classes absent, crops empty."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from geoglot.models.segclip.guidance import guide
from geoglot.models.segclip.segclip import Prediction
from geoglot.models.segclip.targets import IGNORE, make_targets
from geoglot.training.mask_losses import guided_losses, mask_losses
from geoglot.training.matching import MaskLoss, match, match_costs
from geoglot.training.points import PointSampling, sample_at, uncertain_points
from tinysegclip import CLASSES, blocks, their_mask2former, tiny_config, tiny_segclip

QUICK = MaskLoss(sampling=PointSampling(points=512))


def made_up_head(images: int = 2, side: int = 24, queries: int = 12) -> Prediction:
    torch.manual_seed(5)
    classes = torch.randn(images, queries, len(CLASSES) + 1, requires_grad=True)
    return Prediction(classes, torch.randn(images, queries, side, side, requires_grad=True))


def total(head: Prediction, labels: Tensor) -> Tensor:
    torch.manual_seed(6)
    loss = sum(mask_losses([head], make_targets(labels, len(CLASSES)), QUICK).values())
    assert isinstance(loss, Tensor)
    return loss


def test_what_lies_under_ignored_pixels_changes_nothing_here_and_something_in_transformers() -> None:
    """The right half does not count, so the masks may say anything there."""
    labels = blocks(2)
    labels[:, :, 48:] = IGNORE
    one = made_up_head()
    masks = one.masks.detach().clone()
    masks[..., 13:] = 8 * torch.randn_like(masks[..., 13:])  # beyond what the bilinear sample of a counted pixel sees
    other = Prediction(one.classes, masks)
    torch.testing.assert_close(total(one, labels), total(other, labels))
    theirs = [_their_loss(head, labels) for head in (one, other)]
    assert abs(theirs[0] - theirs[1]) > 0.05


def _their_loss(head: Prediction, labels: Tensor) -> float:
    targets = make_targets(labels, len(CLASSES))
    present = [targets.count_slots(image) for image in range(len(labels))]
    model = their_mask2former(tiny_config())
    torch.manual_seed(6)
    losses = model.criterion(
        head.masks.detach(),
        head.classes.detach(),
        [targets.masks[image, :count] for image, count in enumerate(present)],
        [targets.classes[image, :count] for image, count in enumerate(present)],
    )
    return float(losses["loss_mask"] + losses["loss_dice"])


def test_ignored_pixels_get_no_gradient() -> None:
    labels = blocks(1)
    labels[:, 48:] = IGNORE
    head = made_up_head(1)
    total(head, labels).backward()
    assert head.masks.grad is not None
    assert head.masks.grad[:, :, 14:].abs().max() == 0
    assert head.masks.grad[:, :, :11].abs().max() > 0


@pytest.mark.parametrize("fill", [IGNORE, 0, 6])
def test_whole_crops_of_one_kind_have_finite_gradients(fill: int) -> None:
    head = made_up_head()
    total(head, torch.full((2, 96, 96), fill)).backward()
    assert head.classes.grad is not None
    assert torch.isfinite(head.classes.grad).all()
    assert (head.classes.grad.abs().max() == 0) == (fill == IGNORE)


def test_an_image_where_nothing_counts_leaves_the_other_as_it_is() -> None:
    labels, head = blocks(2), made_up_head()
    labels[1] = IGNORE
    both = total(head, labels)
    alone = total(Prediction(head.classes[:1], head.masks[:1]), labels[:1])
    assert abs(both - alone) / alone < 0.05  # other points, the same terms


def test_the_cheapest_queries_are_matched() -> None:
    labels = blocks(1)
    targets = make_targets(labels, len(CLASSES))
    head = made_up_head(1)
    with torch.no_grad():
        small = torch.nn.functional.interpolate(targets.masks, (24, 24), mode="area")
        for slot, one in enumerate(targets.classes[0].tolist()):
            head.masks[0, 11 - slot] = 20 * small[0, slot] - 10
            head.classes[0, 11 - slot, one] = 9
    pairs = match(head, targets, QUICK)
    assert {(int(q), int(s)) for q, s in zip(pairs.query, pairs.slot, strict=True)} == {
        (11 - slot, slot) for slot in range(targets.count_slots(0))
    }


def test_costs_are_those_of_transformers() -> None:
    labels, head = blocks(2), made_up_head()
    targets = make_targets(labels, len(CLASSES))
    assert targets.count_slots(0) == targets.count_slots(1) == 7
    torch.manual_seed(7)
    ours = [match(head, targets, MaskLoss())]
    matcher = their_mask2former(tiny_config()).criterion.matcher
    torch.manual_seed(7)
    theirs = matcher(head.masks, head.classes, list(targets.masks), list(targets.classes))
    assert ours[0].query.tolist() == torch.cat([queries for queries, _ in theirs]).tolist()
    assert ours[0].slot.tolist() == torch.cat([slots for _, slots in theirs]).tolist()
    assert match_costs(head, targets, QUICK).shape == (2, 12, 7)


def test_points_are_where_a_mask_is_undecided() -> None:
    ramp = torch.linspace(-4, 4, 64).expand(1, 64, 64)
    torch.manual_seed(8)
    points = uncertain_points(ramp, None, PointSampling(points=400))
    nearest = points[0, :300]
    assert (sample_at(ramp[:, None], nearest[None])[0, 0].abs() < 1.5).all()
    assert points[0, 300:, 0].std() > 0.2


def test_points_are_as_many_as_in_mask2former() -> None:
    """Cheng et al., CVPR 2022, section 4.1: 112 x 112 points, three times as many drawn, 3/4 where least decided."""
    assert PointSampling() == PointSampling(points=112 * 112, oversample=3, undecided=0.75)


def test_guided_slots_without_a_class_count_for_nothing() -> None:
    model = tiny_segclip().train()
    labels = blocks(3)
    labels[0], labels[2] = 4, IGNORE
    targets = make_targets(labels, len(CLASSES))
    guided = guide(targets, model.config.guidance, 12, 6)
    slots = guided.classes.shape[1]
    heads = model.predictions(torch.rand(3, 3, 96, 96), guided)
    told = [Prediction(head.classes[:, :slots], head.masks[:, :slots]) for head in heads]
    torch.manual_seed(9)
    plain = guided_losses(told, targets, QUICK)
    for head in told:
        head.classes.data[0, 1:] = 50
        head.masks.data[2] = 50
    torch.manual_seed(9)
    again = guided_losses(told, targets, QUICK)
    assert set(plain) == {"guided_class", "guided_mask", "guided_dice"}
    torch.testing.assert_close(plain, again)
    sum(plain.values()).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
