"""Words over vectors that know no words: our maps of a few scenes teach a probe, which then searches all of them.

The scenes of an archive are mapped for a word as `find` sees it. Where chips of other vectors lie in these scenes, the
share of the word in a chip is its label, and ridge regression from the vectors to the labels gives a concept for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from geoglot.aliases import PathLike, Progress
from geoglot.errors import GeoglotError, InputError
from geoglot.figures import format_count
from geoglot.index.build.chip_pixels import parse_reading
from geoglot.index.concepts.background import background_of
from geoglot.index.concepts.reader import owner_of, reader_of
from geoglot.index.store.archive import Archive
from geoglot.index.store.chip_shard import Shard
from geoglot.index.store.live import chip_edges, live_rows
from geoglot.lonlat import lonlat_bounds, width_of
from geoglot.models.base import VisionLanguageModel
from geoglot.options import TEMPLATES
from geoglot.scene.class_words import ClassWords, parse_words
from geoglot.scene.concepts import Concept
from geoglot.scene.encoded_scene import EncodedScene, encode_scene

_LEAST_KNOWN = 0.5  # share of a chip that the map must cover
_FEWEST = 20  # labelled chips
_MOST = 200_000  # labelled chips, spread evenly over the scenes
_RIDGES = np.logspace(-5, 2, 29)  # shares of the mean variance
_YEAR = 366 * 86_400 * 1e6  # microseconds

Labels = Float[np.ndarray, " chip"]
Numbers = Int[np.ndarray, " chip"]
Rows = Float[np.ndarray, "chip dim"]

#: What a dense model is asked: names, background, templates
Asked = tuple[tuple[ClassWords, ...], tuple[str, ...] | None, tuple[str, ...]]


@dataclass(frozen=True)
class Asking:
    """How the words are asked of a scene, as `find` asks them."""

    background: str | None = None
    """Words with commas for everything else; None takes the general ones."""
    templates: tuple[str, ...] = TEMPLATES

    def of(self, words: str) -> Asked:
        background = None if self.background is None else parse_words(self.background)
        return (ClassWords(words, parse_words(words)),), background, self.templates


@dataclass(frozen=True, eq=False)
class Bridged:
    """A concept in the space of other vectors, and what it was made of."""

    concept: Concept
    scenes: int
    labelled: int
    """Chips of the other archive that lie in the scenes."""
    share: float
    """Share of the other archive's chips that were labelled."""
    fit: float
    """Correlation of the labels with predictions by probes that were fitted without the chip in question."""
    failed: tuple[str, ...] = ()
    """Scenes that could not be read, with the reason."""

    def to_json(self) -> dict[str, Any]:
        """The document of `geoglot index bridge --json`, without the hits."""
        facts = {"concept": self.concept.word, "model": self.concept.model.name, "scenes": self.scenes}
        return facts | {"labelled": self.labelled, "share": self.share, "fit": self.fit, "failed": list(self.failed)}


