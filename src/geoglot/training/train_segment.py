"""`geoglot train segment`: train a segmenter by a recipe. The same call again resumes an interrupted run."""

import hashlib
import json
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from geoglot.aliases import PathLike, Positive, Progress
from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.check import check_once, describe_duplicates
from geoglot.datasets.dataset import Mapped
from geoglot.errors import InputError
from geoglot.models.card import Card
from geoglot.models.segclip.builder import Origins, build_segmenter
from geoglot.models.segclip.config import SegClipConfig
from geoglot.models.segmenter import IMAGENET_MEAN, IMAGENET_STD, STRIDE, Segmenter, save_segmenter
from geoglot.models.stored import resolve_model
from geoglot.models.upernet import UPerNetConfig
from geoglot.recipe import open_recipe, recipe_facts
from geoglot.training import checkpoint
from geoglot.training.chance import describe_useless
from geoglot.training.crops import CropLoader, CropSampling
from geoglot.training.identity import identity
from geoglot.training.loop import Fit, Report, fit, quiet
from geoglot.training.mask_objective import Memory, SegmentObjective
from geoglot.training.matching import MaskLoss
from geoglot.training.processes import is_main_process, join_processes, own_device, own_random_state
from geoglot.training.trackers import check_trackers
from geoglot.training.trained import MODEL, Trained, open_output

log = logging.getLogger(__name__)

CHECKED = "checked.json"
_ANY_RESOLUTION = (1e-3, 1e5)


