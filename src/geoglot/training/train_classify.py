"""`geoglot train classify`: fine-tune the image tower of a word model on images with one class each.

The head is the words of the classes and stays as it is: an image is pulled to the words of its class by the softmax
that `classify` computes. So the result is a word model as before, every door takes it, and words that were not trained
keep their meaning as far as the tower does.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from geoglot.aliases import Amount, Count, PathLike, Positive, Progress
from geoglot.datasets.catalogue import dataset_of
from geoglot.datasets.dataset import Scenes, read_one_class
from geoglot.errors import InputError
from geoglot.evaluation.image_vectors import Fit as Fitting
from geoglot.evaluation.image_vectors import encode_pictures
from geoglot.evaluation.image_vectors import fit as fit_picture
from geoglot.models.clip import Clip
from geoglot.models.model_files import save_model
from geoglot.models.stored import resolve_model
from geoglot.models.zoo import load_word_model
from geoglot.options import TEMPLATES
from geoglot.recipe import open_recipe, recipe_facts
from geoglot.scene.text_vectors import text_vectors
from geoglot.training import checkpoint
from geoglot.training.augment import recolour
from geoglot.training.crops import Crops, image_at, load_crops
from geoglot.training.identity import identity
from geoglot.training.loop import Fit, Report, fit, quiet
from geoglot.training.objective import ParameterGroup, decay_groups
from geoglot.training.processes import SINGLE, Process, join_processes, own_device
from geoglot.training.trackers import check_trackers
from geoglot.training.trained import Trained, open_output

_BATCH = 16  # validation images at a time


@dataclass(frozen=True)
class ClassifyData:
    """Images with one class each."""

    set: str
    """Name of a data set (`geoglot datasets list`)."""
    folder: Path
    train: str = "train"
    validation: str | None = None
    """Another split; the weights with the highest accuracy on it are kept."""


@dataclass(frozen=True)
class ClassifySampling:
    """How images are sampled."""

    batch: Count = 64
    """Images a step, over all processes."""
    fit: Fitting = "resize"
    """How a picture becomes a square of the model's size: resize, mirror or black, as in `geoglot evaluate`."""
    augment: bool = True
    """Mirror, turn and recolour."""
    workers: Amount = 2
    """Processes that read images ahead of the tower."""
    seed: Amount = 0


@dataclass(frozen=True)
class ClassifyFit(Fit):
    """Settings of the training loop."""

    steps: Count = 500
    rate: Positive = 1e-5


@dataclass(frozen=True)
class ClassifyRecipe:
    """Everything that decides a fine-tuned model."""

    name: str
    output: Path
    model: str
    """The CLIP or GRAFT to fine-tune, by name or folder."""
    data: ClassifyData
    templates: tuple[str, ...] = TEMPLATES
    sampling: ClassifySampling = field(default_factory=ClassifySampling)
    fit: ClassifyFit = field(default_factory=ClassifyFit)


def train_classify(
    recipe: ClassifyRecipe | PathLike,
    device: str | None = None,
    report: Report = quiet,
    progress: Progress | None = None,
) -> Trained:
    """Fine-tune a tower by a recipe or its file, from the last checkpoint if there is one.

    Raises InputError, SourceError or ModelError for what cannot be used, before the first step.
    """
    asked, folder = open_recipe(recipe, ClassifyRecipe)
    facts, place = recipe_facts(asked, folder, "output"), own_device(device)
    model = load_word_model(resolve_model(asked.model, folder), device=str(place))
    if not isinstance(model, Clip) or model.card.bands != 3:
        raise InputError(f"model must be a CLIP or a GRAFT of RGB, got {model.card.name}, family {model.card.family!r}")
    train, validation = _read_splits(asked.data)
    images = hashlib.sha256(json.dumps([len(train), train.shows.argmax(1).tolist()]).encode()).hexdigest()[:16]
    run = identity(facts, **{"the model": model.card.sha256, "the images": images})
    checkpoint.check_identity(run, asked.output)
    check_trackers(asked.fit.track, asked.fit.tensorboard)
    target = open_output(asked.output)
    with torch.inference_mode():
        texts = text_vectors(model, [label.word for label in train.classes], asked.templates)
    with join_processes(place) as process:
        if asked.sampling.batch % process.world_size:
            raise InputError(f"a batch of {asked.sampling.batch} does not divide among {process.world_size} processes")
        objective = ClassifyObjective(_freeze(model), texts.clone(), asked, train, validation, process)
        fitted = fit(objective, asked.fit, asked.output, run, process, report)
        if process.rank == 0:
            assert isinstance(fitted.model, Clip)
            tower = fitted.model.requires_grad_(False)
            source = f"{model.card.name}, fine-tuned by geoglot on {asked.data.set} ({asked.data.train})"
            tower.card = replace(tower.card, name=asked.name, source=source, sha256="")
            save_model(tower.cpu(), target)
    return Trained(asked.output, asked.fit.steps, fitted.metrics, fitted.notes)


