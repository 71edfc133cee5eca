"""Models by name or by folder: bundled, cached, to be pulled, or in a folder of the user."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import torch

from geoglot.aliases import PathLike
from geoglot.errors import ModelError
from geoglot.figures import format_some
from geoglot.models.base import VisionLanguageModel
from geoglot.models.calibration import read_calibration
from geoglot.models.card import CALIBRATION, CARD, Card, read_card
from geoglot.models.known import GOOD_FOR, KNOWN
from geoglot.models.lowered import has_fast_bfloat16, has_fast_int8
from geoglot.models.model_files import load_weights
from geoglot.models.segmenter import NETWORKS, Segmenter, read_segmenter
from geoglot.models.stored import BUNDLED, bundled_folder, card_of, find_model, lasting_place
from geoglot.settings import Precision, load_settings

Model = VisionLanguageModel | Segmenter


def _clip(card: Card, folder: Path) -> VisionLanguageModel:
    from geoglot.models.graft import build_clip

    return load_weights(build_clip(card, folder), folder)


def _mini(card: Card, folder: Path) -> VisionLanguageModel:
    from geoglot.models.mini.mini import build_mini

    return load_weights(build_mini(card, folder), folder)


def _taught(card: Card, folder: Path) -> VisionLanguageModel:
    from geoglot.models.taught import read_taught

    def load(place: str) -> VisionLanguageModel:
        try:
            base = find_model(place)
        except ModelError as error:
            raise ModelError(
                f"{card.name} stands on {place}, which is not there ({error}); put it there again, or teach "
                f"{card.name} again on a model that is here"
            ) from error
        if card_of(base).family == card.family:  # it might stand on itself
            raise ModelError(f"{card.name} stands on {place}, which was taught itself; teach it again on a model")
        return load_word_model(place, device="cpu")

    return read_taught(card, folder, load)


#: The loader of each family: models that read words, each imported only when it is used, then segmenters
FAMILIES: dict[str, Callable[[Card, Path], Model]] = {
    "mini": _mini,
    "clip": _clip,
    "graft": _clip,
    "taught": _taught,
    **dict.fromkeys(NETWORKS, read_segmenter),
}


def load_model(
    model: PathLike | Model = BUNDLED, *, device: str | None = None, precision: Precision = "float32"
) -> Model:
    """A model ready to use, by name (`geoglot models list`) or by its folder. A loaded model is returned unchanged.

    It reads words, or has classes of its own if `geoglot train segment` made it. `device` is as GEOGLOT_DEVICE.
    `precision` is for image encoders; their embeddings are float32 always. "auto" is GEOGLOT_PRECISION, else bfloat16
    where it is fast; "int8" computes the blocks of a ViT by products of 8 bits, on processors with VNNI.
    """
    return _load(model, device, precision) if isinstance(model, PathLike) else model


def load_word_model(
    model: PathLike | Model = BUNDLED, *, device: str | None = None, precision: Precision = "float32"
) -> VisionLanguageModel:
    """As `load_model`; ModelError for a segmenter, before its weights are read."""
    if isinstance(model, Segmenter):
        raise _reads_no_words(model.card)
    return cast(VisionLanguageModel, _load(model, device, precision, "words")) if isinstance(model, PathLike) else model


def load_uncalibrated(name_or_path: PathLike) -> VisionLanguageModel:
    """As `load_word_model`, for a model whose calibration is to be made, whatever there is of it."""
    return cast(VisionLanguageModel, _load(name_or_path, None, "float32", "words", calibrated=False))


def load_segmenter(name_or_path: PathLike, *, device: str | None = None) -> Segmenter:
    """As `load_model`; ModelError for a model that reads words, before its weights are read."""
    return cast(Segmenter, _load(name_or_path, device, "float32", "classes"))


def _load(
    name_or_path: PathLike,
    device: str | None,
    precision: Precision,
    wanted: Literal["words", "classes", ""] = "",
    *,
    calibrated: bool = True,
) -> Model:
    folder = find_model(name_or_path)
    card = card_of(folder)
    if card.family not in FAMILIES:
        raise ModelError(f"{folder} is of the unknown family {card.family[:50]!r}; known are {', '.join(FAMILIES)}")
    if wanted == "words" and card.family in NETWORKS:
        raise _reads_no_words(card)
    if wanted == "classes" and card.family not in NETWORKS:
        raise _no_segmenter(card)
    place = choose_device(device)
    model = FAMILIES[card.family](card, folder).eval().requires_grad_(False).to(place)
    if isinstance(model, VisionLanguageModel):
        model.place = lasting_place(name_or_path)
        if calibrated and model.sense is None:  # a taught model has that of its base
            model.sense = read_calibration(model, folder)
        _lower(model, precision)
    return model


def _reads_no_words(card: Card) -> ModelError:
    return ModelError(f"{card.name} has classes of its own and reads no words; use it with: geoglot segment --model")


def _no_segmenter(card: Card) -> ModelError:
    if card.family == "taught":
        return ModelError(
            f"{card.name} is a head over a model that reads words; geoglot train words --teacher {card.name} makes a "
            "segmenter of it"
        )
    return ModelError(f"{card.name} reads words and has no classes of its own; geoglot train segment and geoglot "
                      "train words make such models")  # fmt: skip


def choose_device(name: str | None) -> torch.device:
    """The torch device of a name, or of GEOGLOT_DEVICE; `auto` takes CUDA, then Apple's MPS, then the CPU."""
    name = name or load_settings().device
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device).cpu()  # "meta" has no numbers
    except (RuntimeError, AssertionError, ValueError, OverflowError) as error:  # a torch without CUDA asserts it
        raise ModelError(f"device {name!r} cannot be used here ({error}); try auto or cpu") from None
    return device


