"""The base of all models: a card, normalised pixels, and encoders of images, patches and texts into one space."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from tokenizers import Tokenizer
from torch import Tensor, nn

from geoglot.errors import InputError
from geoglot.models.card import Card
from geoglot.models.presence import Presence
from geoglot.models.tokenizer import count_tokens
from geoglot.models.word_sense import WordSense

#: Statistics of CLIP's training images, used by all models derived from it
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def normalise(
    pixels: Float[Tensor, "tile band rows cols"], mean: tuple[float, ...], std: tuple[float, ...]
) -> Float[Tensor, "tile band rows cols"]:
    """Brightness 0..1 to zero mean and unit variance, band by band."""
    shape = (1, -1, 1, 1)
    return (pixels - pixels.new_tensor(mean).view(shape)) / pixels.new_tensor(std).view(shape)


def require_whole_patches(pixels: Float[Tensor, "tile band rows cols"], patch: int) -> None:
    """Raise InputError for tiles whose last rows or columns a convolution would silently drop."""
    rows, cols = pixels.shape[-2:]
    if rows % patch or cols % patch or not rows or not cols:
        raise InputError(f"tiles of {rows} x {cols} px do not divide into patches of {patch} px; pad them first")


class CardedModel(nn.Module):
    """A network with its card."""

    card: Card

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return next(self.parameters(), torch.empty(0)).device

    @property
    def precision(self) -> list[str]:
        """The types of its parameters, in which it computes."""
        return sorted({str(parameter.dtype) for parameter in self.parameters()})

    @property
    def stride(self) -> int:
        """Pixels by which a scene may be moved under the windows without changing what the model sees in them."""
        return self.card.patch_size


class VisionLanguageModel(CardedModel):
    """Embeds images, patches and texts in one space, as float32. Normalises its own input."""

    tokenizer: Tokenizer
    presence: Presence | None
    """What tells whether a word is there at all; None if the model has not learned it."""
    sense: WordSense | None
    """What tells absurd words from others; None if the model is not calibrated."""
    place: str
    """What `load_model` finds it by from any working directory; empty for a model that was not loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.presence = None
        self.sense = None
        self.place = ""

    @property
    def space(self) -> Card:
        """The card of the model whose vectors compare with its own."""
        return self.card

    def use_bfloat16(self) -> None:
        """Compute images in bfloat16 from now on, if the family can; embeddings stay float32."""

    def use_int8(self) -> None:
        """Compute images by products of 8 bits from now on, if the family can; embeddings stay float32."""

    def tokens_read(self, texts: Sequence[str]) -> list[tuple[int, int]]:
        """For each text, the number of tokens that the model reads, and of all its tokens."""
        tokenizer = getattr(self, "tokenizer", None)
        return [(0, 0)] * len(texts) if tokenizer is None else count_tokens(tokenizer, texts)

    @abstractmethod
    def encode_text(self, texts: list[str]) -> Float[Tensor, "text dim"]:
        """Embed texts."""

    @abstractmethod
    def encode_image(self, pixels: Float[Tensor, "tile band rows cols"]) -> Float[Tensor, "tile dim"]:
        """Embed tiles; pixels are brightness 0..1, sides are multiples of the patch."""

    @abstractmethod
    def encode_patches(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile dim patch_rows patch_cols"]:
        """Embed patches, row 0 at the top of the tile; pixels as in `encode_image`."""
