"""All dates as one stream: their windows are read together, and the model sees each date of a window by itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from geoglot.geo import Window
from geoglot.scene.class_words import ClassWords
from geoglot.scene.covers import allies_of
from geoglot.scene.dense import Dense
from geoglot.scene.question import ChannelQuestion, Contest, Question, TextQuestion
from geoglot.scene.taught_question import TaughtQuestion
from geoglot.sources.tile import Tile
from geoglot.tasks.change.align.align import Aligned

_LEAST = 1e-6  # probability that log-odds are made of


@dataclass(frozen=True)
class Stacked:
    """A source of windows whose bands are those of all dates, one date after the other.

    A pixel is valid where every date has data, so that areas of the dates compare.
    """

    aligned: Aligned

    def read(self, window: Window) -> Tile:
        """The pixels of a window on all dates; ReadError where one cannot be read."""
        counts = self._counts(window)
        if not counts.any():  # nothing of it is looked at, so nothing of it is read
            first = self.aligned.dates[0]
            bands = tuple(band for date in self.aligned.dates for band in date.bands)
            pixels = np.zeros((len(bands), window.height, window.width), np.float32)
            return Tile(pixels, counts, self.aligned.grid.window(window), bands, None, first.uri)
        tiles = [date.read(window) for date in self.aligned.dates]
        return Tile(
            np.concatenate([tile.pixels for tile in tiles]),
            np.logical_and.reduce([counts, *(tile.valid for tile in tiles)]),
            tiles[0].grid,
            tuple(band for tile in tiles for band in tile.bands),
            None,
            tiles[0].uri,
        )

    def _counts(self, window: Window) -> Bool[np.ndarray, "rows cols"]:
        counts = np.zeros((window.height, window.width), bool)
        if inside := window.intersection(self.aligned.grid.whole):
            counts[inside.within(window).slices] = self.aligned.counts(inside)
        return counts


class Views:
    """The logits of every class on every date, by any dense model; the channels of a date are `parts`.

    A class has its log-odds against all that competes with it, as `find` has them: general words of other meaning, or
    the other classes of a segmenter, and whether it is there at all where the model has learned that. What is none of
    the classes has the logit 0, and no part if all classes of a model are asked for. A softmax over the channels lets
    the classes compete.

    Classes of words compete with each other by their cosines, too, and with those general words only that mean none of
    them: against general words alone, a pool is a meadow, since no general word means a pool.
    """

    def __init__(self, dense: Dense, question: Question, classes: Sequence[ClassWords], dates: int) -> None:
        self._dense, self._question, self._dates = dense, _against_rest(question), dates
        # One class alone beside other bands: its background is in two parts, which the bands tell apart.
        self._allies = (
            allies_of(classes[0], question.rivals[0])
            if isinstance(question, Contest) and len(question.names) == 1
            else None
        )
        self._whole = knows_nothing_else(question)
        self.parts = 3 if self._allies is not None else len(question.names) + (not self._whole)
        self.channels = self.parts * dates

    @torch.inference_mode()
    def __call__(
        self, pixels: Float[Tensor, "tile band rows cols"]
    ) -> Float[Tensor, "tile channel patch_rows patch_cols"]:
        """Logits of pixels whose bands are those of all dates."""
        tiles, bands = pixels.shape[:2]
        seen = self._dense(pixels.reshape(tiles * self._dates, bands // self._dates, *pixels.shape[2:]))
        logits = np.stack([self._logits(view) for view in seen.float().cpu().numpy()])
        return torch.from_numpy(logits.reshape(tiles, self.channels, *logits.shape[2:]))

    def _logits(self, seen: Float[np.ndarray, "channel rows cols"]) -> Float[np.ndarray, "part rows cols"]:
        if self._allies is not None and isinstance(self._question, Contest):
            return np.asarray(np.log(np.maximum(self._question.split(seen, 0, self._allies), _LEAST)))
        own = [
            self._question.scores(seen, index).clip(_LEAST, 1 - _LEAST) for index in range(len(self._question.names))
        ]
        shares = np.stack(own)
        odds = np.log(shares / (1 - shares))
        if isinstance(self._question, TextQuestion):
            return _compete(_fits(self._question, seen) + np.minimum(odds, 0), shares)
        return odds if self._whole else np.concatenate([odds, np.zeros_like(shares[:1])])


def knows_nothing_else(question: Question) -> bool:
    """Whether all classes of a model with classes of its own are asked for, so that each place is one of them."""
    return isinstance(question, ChannelQuestion | TaughtQuestion) and question.is_whole


def rest_words(question: TextQuestion) -> tuple[str, ...]:
    """The general words that mean none of the names."""
    return tuple(word for word in question.rivals[0] if all(word in rivals for rivals in question.rivals))


def _against_rest(question: Question) -> Question:
    """The question with those general words only that mean none of its names, if there are some."""
    if not isinstance(question, TextQuestion) or len(question.names) == 1:
        return question
    if not (shared := rest_words(question)):
        return question
    kept = [[word in shared for word in words] for words in question.rivals]
    return replace(
        question,
        against=tuple(texts[keep] for texts, keep in zip(question.against, kept, strict=True)),
        rivals=tuple(tuple(compress(words, keep)) for words, keep in zip(question.rivals, kept, strict=True)),
    )


def _fits(question: TextQuestion, seen: Float[np.ndarray, "dim rows cols"]) -> Float[np.ndarray, "name rows cols"]:
    """Scaled cosine of each patch with the nearest word of each name."""
    embeddings = seen.reshape(len(seen), -1)
    best = np.stack([(texts @ embeddings).max(0) for texts in question.own])
    return np.asarray(question.logit_scale * best.reshape(-1, *seen.shape[1:]), np.float32)


def _compete(
    fits: Float[np.ndarray, "name rows cols"], shares: Float[np.ndarray, "name rows cols"]
) -> Float[np.ndarray, "part rows cols"]:
    """Logarithms of probabilities: that a class fits best of all, and is there; the last is none of the classes."""
    best = np.exp(fits - fits.max(0))
    own = best / best.sum(0) * shares
    every = np.concatenate([own, 1 - own.sum(0, keepdims=True)])
    return np.asarray(np.log(np.maximum(every, np.float32(_LEAST))))
