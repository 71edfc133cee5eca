"""`geoglot train align`: train a GRAFT model by a recipe. The same call again resumes an interrupted run."""

import hashlib
import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from geoglot.aliases import Count, PathLike, Positive, Progress
from geoglot.errors import InputError
from geoglot.models.base import VisionLanguageModel
from geoglot.models.clip import Clip
from geoglot.models.graft import Graft, start_graft
from geoglot.models.model_files import save_model
from geoglot.models.stored import resolve_model
from geoglot.models.zoo import load_word_model
from geoglot.pairs.embed_photos import embed
from geoglot.pairs.pair_store import PairSet
from geoglot.pairs.schema import Links
from geoglot.pairs.validate import validate
from geoglot.recipe import open_recipe, recipe_facts
from geoglot.training import checkpoint
from geoglot.training.align_objective import AlignObjective, AlignSettings, SatelliteModel
from geoglot.training.identity import identity
from geoglot.training.loop import Fit, Report, fit, quiet
from geoglot.training.pair_batches import PairLoader, PairSampling
from geoglot.training.processes import Process, join_processes, own_device
from geoglot.training.trackers import check_trackers
from geoglot.training.trained import Trained, open_output


@dataclass(frozen=True)
class AlignFit(Fit):
    """Settings of the training loop."""

    epochs: Positive | None = None
    """Passes over all tiles, in place of `steps`; 10 in the paper."""

    def counted(self, tiles: int, batch: int) -> Fit:
        """With as many steps as the epochs take."""
        return self if self.epochs is None else replace(self, steps=math.ceil(self.epochs * tiles / batch))


@dataclass(frozen=True)
class AlignRecipe:
    """Everything that decides a GRAFT model."""

    name: str
    pairs: PathLike
    """The pair set: a folder, or a URL such as s3://bucket/pairs."""
    output: Path
    """Folder for checkpoints, metrics and the model."""
    ground: str
    """The CLIP that embeds photos and texts, by name or folder."""
    start: str | None = None
    """A GRAFT or a CLIP as which the satellite tower starts, by name or folder; None is the ground CLIP."""
    validation: PathLike | None = None
    """A pair set of other ground."""
    workers: Count = 2
    """Threads that read batches ahead of the tower; they do not change the result."""
    sampling: PairSampling = field(default_factory=PairSampling)
    loss: AlignSettings = field(default_factory=AlignSettings)
    fit: AlignFit = field(default_factory=AlignFit)


def train_align(
    recipe: AlignRecipe | PathLike,
    device: str | None = None,
    report: Report = quiet,
    progress: Progress | None = None,
) -> Trained:
    """Train a GRAFT model by a recipe or its file, from the last checkpoint if there is one.

    `progress` follows the embedding of photos by the ground tower, `report` the steps. Raises InputError, SourceError
    or ModelError for what cannot be used, before the first step.
    """
    asked, folder = open_recipe(recipe, AlignRecipe)
    facts = recipe_facts(asked, folder, "output", "workers")
    place = own_device(device)
    ground = load_word_model(resolve_model(asked.ground, folder), device=str(place))
    if not isinstance(ground, Clip) or isinstance(ground, Graft) or ground.card.level:  # a GRAFT's tower is for tiles
        raise InputError(
            f"ground must be a CLIP, from which a satellite tower begins, got {ground.card.name}, which is of the "
            f"family {ground.card.family!r}"
        )
    start = load_word_model(resolve_model(asked.start, folder), device=str(place)) if asked.start else ground
    if not isinstance(start, Clip):
        raise InputError(f"start must be a GRAFT or a CLIP, got {start.card.name}, of the family {start.card.family!r}")
    pairs, validation = _open_pairs(asked, start.card.patch_size)
    settings = asked.fit.counted(pairs.tiles, asked.sampling.batch)
    sizes = repr([(shard.tiles, shard.photos) for shard in pairs.shards])  # decide the order of the tiles
    inputs = {"the ground model": ground.card.sha256, "the pairs": hashlib.sha256(sizes.encode()).hexdigest()[:16]}
    inputs |= {"the model to start from": start.card.sha256} if asked.start else {}
    run = identity(facts, **inputs)
    checkpoint.check_identity(run, asked.output)
    check_trackers(asked.fit.track, asked.fit.tensorboard)
    target = open_output(asked.output)
    tower = start_graft(
        ground, asked.name, pairs.resolution, asked.sampling.side, len(pairs.bands) - 3,
        level=asked.loss.level, start=start,
    )  # fmt: skip
    with join_processes(place) as process:
        train, validate_on = _make_loaders(
            asked, pairs, validation, (ground.card.sha256, start.card.patch_size), process
        )
        seer = _lowered(asked, folder, place) if asked.fit.bfloat16 and place.type == "cuda" else ground
        part, told = (process.rank, process.world_size), progress if process.rank == 0 else None
        embed(pairs, seer, told, "photos", part)
        if validation:
            embed(validation, seer, told, "validation photos", part)
        if process.world_size > 1:
            torch.distributed.barrier()
        model = SatelliteModel(tower, asked.loss).to(place)
        objective = AlignObjective(model, asked.loss, train, validate_on, asked.fit.bfloat16)
        fitted = fit(objective, settings, asked.output, run, process, report)
        if process.rank == 0:
            assert isinstance(fitted.model, SatelliteModel)
            tower = fitted.model.tower.requires_grad_(False)
            tower.card = replace(tower.card, logit_scale=float(fitted.model.scale))  # the ground CLIP's is for captions
            save_model(tower.cpu(), target)
    return Trained(asked.output, settings.steps, fitted.metrics, fitted.notes)


