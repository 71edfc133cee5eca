"""Votes of several looks at a window."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from geoglot.models.card import Card
from geoglot.scene.dense import Labelled
from geoglot.training.words.looks import Looks

CARD = Card(
    name="stub", family="stub", dim=2, patch_size=8, tile_size=32, resolution=(1.0, 1.0), mean=(0.0,) * 3,
    std=(1.0,) * 3, logit_scale=1.0, licence="", source="",
)  # fmt: skip


@dataclass
class Stub(Labelled):
    """Two classes: the first where a patch is bright; it sees what it is shown."""

    card: Card = CARD
    labels: tuple[str, ...] = ("bright", "dark")
    gain: float = 4.0
    stride: int = 8
    seen: list[Tensor] = field(default_factory=list)

    def __call__(self, pixels: Tensor) -> Tensor:
        self.seen.append(pixels)
        level = torch.nn.functional.avg_pool2d(pixels.mean(1, keepdim=True), 8) - 0.5
        return torch.cat([level, -level], 1) * self.gain


def test_looks_give_probabilities_on_four_pixels_and_the_share_that_agrees() -> None:
    looks = Looks([Stub()], "all", (1.0, 2.0), "facts")
    out = looks(torch.rand(2, 3, 32, 64))
    assert out.shape == (2, 3, 8, 16) and looks.channels == 3
    torch.testing.assert_close(out[:, :2].sum(1), torch.ones(2, 8, 16))
    shares = out[:, 2] * 8
    torch.testing.assert_close(shares, shares.round())
    assert looks.card.patch_size == 4


def test_a_mirrored_scene_has_mirrored_votes() -> None:
    looks, pixels = Looks([Stub()], "all", (1.0, 1.5), "facts"), torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(looks(pixels.flip(3)), looks(pixels).flip(3), atol=1e-5, rtol=0)


def test_members_that_contradict_each_other_agree_by_half() -> None:
    looks = Looks([Stub(), Stub(gain=-3.0)], "none", (1.0,), "facts")
    assert looks(torch.rand(1, 3, 32, 32))[:, 2].eq(0.5).all()


def test_bands_beyond_colour_are_read_and_not_shown_to_a_member_of_colours() -> None:
    member = Stub()
    looks = Looks([member], "none", (1.0,), "facts", extra_bands=2)
    looks(torch.rand(1, 5, 32, 32))
    assert looks.card.bands == 5 and member.seen[0].shape[1] == 3


def test_other_words_or_views_are_other_votes() -> None:
    hashes = {Looks([Stub()], flips, scales, facts).card.sha256 for flips, scales, facts in
              [("all", (1.0,), "a"), ("none", (1.0,), "a"), ("all", (2.0,), "a"), ("all", (1.0,), "b")]}  # fmt: skip
    assert len(hashes) == 4


def test_channels_without_a_name_are_the_background_together() -> None:
    looks = Looks([Stub(labels=("", "dark")), Stub(labels=("", "dark"))], "none", (1.0,), "facts")
    assert looks.classes == ("background", "dark")
    alone = Looks([Stub(labels=("", ""))], "none", (1.0,), "facts")
    assert alone.classes == ("background",)
    torch.testing.assert_close(alone(torch.rand(1, 3, 32, 32)), torch.ones(1, 2, 8, 8))