def _lower(model: VisionLanguageModel, precision: Precision) -> None:
    """Compute images in fewer bits, where that is wanted and the family can."""
    if precision == "auto":
        precision = load_settings().precision
    if precision == "int8":
        if not has_fast_int8(model.device):
            raise ModelError("precision int8 needs VNNI, of the processor and of torch; use --device cpu, or else auto")
        model.use_int8()
    elif wants_bfloat16(precision, model.device):
        model.use_bfloat16()


def wants_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Whether to use bfloat16; `auto` uses it where it is fast."""
    return precision == "bfloat16" or (precision == "auto" and has_fast_bfloat16(device))


@dataclass(frozen=True)
class Entry:
    """One line of the list of models."""

    name: str
    state: Literal["bundled", "cached", "known", "broken"]
    title: str
    """The source of the weights; for a broken model, the reason why it cannot be loaded."""
    licence: str
    resolution: tuple[float, float]
    """Metres a pixel, (finest, coarsest)."""
    bytes: int = 0
    """Of its weights on disk, or in memory if it is not here; 0 for a broken model."""
    good_for: str = ""


def list_models() -> list[Entry]:
    """Models that can be loaded now, then models that can be pulled or converted."""
    cached = cached_models()
    here = [_entry(name, "cached", folder) for name, folder in cached.items()]
    there = [
        Entry(
            name, "known", known.title, known.licence, known.resolution, round(known.parameters * 4e6), known.good_for
        )
        for name, known in KNOWN.items()
        if name not in cached
    ]
    return [_entry(BUNDLED, "bundled", bundled_folder()), *here, *there]


def cached_models() -> dict[str, Path]:
    """Folders of the models in the cache, by name."""
    cards = sorted((load_settings().cache / "models").glob(f"*/{CARD}"))
    return {card.parent.name: card.parent for card in cards if not card.parent.name.startswith(".")}


def model_size(name_or_path: PathLike) -> int:
    """Bytes of a model's weights on disk."""
    files = find_model(name_or_path).glob("*.safetensors")
    return sum(path.stat().st_size for path in files if path.is_file() and path.name != CALIBRATION)


def _entry(name: str, state: Literal["bundled", "cached"], folder: Path) -> Entry:
    try:
        card = read_card(folder)
    except ModelError as error:
        return Entry(name, "broken", str(error), "-", (0.0, 0.0))
    return Entry(name, state, card.source, card.licence, card.resolution, model_size(name), _good_for(name, card))


def _good_for(name: str, card: Card) -> str:
    """What a model that is here is for: its classes, or what is known of its name or its family."""
    if card.classes:
        return f"maps of {format_some(card.classes)}"
    if name in KNOWN:
        return KNOWN[name].good_for
    if card.level:
        return GOOD_FOR[card.level]
    return "a first look without a network; common things and covers" if name == BUNDLED else "words"
