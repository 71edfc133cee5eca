"""The base of all models: a card, normalised pixels, and encoders of images, patches and texts into one space."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import torch
from annotated_types import Interval
from jaxtyping import Float
from tokenizers import Tokenizer
from torch import Tensor, nn

from geoglot.aliases import Amount, Positive
from geoglot.errors import InputError
from geoglot.models.known import Level
from geoglot.models.presence import Presence
from geoglot.models.tokenizer import count_tokens
from geoglot.models.word_sense import WordSense

Side = Annotated[int, Interval(ge=1, le=65_536)]
Scale = Annotated[float, Interval(gt=0, le=1e4)]
#: Mean and standard deviation of one band of brightness 0..1; other networks' images reach to 255
Mean = Annotated[float, Interval(ge=-1e3, le=1e3)]
Spread = Annotated[float, Interval(ge=1e-3, le=1e3)]
#: Statistics of CLIP's training images, used by all models derived from it
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class Card:
    """A model's description of itself, in card.json beside its weights; the model is rebuilt from it."""

    name: str
    family: str
    """The key of its loader in `zoo.FAMILIES`."""
    dim: Amount
    """Length of its embeddings; 0 for a segmenter."""
    patch_size: Side
    """Side in pixels of a patch, or of a square with one score."""
    tile_size: Side
    """Side in pixels of the tiles it was trained on; a multiple of patch_size."""
    resolution: tuple[Positive, Positive]
    """Metres a pixel, (finest, coarsest), that it understands. Scenes within are read as they are."""
    mean: tuple[Mean, Mean, Mean]
    """Mean of the RGB input (brightness 0..1), which is subtracted."""
    std: tuple[Positive, Positive, Positive]
    logit_scale: Scale
    """Factor between cosines and logits."""
    licence: str
    source: str
    """Origin of the weights and of their training data."""
    sha256: str = ""
    """Hash of weights.safetensors; checked on every load."""
    config: dict[str, Any] = field(default_factory=dict)
    """Architecture, as the family's builder reads it."""
    languages: tuple[str, ...] = ()
    """Languages of its training texts as ISO 639 codes; empty if unknown."""
    level: Level | None = None
    """Of a GRAFT: which embeddings were trained; None for other models, or if nobody knows."""

    @property
    def bands(self) -> int:
        """Bands of its pixels: red, green, blue, and for some towers more."""
        return 3 + int(self.config.get("extra_bands", 0))

    @property
    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of every band; a band beyond RGB has those of a brightness all over 0..1."""
        extra = self.bands - 3
        return (*self.mean, *(0.5,) * extra), (*self.std, *(0.25,) * extra)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of a segmenter, in the order of its scores."""
        return tuple(self.config.get("classes", ()))

    @property
    def reads_words(self) -> bool:
        """True for a vision-language model, False for a segmenter."""
        return self.dim > 0


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
