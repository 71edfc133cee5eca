"""`geoglot train segment`: from a recipe to a segmenter. Running it again goes on where it was."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from geoglot.aliases import Positive, Progress
from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.check import check_once, describe_duplicates
from geoglot.datasets.dataset import DataSet, Mapped
from geoglot.errors import InputError
from geoglot.models.base import Card
from geoglot.models.model_files import CARD, HF_WEIGHTS, WEIGHTS, read_tensors, require_finite
from geoglot.models.preprocess import CLIP_MEAN, CLIP_STD
from geoglot.models.segclip.backbone import ResNet, ViTPyramid, check_backbone, start_from
from geoglot.models.segclip.config import SegClipConfig
from geoglot.models.segclip.mask2former import load_mask2former
from geoglot.models.segclip.segclip import SegClip
from geoglot.models.segmenter import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    MULTIPLE,
    NETWORKS,
    STRIDE,
    Segmenter,
    save_segmenter,
    start_from_stored,
)
from geoglot.models.zoo import find_model, load_model
from geoglot.recipe import beside, read_recipe
from geoglot.settings import load_settings
from geoglot.training import checkpoint
from geoglot.training.crops import CropLoader, Crops
from geoglot.training.identity import identity
from geoglot.training.loop import Fit, Report, fit, quiet
from geoglot.training.mask_objective import SegmentObjective
from geoglot.training.matching import MaskLoss
from geoglot.training.processes import Process, is_main_process, join_processes, own_device, seed_torch
from geoglot.training.trained import Trained, from_its_weights, open_output, trained_of

log = logging.getLogger(__name__)

CHECKED = "checked.json"


@dataclass(frozen=True)
class Data:
    """What is learned from."""

    set: str
    """Name of a data set (`geoglot datasets list`)."""
    folder: Path
    """Where it lies, as published or as `geoglot datasets tile` made it."""
    train: str = "train"
    validation: str | None = "val"
    resolution: tuple[Positive, Positive] | None = None
    """Metres a pixel, (finest, coarsest); what the data set says, if not given."""

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that are read, training first."""
        return (self.train,) if self.validation is None else (self.train, self.validation)


@dataclass(frozen=True)
class Pixelwise:
    """The baseline UPerNet, where `architecture` asks for it."""

    backbone: dict[str, Any] = field(default_factory=dict)
    width: int = 512


@dataclass(frozen=True)
class SegmentRecipe:
    """Everything that decides a segmenter."""

    name: str
    output: Path
    """Folder for checkpoints, metrics and the model."""
    data: Data
    architecture: Literal["segclip", "upernet"] = "segclip"
    texts: str = "clip-vit-b-16"
    """The model whose text tower reads the class names, by name or folder."""
    backbone: str | None = None
    """Weights that the backbone starts from: a folder of transformers' ResNet or of a satellite tower; it then learns
    at a tenth of the rate, and its norms keep their statistics."""
    whole: str | None = None
    """What the whole network starts from, where sizes agree: a folder of transformers' Mask2Former, or the model of
    another run."""
    model: SegClipConfig = field(default_factory=SegClipConfig)
    upernet: Pixelwise = field(default_factory=Pixelwise)
    crops: Crops = field(default_factory=Crops)
    loss: MaskLoss = field(default_factory=MaskLoss)
    fit: Fit = field(
        default_factory=lambda: Fit(80_000, 1e-4, 0.0, "poly", 0.05, 0.01, checkpoint_every=1000, evaluate_every=5000)
    )

    @property
    def features(self) -> dict[str, Any]:
        """The configuration of the backbone."""
        return (self.upernet if self.architecture == "upernet" else self.model).backbone


