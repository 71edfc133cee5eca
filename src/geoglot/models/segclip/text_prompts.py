"""TMP, the text mapping prompt: frozen text embeddings, mapped to decoder queries beside learned ones.

Reconstructed after OneFormer's text mapper (Jain et al., CVPR 2023, `encode_text`); the paper's own formula is a
picture that could not be read. The embeddings never change, so they are stored in the model, which needs no text tower.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from geoglot.errors import InputError
from geoglot.models.segclip.attention import MLP
from geoglot.models.segclip.config import SegClipConfig

BACKGROUND = "background"
#: Among the weights of a SegCLIP: the name of the text embeddings, and the beginning of the names of what maps them
TEXTS, TEXT_MAPPER = "table.vectors", "table.mapper."


class TextTable(nn.Module):
    """The text embeddings of the classes and of the blank text, mapped to the decoder's width."""

    vectors: Float[Tensor, "class_and_blank text_dim"]
    """Embeddings under the name that stored weights have; the blank text is last."""

    def __init__(self, config: SegClipConfig) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.zeros(len(config.classes) + 1, config.text_dim))
        self.mapper = MLP(config.text_dim, config.width, config.width)
        learned = config.prompts.background == "learned" and BACKGROUND in config.classes
        self._background_row = config.classes.index(BACKGROUND) if learned else -1
        self.background = nn.Parameter(torch.randn(config.width) * 0.02) if learned else None

    def forward(self) -> Float[Tensor, "class_and_blank width"]:
        mapped: Tensor = self.mapper(self.vectors)
        if self.background is None:
            return mapped
        here = torch.arange(len(mapped), device=mapped.device)[:, None].eq(self._background_row)
        return torch.where(here, self.background, mapped)


class QueryPrompts(nn.Module):
    """The queries that enter the decoder: text queries first, if there are any, then learned ones."""

    def __init__(self, config: SegClipConfig) -> None:
        super().__init__()
        self.order = text_order(config)
        self.learned = nn.Embedding(config.queries - len(self.order), config.width)

    def forward(self, texts: Float[Tensor, "class_and_blank width"] | None) -> Float[Tensor, "query width"]:
        """Padded text queries are equal; only `query_pos` tells them apart in the decoder."""
        if texts is None or not len(self.order):
            return self.learned.weight
        return torch.cat([texts[self.order.to(texts.device)], self.learned.weight])


def text_order(config: SegClipConfig) -> Int[Tensor, " text_query"]:
    """Row of the text table for each text query: each class once, then the blank text where texts are padded."""
    count, prompts = len(config.classes), config.prompts
    if not prompts.on:
        return torch.zeros(0, dtype=torch.long)
    texts = count if prompts.padding == "none" else config.queries - prompts.context
    if not count <= texts <= config.queries:
        beside = f" beside {prompts.context} learned ones" if prompts.padding == "blank" else ""
        raise InputError(f"{config.queries} queries do not hold {count} class texts{beside}; raise queries")
    return torch.arange(texts).clamp(max=count)
