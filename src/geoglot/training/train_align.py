"""`geoglot train align`: train a GRAFT model by a recipe. The same call again resumes an interrupted run."""

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from geoglot.aliases import PathLike, Progress
from geoglot.errors import InputError
from geoglot.models.base import Card
from geoglot.models.clip import Clip
from geoglot.models.graft import Graft, start_graft
from geoglot.models.model_files import save_model
from geoglot.models.zoo import load_word_model, resolve_model
from geoglot.pairs.embed_photos import embed
from geoglot.pairs.pair_store import PairSet
from geoglot.pairs.schema import Links
from geoglot.pairs.validate import validate
from geoglot.recipe import open_recipe, recipe_facts
from geoglot.training import checkpoint
from geoglot.training.align_objective import AlignObjective, AlignSettings, SatelliteModel
from geoglot.training.identity import identity
from geoglot.training.loop import Fit, Report, fit, quiet
from geoglot.training.metrics_log import tensorboard_writer
from geoglot.training.pair_batches import PairLoader, PairSampling
from geoglot.training.processes import Process, join_processes, own_device
from geoglot.training.trained import Trained, open_output


@dataclass(frozen=True)
class AlignRecipe:
    """Everything that decides a GRAFT model."""

    name: str
    pairs: PathLike
    """The pair set: a folder, or a URL such as s3://bucket/pairs."""
    output: Path
    """Folder for checkpoints, metrics and the model."""
    ground: str
    """The CLIP that embeds photos and texts, by name or folder; the satellite tower starts as its copy."""
    validation: PathLike | None = None
    """A pair set of other ground."""
    sampling: PairSampling = field(default_factory=PairSampling)
    loss: AlignSettings = field(default_factory=AlignSettings)
    fit: Fit = field(default_factory=Fit)


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
    facts = recipe_facts(asked, folder, "output")
    place = own_device(device)
    ground = load_word_model(resolve_model(asked.ground, folder), device=str(place))
    if not isinstance(ground, Clip) or isinstance(ground, Graft):  # a Graft's image tower is for tiles, not for photos
        raise InputError(
            f"ground must be a CLIP, from which a satellite tower begins, got {ground.card.name}, which is of the "
            f"family {ground.card.family!r}"
        )
    pairs, validation = _open_pairs(asked, ground.card.patch_size)
    sizes = repr([(shard.tiles, shard.photos) for shard in pairs.shards])  # decide the order of the tiles
    inputs = {"the ground model": ground.card.sha256, "the pairs": hashlib.sha256(sizes.encode()).hexdigest()[:16]}
    run = identity(facts, **inputs)
    checkpoint.check_identity(run, asked.output)
    if asked.fit.tensorboard:
        tensorboard_writer()
    target = open_output(asked.output)
    tower = start_graft(ground, asked.name, pairs.resolution, asked.sampling.side, len(pairs.bands) - 3)
    with join_processes(place) as process:
        train, validate_on = _make_loaders(asked.sampling, asked.loss.parts, pairs, validation, ground.card, process)
        if process.rank == 0:
            embed(pairs, ground, progress, "photos")
            if validation:
                embed(validation, ground, progress, "validation photos")
        if process.world_size > 1:
            torch.distributed.barrier()
        model = SatelliteModel(tower, asked.loss).to(place)
        objective = AlignObjective(model, asked.loss, train, validate_on, asked.fit.bfloat16)
        fitted = fit(objective, asked.fit, asked.output, run, process, report)
        if process.rank == 0:
            assert isinstance(fitted.model, SatelliteModel)
            tower = fitted.model.tower.requires_grad_(False)
            tower.card = replace(tower.card, logit_scale=float(fitted.model.scale))  # the ground CLIP's is for captions
            save_model(tower.cpu(), target)
    return Trained(asked.output, asked.fit.steps, fitted.metrics, fitted.notes)


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
        if pairs.bands[:3] != ("red", "green", "blue") or pairs.bands != sets[0].bands:
            raise InputError(
                f"{pairs.place} has the bands {', '.join(pairs.bands)}; red, green, blue come first, in all sets alike"
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
    sampling: PairSampling, parts: int, pairs: PairSet, validation: PairSet | None, ground: Card, process: Process
) -> tuple[PairLoader, PairLoader | None]:
    if sampling.batch % (process.world_size * parts):
        raise InputError(
            f"a batch of {sampling.batch} tiles does not divide among {process.world_size} processes and {parts} "
            "parts; change sampling.batch or loss.parts"
        )
    train = PairLoader(pairs, ground.sha256, ground.patch_size, sampling, process)
    if validation is None:
        return train, None
    centred = PairSampling(min(sampling.batch // parts, validation.tiles), sampling.side, augment=False)
    return train, PairLoader(validation, ground.sha256, ground.patch_size, centred)
