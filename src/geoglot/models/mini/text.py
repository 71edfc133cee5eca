"""A text tower of static token embeddings: an open vocabulary at a fraction of a millisecond for each text.

Every word piece has a fixed embedding, distilled from a sentence encoder as in model2vec: the encoder's output for the
piece alone, reduced by PCA. Training learns the weight of each piece and a small residual head, so that a word which it
never saw stays near its neighbours.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from geoglot.models.tokenizer import read_tokenizer, tokens_of

CONTEXT = 128
"""Tokens of a text that are read."""


class StaticText(nn.Module):
    """Weighted mean of token embeddings, then a residual head; the table is int8 with a scale for each row."""

    table: Tensor
    scale: Tensor

    def __init__(self, tokenizer: Path, vocabulary: int, dim: int, hidden: int) -> None:
        super().__init__()
        self.tokenizer = read_tokenizer(tokenizer)
        self.tokenizer.enable_truncation(CONTEXT)
        self.register_buffer("table", torch.zeros(vocabulary, dim, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(vocabulary))
        self.weight = nn.Parameter(torch.zeros(vocabulary))
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))

    def tokens(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        """Concatenated token ids of all texts, and the position at which each text begins."""
        encoded = tokens_of(self.tokenizer, texts, ends=False)
        starts = torch.tensor([0, *map(len, encoded)])[:-1].cumsum(0)
        flat = torch.tensor([token for ids in encoded for token in ids], dtype=torch.long)
        return flat.to(self.table.device), starts.to(self.table.device)

    def forward(self, texts: list[str]) -> Float[Tensor, "text dim"]:
        """Embed texts; a text without tokens gets the head's output for zeros."""
        ids, starts = self.tokens(texts)
        return self.combine(ids, starts, self.table[ids].float() * self.scale[ids, None])

    def combine(
        self, ids: Int[Tensor, " token"], starts: Int[Tensor, " text"], vectors: Float[Tensor, "token dim"]
    ) -> Float[Tensor, "text dim"]:
        """Embed texts from the vectors of their tokens."""
        weights = self.weight[ids].exp()
        total = F.embedding_bag(
            torch.arange(len(ids), device=ids.device), vectors * weights[:, None], starts, mode="sum"
        )
        return self.finish(total)

    def finish(self, total: Float[Tensor, "text dim"]) -> Float[Tensor, "text dim"]:
        """Embed texts from the weighted sums of their tokens' vectors."""
        mean = F.normalize(total, dim=-1)
        return F.normalize(mean + self.head(mean), dim=-1)
