"""Own maps teach only where two looks agree and are sure."""

from collections.abc import Callable

import torch
from own_maps import concept_shares, own_loss, read_own_maps
from torch import Tensor


class Fake:
    """Vectors of scenes by a function of their pixels, one cell a pixel."""

    def __init__(self, embed: Callable[[Tensor], Tensor]) -> None:
        self.embed, self.scale = embed, torch.tensor(20.0).log()

    def begin(self, pixels: Tensor) -> Tensor:
        return pixels

    def __call__(self, pixels: Tensor) -> tuple[None, Tensor, None]:
        return None, self.embed(pixels), None


TEXT, OWNERS = torch.eye(4), torch.tensor([3, 3, 5])  # two words of one concept, one of another, one of none


def test_the_words_of_a_concept_share_its_probability() -> None:
    fine = torch.zeros(1, 4, 1, 2)
    fine[0, 0, 0, 0] = fine[0, 3, 0, 1] = 1
    shares = concept_shares(Fake(lambda x: x), fine, TEXT, OWNERS).exp()  # type: ignore[arg-type]
    assert shares.shape == (1, 2, 1, 2)
    assert shares[0, 0, 0, 0] > 0.99 and shares[0, :, 0, 1].sum() < 0.01  # the second cell is none of both


def test_a_cell_teaches_only_if_both_looks_are_sure_of_one_concept() -> None:
    scenes = torch.zeros(1, 4, 1, 4)
    scenes[0, 1, 0, 0] = scenes[0, 2, 0, 1] = scenes[0, 3, 0, 2] = 1
    scenes[0, :3, 0, 3] = 0.5  # undecided
    assert read_own_maps(Fake(lambda x: x), scenes, TEXT, OWNERS).tolist() == [[[0, 1, -1, -1]]]  # type: ignore[arg-type]

    def by_place(pixels: Tensor) -> Tensor:  # the left is one thing, whatever is shown there
        found = torch.zeros_like(pixels)
        found[:, 0, :, :2] = found[:, 2, :, 2:] = 1
        return found

    assert (read_own_maps(Fake(by_place), scenes, TEXT, OWNERS) == -1).all()  # type: ignore[arg-type]


def test_the_loss_is_small_where_the_vectors_follow_and_nothing_where_no_cell_teaches() -> None:
    taught, fine = torch.tensor([[[0, 1, -1]]]), torch.zeros(1, 4, 1, 3)
    fine[0, 0, 0, 0] = fine[0, 2, 0, 1] = 1
    seer = Fake(lambda x: x)
    right = float(own_loss(seer, fine, TEXT, OWNERS, taught))  # type: ignore[arg-type]
    wrong = float(own_loss(seer, fine.flip(1), TEXT, OWNERS, taught))  # type: ignore[arg-type]
    assert right < 0.01 < 5 < wrong
    assert float(own_loss(seer, fine, TEXT, OWNERS, torch.full_like(taught, -1))) == 0  # type: ignore[arg-type]