@dataclass(frozen=True)
class SegmentData:
    """Training and validation images."""

    set: str
    """Name of a data set (`geoglot datasets list`)."""
    folder: Path
    """Its folder, as published or as `geoglot datasets tile` made it."""
    train: str = "train"
    validation: str | None = "val"
    resolution: tuple[Positive, Positive] | None = None
    """Metres a pixel, (finest, coarsest); by default as the data set states."""

    def __post_init__(self) -> None:
        if self.resolution and self.resolution[0] > self.resolution[1]:
            raise InputError(f"data.resolution must be the finest, then the coarsest, got {list(self.resolution)}")

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that are read, training first."""
        return (self.train,) if self.validation is None else (self.train, self.validation)


@dataclass(frozen=True)
class SegmentRecipe:
    """Everything that decides a segmenter."""

    name: str
    output: Path
    """Folder for checkpoints, metrics and the model."""
    data: SegmentData
    architecture: Literal["segclip", "upernet"] = "segclip"
    texts: str = "clip-vit-b-16"
    """The model whose text tower reads the class names, by name or folder."""
    backbone: str | None = None
    """Weights that the backbone starts from: a folder of transformers' ResNet or of a satellite tower. The backbone
    then learns at a tenth of the rate, and its batch norms keep their statistics."""
    whole: str | None = None
    """Weights that the whole network starts from, where sizes agree: a folder of transformers' Mask2Former, or the
    model of another run."""
    model: SegClipConfig = field(default_factory=SegClipConfig)
    upernet: UPerNetConfig = field(default_factory=UPerNetConfig)
    """Settings of the network if `architecture` is upernet."""
    crops: CropSampling = field(default_factory=CropSampling)
    loss: MaskLoss = field(default_factory=MaskLoss)
    memory: Memory = field(default_factory=Memory)
    fit: Fit = field(
        default_factory=lambda: Fit(
            steps=80_000, rate=1e-4, warmup=0.0, schedule="poly", weight_decay=0.05, clip=0.01,
            checkpoint_every=1000, evaluate_every=5000,
        )
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.model.classes:
            raise InputError("model.classes come from the data set; leave them out")


def train_segment(
    recipe: SegmentRecipe | PathLike,
    device: str | None = None,
    report: Report = quiet,
    progress: Progress | None = None,
) -> Trained:
    """Train a segmenter by a recipe or its file, from the last checkpoint if there is one.

    `report` follows the steps, `progress` the check of images and masks. Raises InputError, SourceError or ModelError
    for what cannot be used, before the first step.
    """
    asked, folder = open_recipe(recipe, SegmentRecipe)
    facts = recipe_facts(asked, folder, "output")
    place = own_device(device)
    splits = read_splits(asked.data)
    names = [words.name for words in splits[0].classes]
    images = [os.path.relpath(image, asked.data.folder) for image in splits[0].images]
    order = hashlib.sha256(json.dumps([names, images]).encode()).hexdigest()[:16]  # decides every sample
    with own_random_state(place, asked.fit.seed):
        model = build(asked, folder, splits[0]).to(place)
    run = identity(facts, **{"the text model": model.card.config.get("texts"), "the images": order})
    target = asked.output / MODEL
    hint = f' and whole = "{target}" to start from its weights' if target.is_dir() else ""
    begun = checkpoint.check_identity(run, asked.output, hint)
    check_trackers(asked.fit.track, asked.fit.tensorboard)
    open_output(asked.output)
    # The last check, because it takes longest
    notes = _check_data(asked.data, asked.output / CHECKED, progress, begun) if is_main_process() else ()
    with join_processes(place) as process:
        _check_batch(asked.crops.batch, process.world_size, asked.memory.parts, asked.architecture)
        objective = SegmentObjective(
            model, CropLoader(splits[0], asked.crops, process), splits[1] if len(splits) > 1 else None, asked.loss,
            bfloat16=asked.fit.bfloat16, pretrained=asked.backbone is not None or asked.whole is not None,
            memory=asked.memory,
        )  # fmt: skip
        fitted = fit(objective, asked.fit, asked.output, run, process, report)
        if process.rank == 0:
            assert isinstance(fitted.model, Segmenter)
            save_segmenter(fitted.model.cpu(), target)
    useless = describe_useless(fitted.metrics)
    for note in useless:
        log.warning("%s", note)
    return Trained(asked.output, asked.fit.steps, fitted.metrics, (*notes, *fitted.notes, *useless))


def read_splits(data: SegmentData) -> list[Mapped]:
    """Training images, and validation images if the recipe has any."""
    dataset = dataset_of(data.set)
    for split in data.splits:
        dataset.check("segmentation", split)
    return [cast(Mapped, dataset.read(data.folder, split)) for split in data.splits]


def build(asked: SegmentRecipe, folder: Path, samples: Mapped) -> Segmenter:
    """The segmenter of a recipe before its first step; names of models may be folders in `folder`."""
    data, (smallest, largest) = asked.data, asked.crops.scales
    finest, coarsest = data.resolution or dataset_of(data.set).resolution_of(data.folder) or _ANY_RESOLUTION
    card = Card(
        name=asked.name, family=asked.architecture, dim=0, patch_size=STRIDE, tile_size=asked.crops.side,
        resolution=(finest / largest, coarsest / smallest), mean=IMAGENET_MEAN, std=IMAGENET_STD, logit_scale=1.0,
        licence=f"that of {data.set}", source=f"trained by geoglot on {data.set} ({data.train})",
        config={"classes": tuple(words.name for words in samples.classes)},
    )  # fmt: skip
    origins = Origins(
        texts=resolve_model(asked.texts, folder),
        backbone=asked.backbone and resolve_model(asked.backbone, folder),
        whole=asked.whole and resolve_model(asked.whole, folder),
    )
    return build_segmenter(card, asked.upernet if asked.architecture == "upernet" else asked.model, origins)


def _check_data(data: SegmentData, stamp: Path, progress: Progress | None, begun: bool) -> tuple[str, ...]:
    """Notes on images and masks; SourceError if some are damaged. `stamp` is the file that remembers the check."""
    dataset = dataset_of(data.set)
    train, *others = (check_once(dataset, data.folder, split, stamp, progress, begun=begun) for split in data.splits)
    notes = [note for checked in (train, *others) for note in checked.notes]
    if others and data.validation is not None and data.validation != data.train:
        notes += filter(None, [describe_duplicates(train.digests, others[0].digests, data.validation)])
    for note in dict.fromkeys(notes):
        log.warning("%s", note)
    return tuple(dict.fromkeys(notes))


def _check_batch(batch: int, processes: int, parts: int, architecture: str) -> None:
    """Raise InputError for a number of crops that does not suit the processes and the parts of each."""
    count = processes * parts
    if batch % count:
        raise InputError(
            f"crops.batch must be a multiple of {count} (processes: {processes}, memory.parts: {parts}), got {batch}; "
            f"give {batch + -batch % count}, or change memory.parts or the number of processes"
        )
    if architecture == "upernet" and batch // count < 2:
        raise InputError("a upernet normalises over the crops of a part; give two or more of them in crops.batch")
