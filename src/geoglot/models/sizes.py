"""Check the architecture in a card, field by field, before anything is built from it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from annotated_types import Interval

from geoglot.errors import InputError, ModelError
from geoglot.models.card import Card
from geoglot.recipe import from_table

T = TypeVar("T")
MOST_LAYERS, MOST = 256, 65_536
Size = Annotated[int, Interval(ge=1, le=MOST)]
Layers = Annotated[int, Interval(ge=1, le=MOST_LAYERS)]
Vocabulary = Annotated[int, Interval(ge=1, le=4_000_000)]


@dataclass(frozen=True)
class Tower:
    """Fields of both towers of a CLIP, with transformers' names."""

    hidden_size: Size
    intermediate_size: Size
    num_hidden_layers: Layers
    num_attention_heads: Size
    hidden_act: Literal["quick_gelu", "gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu"]
    layer_norm_eps: Annotated[float, Interval(gt=0, lt=1)]
    projection_dim: Size


@dataclass(frozen=True)
class TextTower(Tower):
    """The text tower."""

    vocab_size: Vocabulary
    max_position_embeddings: Annotated[int, Interval(ge=3, le=MOST)]
    """Longest text in tokens, with start and end."""
    bos_token_id: int | None = None
    eos_token_id: int | None = None
    """The token that ends a text; by default the last of the vocabulary, as in CLIP."""
    pad_token_id: int | None = None


@dataclass(frozen=True)
class ImageTower(Tower):
    """The image tower."""

    image_size: Size
    patch_size: Size


@dataclass(frozen=True)
class ClipSizes:
    """Config of a CLIP or a GRAFT."""

    projection_dim: Size
    text_config: TextTower
    vision_config: ImageTower
    readout: Literal["plain", "sclip", "clearclip", "segearth"]
    extra_bands: Annotated[int, Interval(ge=0, le=64)] = 0


@dataclass(frozen=True)
class MiniSizes:
    """Config of a mini."""

    vocabulary: Vocabulary
    hidden: Size


@dataclass(frozen=True)
class Classes:
    """Config of a segmenter."""

    classes: tuple[str, ...]
    network: dict[str, Any]
    texts: dict[str, Any] = field(default_factory=dict)
    extra_bands: Annotated[int, Interval(ge=0, le=64)] = 0


def read_sizes(card: Card, kind: type[T]) -> T:
    """A card's config as `kind`; ModelError that names the card and the field."""
    return read_part(card, kind, card.config, "config.")


def read_part(card: Card, kind: type[T], table: dict[str, Any], where: str) -> T:
    """As `read_sizes`, for a part of the config; `where` is the prefix of its fields in messages."""
    try:
        return from_table(kind, table, where, Path())
    except InputError as error:
        raise wrong_card(card, str(error)) from None


def wrong_card(card: Card, why: str) -> ModelError:
    """The error for a card with impossible values."""
    return ModelError(f"the card of {card.name[:50]} cannot be used: {why[:200]}; convert or pull the model again")


def check_clip(card: Card) -> None:
    """Raise ModelError for sizes that contradict each other."""
    sizes = read_sizes(card, ClipSizes)
    image, text = sizes.vision_config, sizes.text_config
    same = (
        ("dim", card.dim, "config.projection_dim", sizes.projection_dim),
        ("patch_size", card.patch_size, "config.vision_config.patch_size", image.patch_size),
    )
    for field_name, stated, other, wanted in same:
        if stated != wanted:
            raise wrong_card(card, f"{field_name} is {stated} and {other} is {wanted}")
    side, patch = image.image_size, image.patch_size
    if side % patch:
        raise wrong_card(card, f"config.vision_config.image_size must be a multiple of patch_size {patch}, got {side}")
    for name, tower in (("vision_config", image), ("text_config", text)):
        width, heads = tower.hidden_size, tower.num_attention_heads
        if width % heads:
            raise wrong_card(
                card, f"config.{name}.hidden_size {width} does not divide into {heads} heads (num_attention_heads)"
            )


def require_modest(card: Card) -> None:
    """Raise ModelError for numbers so large that building the model would not end."""
    for name, value in _numbers(card.config, "config"):
        deep = name.rpartition(".")[2].endswith(("layers", "depths"))
        most = MOST_LAYERS if deep else MOST
        if abs(value) > most:
            raise wrong_card(card, f"{name} must be up to {most}, got {str(value)[:20]}")


def _numbers(value: object, name: str) -> Iterator[tuple[str, int | float]]:
    """All numbers in a document by dotted name; numbers in a list have the name of the list."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _numbers(part, f"{name}.{str(key)[:50]}")
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _numbers(part, name)
    elif isinstance(value, int | float):
        yield name, value
