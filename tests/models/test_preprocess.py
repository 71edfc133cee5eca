from __future__ import annotations

import pytest
import torch

from geoglot.errors import InputError
from geoglot.models.base import normalise, require_whole_patches


def test_normalised_pixels_have_the_statistics_of_the_training() -> None:
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.25, 0.125)
    pixels = torch.tensor(mean).view(1, 3, 1, 1).expand(2, 3, 4, 4)
    assert normalise(pixels, mean, std).abs().max() == 0
    ones = normalise(pixels + torch.tensor(std).view(1, 3, 1, 1), mean, std)
    torch.testing.assert_close(ones, torch.ones(2, 3, 4, 4))


@pytest.mark.parametrize("size", [(0, 16), (15, 16), (32, 17)])
def test_broken_patches_are_refused(size: tuple[int, int]) -> None:
    require_whole_patches(torch.zeros(1, 3, 32, 16), 16)
    with pytest.raises(InputError, match="pad them first"):
        require_whole_patches(torch.zeros(1, 3, *size), 16)