def _read_splits(data: ClassifyData) -> tuple[Scenes, Scenes | None]:
    dataset = dataset_of(data.set)
    train = read_one_class(dataset, data.folder, data.train)
    return train, read_one_class(dataset, data.folder, data.validation) if data.validation else None


def _freeze(model: Clip) -> Clip:
    """Leave the image tower to learn, and its head as far as the level of the model uses it."""
    model.requires_grad_(False)
    model.vision_model.requires_grad_(True)
    if model.card.level == "pixel":
        model.vision_model.post_layernorm.requires_grad_(False)
        model.get_submodule("projector").requires_grad_(True)
    else:
        model.visual_projection.requires_grad_(True)
    return model


@dataclass(frozen=True)
class ImageBatch:
    """The images of one step."""

    pixels: Float[Tensor, "image 3 side side"]
    label: Int[Tensor, " image"]


class _Images(Crops):
    def __init__(self, samples: Scenes, sampling: ClassifySampling, side: int) -> None:
        self.samples, self.sampling, self.side = samples, sampling, side
        self.labels = samples.shows.argmax(1)

    def crop(self, position: int) -> tuple[Tensor, ...]:
        rng = np.random.default_rng((self.sampling.seed, position))
        index = image_at(position, len(self.samples), self.sampling.seed)
        pixels = self.samples.pictures[index]()
        if self.sampling.augment:  # before padding, which must look as it will when the model is used
            pixels = np.rot90(pixels, int(rng.integers(4)), (1, 2))
            pixels = recolour(pixels[:, :, ::-1] if rng.random() < 0.5 else pixels, rng)
        picture = torch.from_numpy(np.ascontiguousarray(pixels))
        return fit_picture(picture, self.side, self.sampling.fit), torch.tensor(int(self.labels[index]))


class ClassifyObjective:
    """Pulls images to the words of their classes."""

    def __init__(
        self,
        model: Clip,
        texts: Float[Tensor, "class dim"],
        asked: ClassifyRecipe,
        train: Scenes,
        validation: Scenes | None,
        process: Process = SINGLE,
    ) -> None:
        self.model, self.texts, self.asked, self.validation, self.process = model, texts, asked, validation, process
        self.images = _Images(train, asked.sampling, model.card.tile_size)
        self.batch, self.best = (asked.sampling.batch, "images"), "top1" if validation else ""

    def groups(self, weight_decay: float) -> list[ParameterGroup]:
        return decay_groups(self.model.parameters(), weight_decay)

    def batches(self, first_step: int, stop: int) -> Iterator[ImageBatch]:
        sampling = self.asked.sampling
        for pixels, label in load_crops(self.images, sampling.batch, sampling.workers, self.process, first_step, stop):
            yield ImageBatch(pixels, label)

    def backward(self, batch: ImageBatch) -> Mapping[str, float]:
        pixels, label = batch.pixels.to(self.model.device), batch.label.to(self.model.device)
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=self.asked.fit.bfloat16):
            vectors = self.model.encode_image(pixels)
        loss = F.cross_entropy(self.model.card.logit_scale * vectors.float() @ self.texts.T, label)
        loss.backward()  # type: ignore[no-untyped-call]
        return {"loss": float(loss.detach())}

    @torch.inference_mode()
    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """Accuracy on the validation images."""
        if self.validation is None:
            return {}
        assert isinstance(model, Clip)
        vectors = encode_pictures(model, self.validation.pictures, self.asked.sampling.fit, _BATCH)
        guess = (vectors @ self.texts.cpu().T).argmax(1).numpy()
        return {"top1": float((guess == self.validation.shows.argmax(1)).mean())}
