"""`geoglot train align`: from a recipe to a GRAFT model. Running it again goes on where it was."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from geoglot.aliases import PathLike, Progress
from geoglot.errors import InputError
from geoglot.models.clip import Clip
from geoglot.models.graft import Graft, start_graft
from geoglot.models.model_files import save_model
from geoglot.models.zoo import load_model
from geoglot.pairs.embed import embed
from geoglot.pairs.pair_store import PairSet, Shard
from geoglot.pairs.validate import validate
from geoglot.recipe import beside, read_recipe
from geoglot.settings import load_settings
from geoglot.training import checkpoint
from geoglot.training.align_objective import AlignObjective, AlignSettings, SatelliteModel
from geoglot.training.identity import identity
from geoglot.training.loop import Fit, Report, check_extras, fit, quiet
from geoglot.training.pair_batches import PairLoader, PairSampling
from geoglot.training.processes import Process, join_processes, own_device
from geoglot.training.trained import Trained, open_output, trained_of


@dataclass(frozen=True)
class AlignRecipe:
    """Everything that decides a GRAFT model."""

    name: str
    pairs: PathLike
    """The pair set: a folder, or a URL such as s3://bucket/pairs."""
    output: Path
    """Folder for checkpoints, metrics and the model."""
    ground: str
    """The CLIP that sees the photos and reads the texts, by name or folder; the satellite tower begins as its copy."""
    validation: PathLike | None = None
    """A pair set of other ground."""
    sampling: PairSampling = field(default_factory=PairSampling)
    loss: AlignSettings = field(default_factory=AlignSettings)
    fit: Fit = field(default_factory=Fit)


def train_align(
    recipe: Path, device: str | None = None, report: Report = quiet, progress: Progress | None = None
) -> Trained:
    """Train as a recipe says, from the last checkpoint if there is one.

    `progress` follows the photos on their way through the ground tower, `report` the steps.

    Raises InputError, SourceError or ModelError for what cannot be meant or read, before any time is spent.
    """
    asked = read_recipe(recipe, AlignRecipe)
    place = own_device(device or load_settings().device)
    ground = load_model(beside(asked.ground, recipe.parent), device=str(place))
    pairs, validation = _open(asked, ground)
    extra = len(pairs.bands) - 3
    tower = start_graft(_as_clip(ground), asked.name, pairs.resolution, asked.sampling.side, extra)
    model = SatelliteModel(tower, asked.loss).to(place)
    fingerprint = identity(
        asked, recipe.parent, **{"the ground model": ground.card.sha256, "the pairs": _contents(pairs)}
    )
    checkpoint.check(fingerprint, asked.output)
    target = open_output(asked.output)
    check_extras(asked.fit)
    with join_processes(place) as process:
        train, follow = _loaders(asked, pairs, validation, ground, process)
        _embed_once(pairs, validation, ground, process, progress)
        objective = AlignObjective(model, asked.loss, train, follow, asked.fit.bfloat16)
        fitted = fit(objective, asked.fit, asked.output, fingerprint, process, report)
        if process.rank == 0:
            _store(fitted.model, target)
    return trained_of(asked.output, asked.fit.steps, fitted)


def _as_clip(ground: Any) -> Clip:
    if not isinstance(ground, Clip) or isinstance(ground, Graft):  # whose image tower is for tiles, not for photos
        raise InputError(
            f"{ground.card.name} is of the family {ground.card.family!r}; a satellite tower begins as a CLIP"
        )
    return ground


def _open(asked: AlignRecipe, ground: Any) -> tuple[PairSet, PairSet | None]:
    """The pair sets, once they fit the recipe."""
    patch, side = _as_clip(ground).card.patch_size, asked.sampling.side
    sets = [PairSet.open(folder) for folder in (asked.pairs, asked.validation) if folder is not None]
    for one in sets:
        validate(one)
        if side > one.side or side % patch:
            raise InputError(
                f"views of {side} px (sampling.side) do not fit tiles of {one.side} px in {one.place} and patches of "
                f"{patch} px; give a multiple of {patch} up to {one.side}"
            )
        if one.bands[:3] != ("red", "green", "blue") or one.bands != sets[0].bands:
            raise InputError(
                f"{one.place} has the bands {', '.join(one.bands)}; red, green, blue come first, in all sets alike"
            )
    pairs, validation = sets[0], sets[1] if len(sets) > 1 else None
    _check_sampling(asked.sampling, pairs, validation)
    return pairs, validation


def _check_sampling(sampling: PairSampling, pairs: PairSet, validation: PairSet | None) -> None:
    """InputError where a batch has nothing to tell apart or a tile twice, or validation would see no photo."""
    if pairs.tiles < 2 or sampling.batch < 2:  # the photos of other tiles are what a tile is told from
        few = f"{pairs.place} holds one tile" if pairs.tiles < 2 else "sampling.batch must be 2 or more, got 1"
        raise InputError(f"{few}: a tile is learned by the photos of other tiles in its batch, and there are none")
    if sampling.batch > pairs.tiles:  # its photos would be its own negatives
        raise InputError(
            f"a batch of {sampling.batch} tiles is more than the {pairs.tiles} of {pairs.place}; lower sampling.batch"
        )
    if validation and not any(_seen(shard, validation.side, sampling.side) for shard in validation.shards):
        raise InputError(
            f"no photo of {validation.place} lies in the middle {sampling.side} px of its tile, where it is looked at; "
            "give larger views (sampling.side) or leave validation out"
        )


def _seen(shard: Shard, side: int, view: int) -> bool:
    """Whether the middle of some tile holds a photo."""
    first, links = (side - view) // 2, shard.links
    return bool(
        ((links.row >= first) & (links.row < first + view) & (links.col >= first) & (links.col < first + view)).any()
    )


def _contents(pairs: PairSet) -> str:
    """Of what the order of the tiles is drawn from: a set that was added to is another."""
    return hashlib.sha256(repr([(one.tiles, one.photos) for one in pairs.shards]).encode()).hexdigest()[:16]


def _embed_once(
    pairs: PairSet, validation: PairSet | None, ground: Any, process: Process, progress: Progress | None
) -> None:
    """The photos' vectors, by the first process; the others wait for them."""
    if process.rank == 0:
        for one, what in ((pairs, "photos"), (validation, "validation photos")):
            if one:
                embed(one, ground, progress, what)
    if process.world_size > 1:
        torch.distributed.barrier()


def _loaders(
    asked: AlignRecipe, pairs: PairSet, validation: PairSet | None, ground: Any, process: Process
) -> tuple[PairLoader, PairLoader | None]:
    if asked.sampling.batch % (process.world_size * asked.loss.parts):
        raise InputError(
            f"a batch of {asked.sampling.batch} tiles does not divide among {process.world_size} processes and "
            f"{asked.loss.parts} parts; change sampling.batch or loss.parts"
        )
    sha256, patch = ground.card.sha256, ground.card.patch_size
    train = PairLoader(pairs, sha256, patch, asked.sampling, process)
    if validation is None:
        return train, None
    at_once = min(asked.sampling.batch // asked.loss.parts, validation.tiles)
    plain = PairSampling(at_once, asked.sampling.side, augment=False)
    return train, PairLoader(validation, sha256, patch, plain)


def _store(trained: torch.nn.Module, target: Path) -> None:
    """The tower, with the scale that it was trained with: that of its ground CLIP is for captions."""
    assert isinstance(trained, SatelliteModel)
    tower: Graft = trained.tower
    tower.requires_grad_(False)
    tower.card = replace(tower.card, logit_scale=float(trained.scale))
    save_model(tower.cpu(), target)