def train_segment(
    recipe: Path, device: str | None = None, report: Report = quiet, progress: Progress | None = None
) -> Trained:
    """Train as a recipe says, from the last checkpoint if there is one; `progress` is told of the check of the masks.

    Raises InputError, SourceError or ModelError for what cannot be meant or read, before any time is spent.
    """
    asked = read_recipe(recipe, SegmentRecipe)
    _check(asked)
    train, validation = _read(asked.data)
    place = own_device(device or load_settings().device)
    seed_torch(asked.fit.seed)
    model = build(asked, recipe.parent, train).to(place)
    read = {"the text model": model.card.config.get("texts"), "the images": _contents(train, asked.data.folder)}
    fingerprint = identity(asked, recipe.parent, **read)
    checkpoint.check(fingerprint, asked.output, from_its_weights(asked.output))
    target = open_output(asked.output)
    notes = _check_data(asked, progress) if is_main_process() else ()  # last, for it takes longest
    with join_processes(place) as process:
        _check_batch(asked, process)
        objective = SegmentObjective(
            model, CropLoader(train, asked.crops, process), validation, asked.loss,
            bfloat16=asked.fit.bfloat16, pretrained=asked.backbone is not None or asked.whole is not None,
        )  # fmt: skip
        fitted = fit(objective, asked.fit, asked.output, fingerprint, process, report)
        if process.rank == 0:
            assert isinstance(fitted.model, Segmenter)
            save_segmenter(fitted.model.cpu(), target)
    return trained_of(asked.output, asked.fit.steps, fitted, notes)


def _check_data(asked: SegmentRecipe, progress: Progress | None) -> tuple[str, ...]:
    """Notes of images and masks that are whole; SourceError where they are not."""
    data, stamp = asked.data, asked.output / CHECKED
    checked = {split: check_once(dataset_of(data.set), data.folder, split, stamp, progress) for split in data.splits}
    notes = dict.fromkeys(note for whole in checked.values() for note in whole.notes)
    for split in data.splits[1:]:
        if split != data.train and (
            told := describe_duplicates(checked[data.train].digests, checked[split].digests, split)
        ):
            notes[told] = None
    for note in notes:
        log.warning("%s", note)
    return tuple(notes)


def _check(asked: SegmentRecipe) -> None:
    if asked.crops.side % MULTIPLE:
        raise InputError(f"crops.side is a multiple of {MULTIPLE}, not {asked.crops.side}")
    if asked.crops.scales[0] > asked.crops.scales[1]:
        raise InputError(f"crops.scales are the smallest and the largest, not {list(asked.crops.scales)}")
    if asked.data.resolution and asked.data.resolution[0] > asked.data.resolution[1]:
        raise InputError(f"data.resolution is the finest, then the coarsest, not {list(asked.data.resolution)}")
    if asked.model.classes:
        raise InputError("model.classes come from the data set; leave them out")
    if asked.model.width % asked.model.heads:
        raise InputError(
            f"model.width is a multiple of model.heads, and {asked.model.width} is none of {asked.model.heads}"
        )
    if "{}" not in asked.model.prompts.template:
        raise InputError(
            f"model.prompts.template has {{}} where the class goes, and {asked.model.prompts.template!r} has none"
        )


def _check_batch(asked: SegmentRecipe, process: Process) -> None:
    batch, each = asked.crops.batch, asked.crops.batch // process.world_size
    if batch % process.world_size:
        raise InputError(
            f"a batch of {batch} crops does not divide among {process.world_size} processes; "
            f"start a number that divides it, or give {batch + -batch % process.world_size} in crops.batch"
        )
    if asked.architecture == "upernet" and each < 2:
        raise InputError("a upernet normalises over the crops of a process; give two or more of them in crops.batch")


def _contents(samples: Mapped, folder: Path) -> str:
    """Of what the order of the images and the meaning of ids are drawn from: another set is another run."""
    names = [one.name for one in samples.classes]
    images = [os.path.relpath(image, folder) for image in samples.images]
    return hashlib.sha256(json.dumps([names, images]).encode()).hexdigest()[:16]


def _read(data: Data) -> tuple[Mapped, Mapped | None]:
    """Training and validation images."""
    found = dataset_of(data.set)
    splits = [_split(found, data.folder, split) for split in data.splits]
    return splits[0], splits[1] if len(splits) > 1 else None


