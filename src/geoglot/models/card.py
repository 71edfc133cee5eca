"""What a model says about itself, in card.json beside its weights."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Interval

from geoglot.aliases import Amount, Positive
from geoglot.errors import InputError, ModelError
from geoglot.models.file_checks import read_json
from geoglot.models.known import Level
from geoglot.recipe import from_table

#: Files of a model's folder; the last holds the embeddings of the words that it was calibrated with
CARD, WEIGHTS = "card.json", "weights.safetensors"
#: Of a folder of transformers, which has no card
CONFIG = "config.json"
TOKENIZER, CALIBRATION = "tokenizer.json", "presence.safetensors"
Side = Annotated[int, Interval(ge=1, le=65_536)]
Scale = Annotated[float, Interval(gt=0, le=1e4)]
#: Mean and standard deviation of one band of brightness 0..1; other networks' images reach to 255
Mean = Annotated[float, Interval(ge=-1e3, le=1e3)]
Spread = Annotated[float, Interval(ge=1e-3, le=1e3)]
_LONGEST_NAME, _LONGEST_TEXT, _LEAST_STD = 200, 2000, 1e-3


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


def read_card(folder: Path) -> Card:
    """The card of a stored model."""
    path = folder / CARD
    try:
        table = read_json(path)
        if not isinstance(table, dict):
            raise ValueError(f"it must hold fields, and holds a {type(table).__name__}")
        card = from_table(Card, table, "", folder)
        _check_card(card)
    except FileNotFoundError:
        if (folder / "model" / CARD).is_file():
            raise ModelError(f"{folder} is a training run; its model is {folder / 'model'}") from None
        raise ModelError(
            f"{folder} holds no {CARD}; for a model that geoglot trained, it appears in RUN/model at the end of "
            "training; for other weights, make it with: geoglot models convert"
        ) from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, InputError) as error:
        raise ModelError(f"{path} is not a model card ({error}); convert or pull the model again") from None
    return card


def card_text(card: Card) -> str:
    """The text of card.json."""
    return json.dumps(asdict(card), indent=2) + "\n"


def _check_card(card: Card) -> None:
    """Raise ValueError for fields that contradict each other, and for names that are not a line of text."""
    if not card.name.isprintable() or not 0 < len(card.name) <= _LONGEST_NAME:
        raise ValueError(f"name must be a line of up to {_LONGEST_NAME} characters")
    if min(card.std) < _LEAST_STD:
        raise ValueError(f"std must be at least {_LEAST_STD}, got {min(card.std)}")
    for name in ("licence", "source"):
        if len(getattr(card, name)) > _LONGEST_TEXT:
            raise ValueError(f"{name} must have at most {_LONGEST_TEXT:,} characters")
    if card.resolution[0] > card.resolution[1]:
        raise ValueError(f"resolution must be the finest, then the coarsest, got {list(card.resolution)}")
    if card.tile_size % card.patch_size:
        raise ValueError(f"tile_size must be a multiple of patch_size {card.patch_size}, got {card.tile_size}")
