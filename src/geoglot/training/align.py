"""`geoglot train align`: from a recipe to a GRAFT model. Running it again goes on where it was."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from geoglot.errors import InputError
from geoglot.models.clip import Clip
from geoglot.models.graft import Graft, start_graft
from geoglot.models.store import save_model
from geoglot.models.zoo import load_model
from geoglot.pairs.embed import embed
from geoglot.pairs.store import PairSet
from geoglot.pairs.validate import validate, validate_vectors
from geoglot.recipe import beside, read_recipe, recipe_hash
from geoglot.settings import load_settings
from geoglot.training.alignment import Align, Alignment, Satellite
from geoglot.training.loop import Fit, Report, fit, quiet
from geoglot.training.pairs import PairLoader, Sampling
from geoglot.training.processes import Share, own_device, processes
from geoglot.training.trained import Trained, open_output, trained_of
from geoglot.types import PathLike, Progress


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
    sampling: Sampling = field(default_factory=Sampling)
    loss: Alignment = field(default_factory=Alignment)
    fit: Fit = field(default_factory=Fit)


def align(recipe: Path, device: str | None = None, report: Report = quiet, progress: Progress | None = None) -> Trained:
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
    model = Satellite(tower, asked.loss).to(place)
    target = open_output(asked.output)
    with processes(place) as share:
        loaders = _loaders(asked, pairs, validation, ground, share)
        _embed_once(pairs, validation, ground, share, progress)
        for one in (pairs, validation):
            if one:
                validate_vectors(one, ground.card.sha256)
        objective = Align(model, asked.loss, *loaders, asked.fit.bfloat16)
        fingerprint = recipe_hash(asked, recipe.parent, "output") + ground.card.sha256[:16] + _contents(pairs)
        fitted = fit(objective, asked.fit, asked.output, fingerprint, share, report)
        if share.rank == 0:
            _store(fitted.model, target)
    return trained_of(asked.output, asked.fit.steps, fitted)


def _as_clip(ground: Any) -> Clip:
    if not isinstance(ground, Clip):
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
        if len(one.bands) < 3 or one.bands != sets[0].bands:
            raise InputError(
                f"{one.place} has the bands {', '.join(one.bands)}; red, green, blue come first, in all sets"
            )
    return sets[0], sets[1] if len(sets) > 1 else None


def _contents(pairs: PairSet) -> str:
    """Of what the order of the tiles is drawn from: a set that was added to is another."""
    return hashlib.sha256(repr([(one.tiles, one.photos) for one in pairs.shards]).encode()).hexdigest()[:16]


def _embed_once(
    pairs: PairSet, validation: PairSet | None, ground: Any, share: Share, progress: Progress | None
) -> None:
    """The photos' vectors, by the first process; the others wait for them."""
    if share.rank == 0:
        for one in (pairs, validation):
            if one:
                embed(one, ground, progress)
    if share.of > 1:
        torch.distributed.barrier()


def _loaders(
    asked: AlignRecipe, pairs: PairSet, validation: PairSet | None, ground: Any, share: Share
) -> tuple[PairLoader, PairLoader | None]:
    if asked.sampling.batch % (share.of * asked.loss.parts):
        raise InputError(
            f"a batch of {asked.sampling.batch} tiles does not divide among {share.of} processes and "
            f"{asked.loss.parts} parts; change sampling.batch or loss.parts"
        )
    sha256, patch = ground.card.sha256, ground.card.patch_size
    train = PairLoader(pairs, sha256, patch, asked.sampling, share)
    if validation is None:
        return train, None
    at_once = min(asked.sampling.batch // asked.loss.parts, validation.tiles)
    plain = Sampling(at_once, asked.sampling.side, augment=False)
    return train, PairLoader(validation, sha256, patch, plain)


def _store(trained: torch.nn.Module, target: Path) -> None:
    assert isinstance(trained, Satellite)
    tower: Graft = trained.tower
    tower.requires_grad_(False)
    save_model(tower.cpu(), target)