def _split(found: DataSet, folder: Path, split: str) -> Mapped:
    found.check("segmentation", split)
    samples = found.read(folder, split)
    assert isinstance(samples, Mapped)
    return samples


def build(asked: SegmentRecipe, folder: Path, samples: Mapped) -> Segmenter:
    """The segmenter of a recipe before its first step, with the weights that it starts from."""
    check_backbone(asked.features)
    names = tuple(one.name for one in samples.classes)
    config: dict[str, Any] = {"classes": names}
    vectors = None
    if asked.architecture == "upernet":
        config["network"] = asdict(asked.upernet)
    else:
        network = replace(asked.model, classes=names)
        if network.needs_texts:
            vectors, config["texts"] = texts_of(beside(asked.texts, folder), network)
            network = replace(network, text_dim=vectors.shape[1])
        config["network"] = asdict(network)
    model = Segmenter(_card(asked, config), NETWORKS[asked.architecture](config))
    if vectors is not None:
        assert isinstance(model.network, SegClip)
        assert model.network.table is not None
        model.network.table.vectors.copy_(vectors)
    _start(model.network, asked, folder)
    return model


def _card(asked: SegmentRecipe, config: dict[str, Any]) -> Card:
    data = asked.data
    own = (
        data.resolution or dataset_of(data.set).resolution_of(data.folder) or (1e-3, 1e5)
    )  # any, where it is not known
    understood = (own[0] / asked.crops.scales[-1], own[1] / asked.crops.scales[0])
    kind = asked.features.get("kind", "resnet")
    mean, std = (CLIP_MEAN, CLIP_STD) if kind == "vit" else (IMAGENET_MEAN, IMAGENET_STD)
    return Card(
        asked.name, asked.architecture, 0, STRIDE, asked.crops.side, understood, mean, std, 1.0,
        f"that of {asked.data.set}", f"trained by geoglot on {asked.data.set} ({asked.data.train})", config=config,
    )  # fmt: skip


def texts_of(name: str, config: SegClipConfig) -> tuple[Float[Tensor, "class_and_blank text_dim"], dict[str, str]]:
    """The text vectors of the classes and of the blank text, and where they come from."""
    reader = load_model(name, device="cpu")
    texts = [config.prompts.template.replace("{}", one) for one in config.classes]
    vectors = reader.encode_text([*texts, config.prompts.blank])
    return F.normalize(vectors, dim=1), {"model": name, "sha256": reader.card.sha256}


def _start(network: nn.Module, asked: SegmentRecipe, folder: Path) -> None:
    """Weights from elsewhere: of the backbone, or of a whole Mask2Former."""
    if asked.whole is not None and (lacking := _start_whole(network, beside(asked.whole, folder))):
        log.warning("%s did not give %d tensors, which begin at random: %s ...", asked.whole, len(lacking), lacking[0])
    if asked.backbone is not None:
        backbone = network.get_submodule("backbone")
        assert isinstance(backbone, ResNet | ViTPyramid)
        start_from(backbone, _tensors(beside(asked.backbone, folder)))


def _start_whole(network: nn.Module, name: str) -> list[str]:
    """From a segmenter of ours or a Mask2Former; gives what begins at random."""
    folder = _folder(name)
    if (folder / CARD).is_file():
        return start_from_stored(network, folder)
    if not isinstance(network, SegClip):
        raise InputError("a whole Mask2Former can start a segclip only; give a backbone")
    return load_mask2former(network, _tensors(name), strict=False)


def _tensors(name: str) -> dict[str, Tensor]:
    """Of a stored model or of a folder of transformers."""
    folder = _folder(name)
    path = folder / (WEIGHTS if (folder / WEIGHTS).is_file() else HF_WEIGHTS)
    tensors = read_tensors(path)
    require_finite(tensors, str(path))
    return tensors


def _folder(name: str) -> Path:
    return Path(name) if Path(name).is_dir() else find_model(name)