def bridge(
    archive: Archive,
    onto: Archive,
    words: str,
    *,
    name: str | None = None,
    asking: Asking = Asking(),
    model: VisionLanguageModel | PathLike | None = None,
    device: str | None = None,
    progress: Progress | None = None,
) -> Bridged:
    """Carry words from the scenes of an archive to the archive `onto`: the concept `name`, else WORDS@bridged.

    InputError if fewer than 20 chips of `onto` lie in the scenes, or if these show the words nowhere or everywhere.
    """
    reader = model if isinstance(model, VisionLanguageModel) else reader_of(archive.model, model, device)
    if reader is None:
        raise InputError(
            f"{archive.place} holds vectors of {archive.model.name}, which reads no words; give our archive"
        )
    scenes = _scenes(archive)
    parts, failed = list[tuple[Numbers, Labels]](), list[str]()
    others = [_Others.of(shard, int(first)) for shard, first in zip(onto.shards, onto.starts, strict=False)]
    for number, scene in enumerate(scenes):
        try:
            parts += _label_scene(scene, reader, asking.of(words), others)
        except GeoglotError as error:
            failed.append(f"{scene.source}: {error}")
        if progress:
            progress("scenes", number + 1, len(scenes))
    chips, labels = _each_once(parts)
    _check(labels, words, failed)
    some = slice(None, None, -(-len(chips) // _MOST))
    weights, fit = fit_probe(_vectors(onto, chips[some]), labels[some], background_of(onto).mean)
    unit = torch.from_numpy(weights / np.linalg.norm(weights)).float()
    word = name or f"{' '.join(parse_words(words)[:1])}@bridged"
    concept = Concept(word if "@" in word else f"{word}@bridged", owner_of(onto.model), unit, None)
    concept.save()
    return Bridged(concept, len(scenes) - len(failed), len(labels), len(labels) / onto.rows, fit, tuple(failed))


def fit_probe(
    vectors: Rows, labels: Labels, centre: Float[np.ndarray, " dim"]
) -> tuple[Float[np.ndarray, " dim"], float]:
    """The weights of a ridge regression, and the correlation of the labels with its predictions without each of them.

    The ridge is the one with the least error of these predictions (Golub, Heath and Wahba 1979, in closed form).
    """
    rows = np.asarray(vectors, np.float64) - centre
    level = labels.mean()
    left, sizes, right = np.linalg.svd(rows, full_matrices=False)
    along = left.T @ (labels - level)
    best: tuple[float, float, np.ndarray] | None = None
    for ridge in _RIDGES * float((sizes**2).mean()):
        shrunk = sizes**2 / (sizes**2 + ridge)
        misses = (labels - level - left @ (shrunk * along)) / (1 - (left**2 @ shrunk) - 1 / len(labels)).clip(1e-6)
        if best is None or misses @ misses < best[0]:
            best = float(misses @ misses), float(ridge), labels - misses
    assert best is not None
    _, ridge, without = best
    weights = right.T @ (sizes / (sizes**2 + ridge) * along)
    return weights, float(np.corrcoef(labels, without)[0, 1])


@dataclass(frozen=True)
class _Scene:
    """A source of an archive that has a place."""

    source: str
    moment: datetime | None
    reading: str
    """JSON of the options by which it was read."""


def _scenes(archive: Archive) -> list[_Scene]:
    """The sources of an archive that have a place, by their names."""
    found: dict[str, _Scene] = {}
    for shard in archive.shards:
        for number, row in enumerate(shard.sources(("source", "scale_m", "time", "reading")).to_pylist()):
            if number not in shard.removed and row["scale_m"] is not None:
                found[row["source"]] = _Scene(row["source"], row["time"], row["reading"] or "")
    if not found:
        raise InputError(f"{archive.place} holds no scene with coordinates, so its maps have no place to meet others")
    return [found[source] for source in sorted(found)]


@dataclass(frozen=True, eq=False)
class _Others:
    """Where and when the chips of a shard of the other archive were taken: 50 bytes a chip, read once."""

    rows: Numbers
    """Counted through all shards."""
    edges: Float[np.ndarray, "chip 4"]
    times: Any
    """Arrow column."""

    @classmethod
    def of(cls, shard: Shard, first: int) -> _Others:
        rows = live_rows(shard)
        return cls(first + rows, chip_edges(shard, rows), shard.table(("time",)).take(rows)["time"])


def _label_scene(
    scene: _Scene, reader: VisionLanguageModel, asked: Asked, others: Sequence[_Others]
) -> Iterator[tuple[Numbers, Labels]]:
    """The chips of the other archive in a scene, with the share of the words in each."""
    with encode_scene(scene.source, reader, read=parse_reading(scene.reading)) as encoded:
        chart = _Chart.of(encoded, asked)
        bounds = lonlat_bounds(encoded.raster.grid)
        for chips in others:
            near = np.flatnonzero(_meets(chips.edges, bounds) & _same_year(chips.times, scene.moment))
            labels = chart.shares(chips.edges[near])
            known = np.isfinite(labels)
            if known.any():
                yield chips.rows[near[known]], labels[known]


def _meets(edges: Float[np.ndarray, "chip 4"], bounds: tuple[float, float, float, float]) -> np.ndarray:
    """Which chips share ground with bounds; both have west > east across the antimeridian."""
    west, south, east, north = bounds
    inside = (edges[:, 1] < north) & (edges[:, 3] > south)
    begins_in = (edges[:, 0] - west) % 360 < width_of(west, east)
    holds_begin = (west - edges[:, 0]) % 360 < width_of(edges[:, 0], edges[:, 2])
    return np.asarray(inside & (begins_in | holds_begin))


def _same_year(times: Any, moment: datetime | None) -> np.ndarray:
    """Chips of the scene's time, give or take a year, and those of unknown time."""
    if moment is None:
        return np.ones(len(times), bool)
    own = times.to_numpy().astype("datetime64[us]").astype(np.int64)
    unknown = times.is_null().to_numpy()
    return np.asarray(unknown | (np.abs(own - moment.timestamp() * 1e6) <= _YEAR))


@dataclass(frozen=True, eq=False)
class _Chart:
    """The map of one word over a scene, as sums from its first corner, so that the mean of any box is four numbers."""

    scene: EncodedScene
    scores: Float[np.ndarray, "rows cols"]
    known: Float[np.ndarray, "rows cols"]

    @classmethod
    def of(cls, scene: EncodedScene, asked: Asked) -> _Chart:
        question = scene.dense.question(*asked)
        rows = [question.scores(scene.values(block), 0) for block in scene.blocks()]
        values = np.concatenate(rows)
        known = np.isfinite(values)
        return cls(scene, _sums(np.where(known, values, 0)), _sums(known.astype(np.float64)))

    def shares(self, boxes: Float[np.ndarray, "chip 4"]) -> Labels:
        """Mean score in boxes of degrees; NaN for those of which the map knows less than half."""
        west, south, east, north = boxes.T
        corners = [self._lattice(lon, lat) for lon, lat in ((west, north), (east, north), (east, south), (west, south))]
        down, across = (np.stack([corner[axis] for corner in corners]) for axis in (0, 1))
        top, left = (np.round(axis.min(0)).astype(np.int64) for axis in (down, across))
        bottom, right = (np.maximum(np.round(axis.max(0)).astype(np.int64), first + 1)
                         for axis, first in ((down, top), (across, left)))  # fmt: skip
        area = (bottom - top) * (right - left)
        known = _box(self.known, top, left, bottom, right)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = _box(self.scores, top, left, bottom, right) / known
        return np.where(known >= _LEAST_KNOWN * area, mean, np.nan)

    def _lattice(self, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns on the lattice of patches, with fractions."""
        row, col = self.scene.raster.grid.from_lonlat(lon, lat)
        whole, patch = self.scene.plan.lattice_window, self.scene.plan.patch
        return (row - whole.row) / patch, (col - whole.col) / patch


def _sums(values: np.ndarray) -> Float[np.ndarray, "rows cols"]:
    return np.pad(values.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))


def _box(sums: np.ndarray, top: np.ndarray, left: np.ndarray, bottom: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Sums over boxes, which may reach beyond."""
    rows, cols = (side - 1 for side in sums.shape)
    top, bottom = top.clip(0, rows), bottom.clip(0, rows)
    left, right = left.clip(0, cols), right.clip(0, cols)
    return np.asarray(sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left])


def _each_once(parts: list[tuple[Numbers, Labels]]) -> tuple[Numbers, Labels]:
    """Each chip with the mean of its labels, since scenes may overlap."""
    if not parts:
        return np.empty(0, np.int64), np.empty(0)
    rows, labels = (np.concatenate([part[at] for part in parts]) for at in (0, 1))
    chips, place, count = np.unique(rows, return_inverse=True, return_counts=True)
    return chips, np.bincount(place, labels) / count


def _vectors(archive: Archive, rows: Numbers) -> Rows:
    shards, places = archive.locate(rows)  # ascending, as the rows are
    found = [archive.shards[shard].vectors[places[shards == shard]] for shard in np.unique(shards)]
    return np.concatenate(found).astype(np.float32)


def _check(labels: Labels, words: str, failed: list[str]) -> None:
    if len(labels) < _FEWEST:
        why = f"; {failed[0]}" if failed else ""
        raise InputError(
            f"only {format_count(len(labels), 'chip')} of the other archive lie in our scenes, which must be {_FEWEST} "
            f"or more{why}; add scenes where the other archive is"
        )
    if labels.std() < 1e-3:
        raise InputError(f"the scenes show {words!r} nowhere or everywhere, so there is nothing to learn; add others")
