"""Convert foreign checkpoints to a model folder: a card, a safetensors file and a tokenizer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from geoglot.errors import ConvertError
from geoglot.figures import format_list
from geoglot.models.calibration import calibrate
from geoglot.models.card import CONFIG, TOKENIZER, Card
from geoglot.models.convert import layouts
from geoglot.models.convert.checkpoint_files import read_checkpoint
from geoglot.models.convert.level import tell_level
from geoglot.models.convert.other_kinds import describe_other_kind
from geoglot.models.huggingface import ANY_RESOLUTION, UNSTATED_SCALE, clip_card, read_config, scale_of
from geoglot.models.known import KNOWN, Activation, Level
from geoglot.models.model_files import DERIVED, fill_model, read_weights, require_finite, require_fit, whole_folder
from geoglot.models.sizes import check_clip
from geoglot.models.stored import BUNDLED, card_of, find_model
from geoglot.models.zoo import load_uncalibrated

#: GRAFT's fixed 1 / temperature (arXiv 2312.06960, tau = 0.07)
GRAFT_SCALE = 1 / 0.07


@dataclass(frozen=True)
class Conversion:
    """Facts that a checkpoint does not state about itself."""

    name: str
    resolution: tuple[float, float] = ANY_RESOLUTION
    """Metres a pixel, (finest, coarsest), of its training data."""
    licence: str = "as its source says"
    source: str = ""
    """Origin of the weights; the file name if empty."""
    activation: Activation | None = None
    """Needed if there is no config.json beside the weights, which do not contain it."""
    text: str | Path | None = None
    """For GRAFT: name or folder of the CLIP whose text tower it uses."""
    level: Level | None = None
    """For GRAFT: which embeddings were trained; None tells it from the weights, where they tell."""
    tokenizer: Path | None = None
    """Folder of a tokenizer.json, if there is none beside the checkpoint (as for OpenCLIP's)."""


def conversion_of(name: str) -> Conversion:
    """The facts about a published model; for any other model only its name."""
    known = KNOWN.get(name)
    if known is None:
        return Conversion(name)
    return Conversion(
        name=name,
        resolution=known.resolution,
        licence=known.licence,
        source=f"{known.title}; {known.page}",
        activation=known.activation,
        text=known.text or None,
        level=known.level,
    )


def convert(source: Path, target: Path, about: Conversion) -> Card:
    """Convert a checkpoint (.pt, .bin, .ckpt, .safetensors, or a folder of transformers) to a model folder.

    The folder is written whole or not at all. Raises ConvertError with every name that does not fit.
    """
    if BUNDLED in (about.name, str(target)):  # by that name the bundled model would be taken
        raise ConvertError(f"{BUNDLED} is the name of the model that comes with geoglot; give another name")
    tensors = layouts.strip_wrappers(read_checkpoint(source))
    if message := describe_other_kind(tensors):
        raise ConvertError(f"{source}: {message}")
    weights = {name: tensor for name, tensor in tensors.items() if name not in layouts.OPENCLIP_EXTRAS}
    require_finite(weights, str(source))
    if layouts.is_graft(tensors):
        return _convert_graft(layouts.from_graft(tensors), source, target, about)
    if layouts.is_openclip(tensors):
        tensors = layouts.from_openclip(tensors)
    folder = source if source.is_dir() else source.parent
    if (folder / CONFIG).is_file():
        config = _stated_config(folder, about.activation)
    elif about.activation is not None:
        config = layouts.clip_config(tensors, about.activation)
    else:
        raise ConvertError(
            "no config.json beside the weights states their activation; give --activation quick_gelu "
            "(they started from OpenAI's CLIP) or --activation gelu (from LAION's)"
        )
    scale = scale_of(tensors["logit_scale"], source) if "logit_scale" in tensors else UNSTATED_SCALE
    card = _card("clip", config, scale, source, about)
    return _store(target, card, tensors, _tokenizer(about.tokenizer or folder))


def _stated_config(folder: Path, activation: Activation | None) -> dict[str, Any]:
    """Sizes by the config.json of a folder; ConvertError if it is one of a model with another activation."""
    config = read_config(folder)
    stated = sorted({config[tower]["hidden_act"] for tower in ("text_config", "vision_config")})
    if activation is not None and stated != [activation]:
        raise ConvertError(
            f"{folder / CONFIG} states the activation {format_list(stated)}, and not {activation}; move it away if it "
            "is another model's, or else leave out --activation"
        )
    return config


def _convert_graft(tensors: dict[str, Tensor], source: Path, target: Path, about: Conversion) -> Card:
    if about.text is None:
        raise ConvertError(
            f"{source} has an image tower and no text tower, as GRAFT's checkpoints; "
            "name the CLIP whose text tower it uses with --text"
        )
    folder = find_model(about.text)
    text_model = card_of(folder)
    if text_model.family not in ("clip", "graft"):
        raise ConvertError(
            f"{about.text} has no text tower of CLIP; name a model that has one, such as clip-vit-b-16, with --text"
        )
    check_clip(text_model)
    text_weights = read_weights(folder, text_model.sha256)
    activation = about.activation or text_model.config["vision_config"]["hidden_act"]
    config = {
        "projection_dim": text_model.dim,
        "vision_config": layouts.vision_config(tensors, activation),
        "text_config": text_model.config["text_config"],
    }
    # Without a head for patches it is a CLIP
    family = "graft" if any(name.startswith("projector.") for name in tensors) else "clip"
    level = about.level or (tell_level(tensors, text_weights) if family == "graft" else "image")
    card = replace(_card(family, config, GRAFT_SCALE, source, about), level=level)
    text = {
        name: tensor for name, tensor in text_weights.items() if name.startswith(("text_model.", "text_projection."))
    }
    return _store(target, card, tensors | text, _tokenizer(about.tokenizer or folder))


def _card(family: str, config: dict[str, Any], scale: float, source: Path, about: Conversion) -> Card:
    return replace(
        clip_card(about.name, config, scale, source if source.is_dir() else source.parent), family=family,
        resolution=about.resolution, licence=about.licence, source=about.source or source.resolve().name,
    )  # fmt: skip


def _store(target: Path, card: Card, tensors: Mapping[str, Tensor], tokenizer: Path) -> Card:
    """Write the model; ConvertError or ModelError if weights or tokenizer do not fit the card."""
    from geoglot.models.graft import build_clip

    weights = {name: tensor for name, tensor in tensors.items() if not name.endswith(DERIVED)}
    require_fit(
        build_clip(card, tokenizer).state_dict(),
        weights,
        f"{card.name} does not fit a {card.family} model",
        ConvertError,
    )
    text = (tokenizer / TOKENIZER).read_text(encoding="utf-8")
    with whole_folder(target) as draft:  # a model that lacks its calibration would find absurd words
        stored = fill_model(draft, card, weights, text)
        calibrate(load_uncalibrated(draft.absolute()), draft)
    return stored


def _tokenizer(place: Path) -> Path:
    """The folder of a tokenizer.json; `place` is the folder or the file."""
    folder = place.parent if place.name == TOKENIZER else place
    if not (folder / TOKENIZER).is_file():
        raise ConvertError(
            f"{folder} holds no {TOKENIZER}; give the folder of one with --tokenizer "
            "(OpenCLIP's and OpenAI's models share that of openai/clip-vit-base-patch16)"
        )
    return folder
