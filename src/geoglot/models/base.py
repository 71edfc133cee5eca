"""What every vision-language model here is: a card, and three encoders into one space of unit vectors."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import Interval
from jaxtyping import Float
from tokenizers import Tokenizer
from torch import Tensor, nn

from geoglot.aliases import Amount, Positive

Side = Annotated[int, Interval(ge=1, le=65_536)]
Scale = Annotated[float, Interval(gt=0, le=1e4)]


@dataclass(frozen=True)
class Card:
    """What a model says of itself; stored as card.json beside its weights and enough to rebuild it."""

    name: str
    family: str
    """The key of its loader in `zoo.FAMILIES`."""
    dim: Amount
    """Length of its vectors; 0 for what has classes of its own."""
    patch_size: Side
    """Pixels a patch vector stands for, along one side."""
    tile_size: Side
    """Side in pixels of the square tile it was trained on; a multiple of patch_size."""
    resolution: tuple[Positive, Positive]
    """Metres a pixel, (finest, coarsest), that it understands. Scenes inside are read as they are."""
    mean: tuple[float, float, float]
    """Of the RGB input, which is 0..1 before it is normalised."""
    std: tuple[Positive, Positive, Positive]
    logit_scale: Scale
    """Factor that turns cosines into logits for a softmax over classes."""
    licence: str
    source: str
    """Where the weights come from, and what they were trained on."""
    sha256: str = ""
    """Of weights.safetensors; checked on every load."""
    config: dict[str, Any] = field(default_factory=dict)
    """Architecture, as the family's builder reads it."""
    languages: tuple[str, ...] = ()
    """Of the texts it was trained with, as ISO 639 codes; empty where nobody knows."""

    @property
    def bands(self) -> int:
        """Bands of its pixels: red, green, blue, and for some towers more."""
        return 3 + int(self.config.get("extra_bands", 0))

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of a segmenter, in the order of its scores."""
        return tuple(self.config.get("classes", ()))

    @property
    def reads_words(self) -> bool:
        """True for a vision-language model, False for a segmenter."""
        return self.dim > 0


def count_tokens(tokenizer: Tokenizer, text: str, *, special: bool = True) -> tuple[int, int]:
    """Tokens of a text within the tokenizer's limit, and all of them; marks of its start and end do not count."""
    encoding = tokenizer.encode(text, add_special_tokens=special)
    parts = [len(one.ids) - sum(one.special_tokens_mask) for one in (encoding, *encoding.overflowing)]
    return parts[0], sum(parts)


class VisionLanguageModel(nn.Module):
    """Images, patches and texts as unit-length float32 vectors of one space. Owns its normalisation."""

    card: Card
    tokenizer: Tokenizer

    def use_bfloat16(self) -> None:
        """Compute images in bfloat16 from now on, where the family has such a path; vectors stay float32."""

    def tokens_read(self, text: str) -> tuple[int, int]:
        """How many tokens of a text the model reads, and how many it has; the first is less where it is cut."""
        tokenizer = getattr(self, "tokenizer", None)
        return (0, 0) if tokenizer is None else count_tokens(tokenizer, text)

    @abstractmethod
    def encode_text(self, texts: list[str]) -> Float[Tensor, "text dim"]:
        """One unit vector a text."""

    @abstractmethod
    def encode_image(self, pixels: Float[Tensor, "tile band rows cols"]) -> Float[Tensor, "tile dim"]:
        """One unit vector a tile; pixels are brightness 0..1, of any size that is a multiple of the patch."""

    @abstractmethod
    def encode_patches(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile dim patch_rows patch_cols"]:
        """One unit vector a patch, row 0 at the top of the tile; pixels as in encode_image."""
