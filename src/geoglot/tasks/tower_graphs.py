"""The towers of models that read words as graphs: what `geoglot export` traces, and the inputs of a text tower."""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from geoglot.models.base import VisionLanguageModel
from geoglot.models.clip import Clip
from geoglot.models.mini.efficientnet import fuse_norms
from geoglot.models.mini.mini import Mini
from geoglot.models.mini.text import CONTEXT
from geoglot.models.tokenizer import tokens_of
from geoglot.models.vit import read_text


class ImageTower(nn.Module):
    """The image tower with its normalisation."""

    def __init__(self, model: VisionLanguageModel) -> None:
        super().__init__()
        self.model = model
        if isinstance(model, Mini):
            self.model = copy.deepcopy(model).eval()
            fuse_norms(self.model)

    def forward(
        self, pixels: Float[Tensor, "tile band side side"]
    ) -> tuple[Float[Tensor, "tile dim"], Float[Tensor, "tile dim rows cols"]]:
        return self.model.encode_image(pixels), self.model.encode_patches(pixels)


class ClipTexts(nn.Module):
    """The text tower of a CLIP or a GRAFT."""

    def __init__(self, model: Clip) -> None:
        super().__init__()
        self.text, self.projection = model.text_model, model.text_projection

    def forward(self, tokens: Int[Tensor, "text context"], lengths: Int[Tensor, " text"]) -> Float[Tensor, "text dim"]:
        states = read_text(self.text, tokens, (lengths - 1).clamp(min=0))
        return F.normalize(self.projection(states), dim=-1)


class MiniTexts(nn.Module):
    """The text tower of mini."""

    def __init__(self, model: Mini) -> None:
        super().__init__()
        self.text = model.text

    def forward(self, tokens: Int[Tensor, "text context"], lengths: Int[Tensor, " text"]) -> Float[Tensor, "text dim"]:
        here = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]
        weights = self.text.scale[tokens] * self.text.weight[tokens].exp() * here
        return self.text.finish((self.text.table[tokens].float() * weights[:, :, None]).sum(1))


def text_inputs(model: Clip | Mini, texts: list[str]) -> dict[str, np.ndarray]:
    """What the text tower's graph takes for some texts."""
    ids = tokens_of(model.tokenizer, texts, ends=not isinstance(model, Mini))
    tokens = np.zeros((len(texts), context_of(model)), np.int64)
    for row, own in enumerate(ids):
        tokens[row, : len(own)] = own
    return {"tokens": tokens, "lengths": np.array([len(own) for own in ids], np.int64)}


def text_tower(model: Clip | Mini) -> ClipTexts | MiniTexts:
    """The text tower of a model."""
    return MiniTexts(model) if isinstance(model, Mini) else ClipTexts(model)


def context_of(model: Clip | Mini) -> int:
    """Tokens of a text that a model reads."""
    return CONTEXT if isinstance(model, Mini) else model.context
