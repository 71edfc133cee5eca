"""Whether a word is there at all: the cosine above which a patch is likelier to show it than not."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

_HIDDEN = 64
_HIGHEST = 0.4  # few patches have a larger cosine, even to a word that fits them
_SPREAD = 8.0  # text vectors differ little from each other beside their common part


class Presence(nn.Module):
    """The level of each word, from its vector, and how fast the odds grow with the cosine above it."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(dim, _HIDDEN), nn.Linear(_HIDDEN, 1)
        self.log_slope = nn.Parameter(torch.tensor(3.0))
        nn.init.zeros_(self.out.weight)
        nn.init.constant_(self.out.bias, 0.45)

    @property
    def slope(self) -> Tensor:
        """Log-odds for one unit of cosine."""
        return self.log_slope.exp()

    @torch.inference_mode()
    def asked_levels(self, texts: Float[Tensor, "word dim"]) -> Float[Tensor, " word"]:
        """The levels of words that are asked, none so high that no patch reaches it."""
        return self.levels(texts).clamp_max(_HIGHEST)

    def levels(self, texts: Float[Tensor, "word dim"]) -> Float[Tensor, " word"]:
        """The cosine at which a patch is as likely to show a word as not."""
        levels: Tensor = self.out(F.gelu(self.hidden(_SPREAD * texts)))[..., 0]
        return levels
