from __future__ import annotations

import torch
import torch.nn.functional as F

from geoglot.scene.embedding_page import main_directions


def test_alike_embeddings_have_alike_colours() -> None:
    """Four kinds of patches, with a little noise, in 64 dimensions."""
    kinds = torch.randint(0, 4, (12, 15))
    patches = F.normalize(torch.randn(4, 64), dim=1)[kinds].permute(2, 0, 1) + 0.005 * torch.randn(64, 12, 15)
    colours = main_directions(patches)
    assert colours.shape == (3, 12, 15) and colours.min() == 0 and colours.max() == 1
    means = torch.stack([colours[:, kinds == kind].mean(1) for kind in range(4)])
    within = max(float((colours[:, kinds == kind] - means[kind, :, None]).abs().max()) for kind in range(4))
    assert within < 0.15 < 0.4 < float(torch.pdist(means).min())


def test_colours_do_not_depend_on_the_sign_that_a_library_gives_a_direction() -> None:
    patches = torch.randn(16, 5, 6)
    torch.testing.assert_close(main_directions(patches), main_directions(patches.flip(1)).flip(1), atol=1e-5, rtol=0)


def test_patches_that_are_all_the_same_have_a_colour() -> None:
    assert main_directions(torch.ones(8, 4, 4)).isfinite().all()