def _lowered(asked: AlignRecipe, folder: Path, device: torch.device) -> VisionLanguageModel:
    """The ground tower in bfloat16, which embeds photos faster; the satellite tower begins from its own weights."""
    return load_word_model(resolve_model(asked.ground, folder), device=str(device), precision="bfloat16")


def _open_pairs(asked: AlignRecipe, patch: int) -> tuple[PairSet, PairSet | None]:
    """Open the pair sets and check that they fit the recipe."""
    side, batch = asked.sampling.side, asked.sampling.batch
    sets = [PairSet.open(folder) for folder in (asked.pairs, asked.validation) if folder is not None]
    for pairs in sets:
        validate(pairs)
        if side > pairs.side or side % patch:
            raise InputError(
                f"sampling.side must be a multiple of the patch of {patch} px, up to {pairs.side} as the tiles in "
                f"{pairs.place}, got {side}"
            )
        if pairs.bands[:3] != ("red", "green", "blue"):
            raise InputError(f"the first bands must be red, green, blue, got {', '.join(pairs.bands)} in {pairs.place}")
        if pairs.bands != sets[0].bands:
            raise InputError(
                f"validation must have the bands of the pairs, {', '.join(sets[0].bands)}, got "
                f"{', '.join(pairs.bands)} in {pairs.place}; collect both by one recipe, or leave validation out"
            )
    pairs, validation = sets[0], sets[1] if len(sets) > 1 else None
    if pairs.tiles < 2 or batch < 2:
        cause = f"{pairs.place} holds one tile" if pairs.tiles < 2 else "sampling.batch must be 2 or more, got 1"
        raise InputError(f"{cause}: a tile is learned by the photos of other tiles in its batch, and there are none")
    if batch > pairs.tiles:  # a tile that comes twice has its own photos as negatives
        raise InputError(
            f"a batch of {batch} tiles is more than the {pairs.tiles} of {pairs.place}; lower sampling.batch"
        )
    if validation and not any(
        _shows_photo(shard.links, (validation.side - side) // 2, side) for shard in validation.shards
    ):
        raise InputError(
            f"no photo of {validation.place} lies in the middle {side} px of its tile, which validation reads; "
            "give larger views (sampling.side) or leave validation out"
        )
    return pairs, validation


def _shows_photo(links: Links, first: int, side: int) -> bool:
    """Whether a photo lies in the square of `side` pixels from row and column `first` on of its tile."""
    return bool(np.all([(place >= first) & (place < first + side) for place in (links.row, links.col)], axis=0).any())


def _make_loaders(
    asked: AlignRecipe, pairs: PairSet, validation: PairSet | None, towers: tuple[str, int], process: Process
) -> tuple[PairLoader, PairLoader | None]:
    """`towers` are the hash of the ground tower, whose photos are read, and the patch of the satellite tower."""
    sampling, parts = asked.sampling, asked.loss.parts
    if sampling.batch % (process.world_size * parts):
        raise InputError(
            f"a batch of {sampling.batch} tiles does not divide among {process.world_size} processes and {parts} "
            "parts; change sampling.batch or loss.parts"
        )
    train = PairLoader(pairs, *towers, sampling, process, asked.workers)
    if validation is None:
        return train, None
    centred = PairSampling(min(sampling.batch // parts, validation.tiles), sampling.side, augment=False)
    return train, PairLoader(validation, *towers, centred)
