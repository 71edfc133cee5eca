"""mini, the bundled model: an image tower and a text tower."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from geoglot.models.base import VisionLanguageModel, normalise
from geoglot.models.card import TOKENIZER, Card
from geoglot.models.mini.efficientnet import EfficientNetLite0
from geoglot.models.mini.fine_path import FinePath
from geoglot.models.mini.text import StaticText
from geoglot.models.presence import Presence
from geoglot.models.sizes import MOST, MiniSizes, read_sizes, wrong_card
from geoglot.models.tokenizer import count_tokens, require_vocabulary

_PATCH = 16  # the trunk's finer stride
_FINE = 8  # the stride of the fine path
_MULTIPLE = 32  # the trunk's coarsest stride
_AT_ONCE = 4 * 224 * 224  # pixels whose features fit a processor's cache


class DensePatches(nn.Module):
    """Embeddings of patches of 16 pixels from features at two strides, by a light top-down path (Lin et al. 2017)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.trunk = EfficientNetLite0()
        self.fine = nn.Conv2d(112, dim, 1)
        self.coarse = nn.Conv2d(320, dim, 1)
        self.mix = nn.Sequential(nn.GELU(), nn.Conv2d(dim, dim, 3, padding=1, groups=dim), nn.Conv2d(dim, dim, 1))

    def forward(self, pixels: Float[Tensor, "tile 3 rows cols"]) -> Float[Tensor, "tile dim patch_rows patch_cols"]:
        """Patch embeddings before normalisation: a longer one has more weight in the mean of the image."""
        return self.merge(*self.trunk(pixels))

    def pyramid(
        self, pixels: Float[Tensor, "tile 3 rows cols"]
    ) -> tuple[
        Float[Tensor, "tile 24 rows4 cols4"],
        Float[Tensor, "tile 40 rows8 cols8"],
        Float[Tensor, "tile dim patch_rows patch_cols"],
    ]:
        """Features at strides 4 and 8, and patch embeddings as `forward` gives them."""
        quarter = self.trunk.begin(pixels)
        return quarter, *self.go_on(quarter)

    def go_on(
        self, quarter: Float[Tensor, "tile 24 rows4 cols4"]
    ) -> tuple[Float[Tensor, "tile 40 rows8 cols8"], Float[Tensor, "tile dim patch_rows patch_cols"]]:
        """Features at stride 8, and patch embeddings as `forward` gives them, from features at stride 4."""
        eighth, fine, coarse = self.trunk.go_on(quarter)
        return eighth, self.merge(fine, coarse)

    def merge(
        self, fine: Float[Tensor, "tile 112 patch_rows patch_cols"], coarse: Float[Tensor, "tile 320 rows32 cols32"]
    ) -> Float[Tensor, "tile dim patch_rows patch_cols"]:
        """The top-down path: upsample the features at stride 32 and add them to the features at stride 16."""
        above: Tensor = F.interpolate(self.coarse(coarse), scale_factor=2, mode="bilinear", align_corners=False)
        merged = self.fine(fine) + above
        patches: Tensor = merged + self.mix(merged)
        return patches


class Mini(VisionLanguageModel):
    """EfficientNet-Lite0 and static token embeddings; an image's embedding is the mean of its patches'.

    With patches of 8 pixels it has a fine path, which has learned from labels what covers a patch, and tells whether a
    word is there. With patches of 16 it has neither: so it is before the last stage of its recipe.
    """

    def __init__(self, card: Card, tokenizer: Path) -> None:
        super().__init__()
        self.card = card
        self.image = DensePatches(card.dim)
        self.fine = FinePath(card.dim) if card.patch_size == _FINE else None
        self.presence = Presence(card.dim) if card.patch_size == _FINE else None
        self.text = StaticText(tokenizer, card.config["vocabulary"], card.dim, card.config["hidden"])
        self.tokenizer = self.text.tokenizer

    @property
    def stride(self) -> int:
        return _MULTIPLE

    def encode_text(self, texts: list[str]) -> Float[Tensor, "text dim"]:
        embeddings: Tensor = self.text(texts)
        return embeddings

    def tokens_read(self, texts: Sequence[str]) -> list[tuple[int, int]]:
        return count_tokens(self.tokenizer, texts, special=False)

    def encode_image(self, pixels: Float[Tensor, "tile 3 rows cols"]) -> Float[Tensor, "tile dim"]:
        count = _lengths(pixels, _PATCH)
        patches = self._in_parts(pixels, self.image)[:, :, : count[0], : count[1]]
        return F.normalize(patches.mean((2, 3)), dim=1)

    def encode_patches(
        self, pixels: Float[Tensor, "tile 3 rows cols"]
    ) -> Float[Tensor, "tile dim patch_rows patch_cols"]:
        patches = self._in_parts(pixels, self._patches)
        rows, cols = _lengths(pixels, self.card.patch_size)
        return patches[:, :, :rows, :cols]

    def _patches(self, normal: Float[Tensor, "tile 3 rows cols"]) -> Float[Tensor, "tile dim patch_rows patch_cols"]:
        """Unit embeddings of patches of normalised pixels."""
        if self.fine is None:
            return F.normalize(self.image(normal), dim=1)
        embeddings: Tensor = self.fine(*self.image.pyramid(normal))
        return embeddings

    def _in_parts(self, pixels: Float[Tensor, "tile 3 rows cols"], encode: Callable[[Tensor], Tensor]) -> Tensor:
        """Encode normalised tiles, a few at once; sides that are not multiples of 32 are padded by their edge."""
        rows, cols = pixels.shape[2:]
        normal = normalise(pixels.to(self.device), self.card.mean, self.card.std)
        padded = F.pad(normal, (0, -cols % _MULTIPLE, 0, -rows % _MULTIPLE), mode="replicate")
        padded = padded.contiguous(memory_format=torch.channels_last)
        whole = self.training or padded.device.type != "cpu"  # in training, batch norms need the whole batch
        if whole or torch.compiler.is_compiling():  # a graph for another runtime takes any number of tiles
            return encode(padded)
        count = _AT_ONCE // (padded.shape[2] * padded.shape[3])
        return torch.cat([encode(part) for part in torch.split(padded, max(1, count))])


def _lengths(pixels: Tensor, patch: int) -> tuple[int, int]:
    rows, cols = pixels.shape[2:]
    return -(-rows // patch), -(-cols // patch)


def build_mini(card: Card, folder: Path) -> Mini:
    """The Mini of a card, without weights."""
    sizes = read_sizes(card, MiniSizes)
    if card.patch_size not in (_FINE, _PATCH):
        raise wrong_card(card, f"patch_size must be {_FINE} or {_PATCH} in this family, got {card.patch_size}")
    if not 1 <= card.dim <= MOST:
        raise wrong_card(card, f"dim must be 1 to {MOST} in this family, got {card.dim}")
    with torch.device("meta"):
        model = Mini(card, folder / TOKENIZER)
    require_vocabulary(model.tokenizer, sizes.vocabulary, card.name)
    return model
