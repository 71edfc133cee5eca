"""Stage `filters`: leave out photos by how they look, and where one user took too many at one spot.

The stage keeps `looks/` and `judged/` (hashes and probabilities, in files of some thousand photos), kept.parquet (the
photos that stay) and left.parquet (all photos, with the reason why each was left out).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from geoglot.outputs.atomic import appears
from geoglot.pairs.collect.collect_recipe import FiltersRecipe, Judged
from geoglot.pairs.collect.phash import find_lookalikes, phash
from geoglot.pairs.collect.photos import check_some_left, picture_path
from geoglot.pairs.collect.spatial_hash import SpatialHash
from geoglot.pairs.collect.stage import Collection, Outcome

if TYPE_CHECKING:
    from geoglot.pairs.collect.judge import PhotoJudge

_CHUNK = 2048
_SAME, _MANY = "looks like one near by", "more of one user at one spot"


def filter_photos(collection: Collection) -> Outcome:
    """Run the stage."""
    rules, spot_m = collection.recipe.filters, collection.recipe.tiles.spacing_m
    frame = collection.table("photos")
    left = frame["left"].to_numpy(dtype=object).copy()
    before = int((left == "").sum())
    if rules.same_look >= 0:
        _leave(left, _SAME, lambda stay: _find_same(collection, frame[stay], spot_m, rules.same_look))
    for name, which in _judge(collection, frame[left == ""], rules).items():
        left[frame["picture"].isin(which).to_numpy()] = name
    if rules.per_user:
        _leave(left, _MANY, lambda stay: _find_too_many(frame[stay], spot_m, rules))
    frame["left"] = left
    check_some_left(frame["left"])
    collection.keep_table("left", frame[["key", "left"]])
    collection.keep_table("kept", frame[left == ""].drop(columns="left"))
    reasons = [why for why in (_SAME, *rules.without, _MANY) if (left == why).any()]
    counts = {"photos with a picture": before} | {f"left: {why}": int((left == why).sum()) for why in reasons}
    return Outcome(counts | {"photos kept": int((left == "").sum())})


def _leave(left: np.ndarray, reason: str, find: Callable[[np.ndarray], np.ndarray]) -> None:
    stay = left == ""
    if stay.any():
        left[np.flatnonzero(stay)[find(stay)]] = reason


def _find_same(collection: Collection, frame: Any, spot_m: float, most: int) -> np.ndarray:
    def compute(names: Sequence[str]) -> np.ndarray:
        return np.array([phash(picture_path(collection, name).read_bytes()) for name in names], np.uint64)

    hashes = _compute_chunks(collection, "looks", "", frame["picture"].tolist(), compute)
    return find_lookalikes(hashes, frame["lon"].to_numpy(), frame["lat"].to_numpy(), spot_m, most)


def _judge(collection: Collection, frame: Any, rules: FiltersRecipe) -> dict[str, set[str]]:
    """Pictures that the judges leave out, each under its first reason."""
    names = frame["picture"].tolist()
    if (rules.judge is None and rules.classifier is None) or not names:
        return {}
    from geoglot.pairs.collect.judge import open_judges

    reasons, sures = list[Judged](), []
    for judge in open_judges(rules, collection.recipe_folder):

        def compute(chunk: Sequence[str], judge: PhotoJudge = judge) -> np.ndarray:
            parts = [chunk[first : first + 64] for first in range(0, len(chunk), 64)]
            read = ({name: picture_path(collection, name).read_bytes() for name in part} for part in parts)
            return np.concatenate([judge.probabilities(pictures) for pictures in read])

        reasons += judge.without
        sures.append(_compute_chunks(collection, "judged", judge.identity, names, compute) >= rules.sure)
    sure = np.concatenate(sures, axis=1)
    first = np.where(sure.any(axis=1), sure.argmax(axis=1), -1)
    return {what: {names[index] for index in np.flatnonzero(first == number)} for number, what in enumerate(reasons)}


def _find_too_many(frame: Any, spot_m: float, rules: FiltersRecipe) -> np.ndarray:
    """Photos beyond the limit per user and spot; which of them stay is drawn at random."""
    draw = np.random.default_rng(rules.seed).random(len(frame))
    spots = SpatialHash(spot_m).cell_of(frame["lon"].to_numpy(), frame["lat"].to_numpy())
    table = frame.assign(spot=spots, draw=draw, who=frame["source"] + " " + frame["user"])
    rank = table.groupby(["spot", "who"])["draw"].rank(method="first")
    return np.asarray((rank > rules.per_user) & (frame["user"] != ""))


def _compute_chunks(
    collection: Collection, kind: str, how: str, names: Sequence[str], compute: Callable[[Sequence[str]], np.ndarray]
) -> np.ndarray:
    """`compute` over all photos, chunk by chunk; a stored chunk with the same photos is read instead."""
    parts = []
    for first in range(0, len(names), _CHUNK):
        chunk = names[first : first + _CHUNK]
        path = collection.piece(kind, hashlib.sha256("\n".join([how, *chunk]).encode()).hexdigest(), ".npy")
        if not path.exists():
            with appears(path) as temporary:
                np.save(temporary, compute(chunk))
        parts.append(np.load(path, allow_pickle=False))
        collection.progress(kind, first + len(chunk), len(names))
    return np.concatenate(parts)
