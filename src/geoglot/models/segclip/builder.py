"""Build a segmenter for training: its network, the texts of its classes, its first weights and its card."""

import logging
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from geoglot.errors import InputError, ModelError
from geoglot.models.base import CLIP_MEAN, CLIP_STD
from geoglot.models.card import CARD, WEIGHTS, Card, read_card
from geoglot.models.model_files import HF_WEIGHTS, read_tensors, read_weights, require_finite
from geoglot.models.segclip.backbone import Lite, ResNet, ViTPyramid, check_backbone, start_from
from geoglot.models.segclip.config import SegClipConfig
from geoglot.models.segclip.mask2former import load_mask2former
from geoglot.models.segclip.segclip import SegClip
from geoglot.models.segclip.text_prompts import TEXT_MAPPER, TEXTS
from geoglot.models.segmenter import NETWORKS, Segmenter, new_segmenter
from geoglot.models.stored import find_model
from geoglot.models.upernet import UPerNetConfig
from geoglot.models.zoo import load_word_model

log = logging.getLogger(__name__)
#: Mean and standard deviation of the pixels that the weights of a kind of backbone learned from; ImageNet's for others
_STATISTICS = {"vit": (CLIP_MEAN, CLIP_STD), "lite0": ((0.5,) * 3, (0.5,) * 3)}


@dataclass(frozen=True)
class Origins:
    """Stored models that a new segmenter is made from, each by name or folder."""

    texts: str
    """The model whose text tower reads the class names."""
    backbone: str | None
    whole: str | None


def build_segmenter(card: Card, settings: SegClipConfig | UPerNetConfig, origins: Origins) -> Segmenter:
    """The segmenter of a card whose config holds the classes only; the architecture is added to it."""
    check_backbone(settings.backbone)
    config, embeddings = dict(card.config), None
    if isinstance(settings, SegClipConfig):
        settings = replace(settings, classes=card.config["classes"])
        if settings.needs_texts:
            embeddings, config["texts"] = embed_classes(origins.texts, settings)
            settings = replace(settings, text_dim=embeddings.shape[1])
    config["network"] = asdict(settings)
    if settings.backbone.get("kind") in _STATISTICS:
        mean, std = _STATISTICS[settings.backbone["kind"]]
        card = replace(card, mean=mean, std=std)
    model = new_segmenter(replace(card, config=config), settings)
    if isinstance(model.network, SegClip) and model.network.table is not None and embeddings is not None:
        model.network.table.vectors.copy_(embeddings)
    _load_origins(model, origins)
    return model


def embed_classes(
    model: str, config: SegClipConfig
) -> tuple[Float[Tensor, "class_and_blank text_dim"], dict[str, str]]:
    """Embeddings of the class prompts and of the blank text, and a record of the model that made them."""
    reader = load_word_model(model, device="cpu")
    prompts = [config.prompts.template.replace("{}", name) for name in config.classes]
    embeddings = reader.encode_text([*prompts, config.prompts.blank])
    return F.normalize(embeddings, dim=1), {"model": model, "sha256": reader.card.sha256}


def _load_origins(model: Segmenter, origins: Origins) -> None:
    network = model.network
    if origins.whole is not None:
        folder = _folder_of(origins.whole)
        if (folder / CARD).is_file():
            missing = _load_segmenter(model, folder)
        elif isinstance(network, SegClip):
            missing = load_mask2former(network, _read_finite(folder), strict=False)
        else:
            raise InputError("a whole Mask2Former can start a segclip only; give a backbone")
        if missing:
            log.warning("%s has no weights for %d tensors, which begin at random: %s ...",
                        origins.whole, len(missing), missing[0])  # fmt: skip
    if origins.backbone is not None:
        backbone = network.get_submodule("backbone")
        assert isinstance(backbone, ResNet | Lite | ViTPyramid)
        start_from(backbone, _read_finite(_folder_of(origins.backbone)))


def _load_segmenter(model: Segmenter, folder: Path) -> list[str]:
    """Load the weights whose names and shapes agree, and those of a class by its name; returns all other names.

    The embeddings of the class texts stay, since they are those of the new classes. What maps them is loaded if the
    same model made both.
    """
    card, network = read_card(folder), model.network
    if card.family not in NETWORKS:
        raise ModelError(f"{card.name} is no Mask2Former and no segmenter to start from; it may be a backbone")
    own = {name: tensor for name, tensor in network.state_dict().items() if name != TEXTS}
    weights = read_weights(folder, card.sha256)
    if _reader_of(card) != _reader_of(model.card):
        weights = {name: tensor for name, tensor in weights.items() if not name.startswith(TEXT_MAPPER)}
    stored = {name: tensor for name, tensor in weights.items() if name in own and tensor.shape == own[name].shape}
    if not any(name.startswith("backbone.") for name in stored):
        raise ModelError(f"no weights of {card.name} fit this backbone; give the sizes that it was trained with")
    if card.classes != model.classes:
        for name in filter(_class_rows_of(network).fullmatch, own.keys() & weights.keys()):
            if weights[name].shape[1:] == own[name].shape[1:]:
                stored[name] = _by_class(own[name], weights[name], model.classes, card.classes)
    network.load_state_dict(stored, strict=False)
    return sorted(own.keys() - stored.keys())


def _reader_of(card: Card) -> str | None:
    """Hash of the model that read the class names of a segmenter."""
    sha256: str | None = card.config.get("texts", {}).get("sha256")
    return sha256


def _class_rows_of(network: nn.Module) -> re.Pattern[str]:
    """Names of weights with a row for each class: those of the heads, and the places of queries that texts begin."""
    has_queries = isinstance(network, SegClip) and network.config.prompts.on
    return re.compile(r"(?:classes|head\.classifier)\.(?:weight|bias)" + (r"|places\.weight" if has_queries else ""))


def _by_class(
    own: Float[Tensor, "row ..."], stored: Float[Tensor, "other_row ..."], classes: Sequence[str], known: Sequence[str]
) -> Float[Tensor, "row ..."]:
    """Rows of stored weights, which begin with a row for each of the `known` classes, in the order of `classes`.

    The rows of new classes stay as they are; rows that are of no class are taken from the end.
    """
    mixed = own.clone()
    if others := min(len(own) - len(classes), len(stored) - len(known)):
        mixed[-others:] = stored[-others:]
    for row, name in enumerate(classes):
        if name in known:
            mixed[row] = stored[known.index(name)]
    return mixed


def _read_finite(folder: Path) -> dict[str, Tensor]:
    """Tensors of a stored model or of a folder of transformers."""
    path = folder / (WEIGHTS if (folder / WEIGHTS).is_file() else HF_WEIGHTS)
    tensors = read_tensors(path)
    require_finite(tensors, str(path))
    return tensors


def _folder_of(name: str) -> Path:
    return Path(name) if Path(name).is_dir() else find_model(name)
