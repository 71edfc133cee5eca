"""Which of many scenes are worth a question: those whose overviews fit best what its program looks for.

Each scene is read once, small, from its overviews where it has any, and cut into a few tiles that are one batch of the
model. A name has the score of its best tile, held against general words as `find` does it; a scene has the mean over
the names. That is a search by pictures and no index: small things do not show in an overview, so who is left out is
told with its score.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from geoglot.aliases import Progress
from geoglot.errors import AnswerError, SourceError
from geoglot.geo import Window
from geoglot.models.base import VisionLanguageModel
from geoglot.models.segmenter import Segmenter
from geoglot.scene.batch import compute
from geoglot.scene.class_words import parse_classes, parse_words
from geoglot.scene.encode import pad
from geoglot.scene.read import ReadOptions, open_scene
from geoglot.scene.seen import as_encoder
from geoglot.scene.windows import WindowPlan
from geoglot.sources.raster import check_bands
from geoglot.sources.read_ahead import FailedWindow
from geoglot.sources.tile import Tile
from geoglot.tasks.ask.limits import Limits
from geoglot.tasks.ask.plan import Plan, Trial
from geoglot.tasks.ask.sandbox import Sandbox
from geoglot.tasks.ask.syntax import calls
from geoglot.tasks.find.find_options import FindOptions

#: Calls that look for things, whose first argument is the name
_LOOKS = {"find", "appeared", "disappeared", "change"}
_TILES = 2  # of the model's size along the longer side of an overview


@dataclass(frozen=True)
class Look:
    """What was seen of one source."""

    scores: Mapping[str, float]
    """Of each name, 0..1."""
    missed: str = ""
    """What of it was not seen, and why."""


#: A look at one source; SourceError where it cannot be read
Scorer = Callable[[str], Look]


@dataclass(frozen=True)
class Glance:
    """What an overview of one scene gave."""

    source: str
    score: float | None
    """Of a question: the mean over its names, 0..1. None where the question names nothing, or nothing could be seen."""
    failed: str = ""
    """Why nothing could be seen."""
    missed: str = ""
    """What of it was not seen, and why."""

    def to_json(self) -> dict[str, Any]:
        """A line of the document."""
        told = {"source": self.source, "score": None if self.score is None else float(f"{self.score:.4g}")}
        troubles = {"failed": self.failed, "missed": self.missed}
        return told | {what: why for what, why in troubles.items() if why}


@dataclass(frozen=True)
class Narrowed:
    """Which scenes a question is asked of, best first, and which are left out."""

    question: str
    names: tuple[str, ...]
    """What the overviews were searched for; none: every scene is asked."""
    asked: tuple[Glance, ...]
    left_out: tuple[Glance, ...]
    refused: str = ""
    """Why it has no program; then no scene is asked."""

    @property
    def failed(self) -> tuple[Glance, ...]:
        """Scenes of which nothing could be seen."""
        return tuple(one for one in self.left_out if one.failed)

    @property
    def missed(self) -> tuple[Glance, ...]:
        """Scenes of which only a part could be seen."""
        return tuple(one for one in (*self.asked, *self.left_out) if one.missed)

    def to_json(self) -> dict[str, Any]:
        """What `geoglot ask --json` says of it."""
        told: dict[str, Any] = {
            "question": self.question, "names": list(self.names), "asked": [one.to_json() for one in self.asked],
            "left_out": [one.to_json() for one in self.left_out],
        }  # fmt: skip
        return told | ({"refused": self.refused} if self.refused else {})


def named(program: str) -> tuple[str, ...]:
    """The things that a program looks for, by its own words; a model's program is read, not run."""
    firsts = [call.args[0] for name, call in calls(program) if name in _LOOKS and call.args]
    texts = [one.value for one in firsts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))


def narrow(
    sources: Sequence[str],
    names: Mapping[str, Sequence[str] | AnswerError],
    scorer: Callable[[tuple[str, ...]], Scorer],
    *,
    best: int,
    progress: Progress | None = None,
) -> tuple[Narrowed, ...]:
    """For each question, with the names that it looks for, the `best` scenes. Each scene is looked at once.

    A question with an error in place of names has no program: no scene is asked.

    `scorer` gives what scores names; it is not asked for where no question names anything. Scenes of one score keep
    their order.
    """
    everything = tuple(
        dict.fromkeys(name for some in names.values() if not isinstance(some, AnswerError) for name in some)
    )
    seen = _glances(sources, scorer(everything), progress) if everything else {}
    return tuple(_narrowed(question, some, sources, seen, best) for question, some in names.items())


def planned_names(
    questions: Sequence[str], planned: Callable[[str, Trial], Plan], limits: Limits | None = None
) -> dict[str, tuple[str, ...] | AnswerError]:
    """What each question looks for, or why it has no program. Programs are checked and not run, for want of a scene.

    `planned` is the `plan` of a planner, or the `draft` of a `Once`, which tries the program on the first scene.
    """
    found: dict[str, tuple[str, ...] | AnswerError] = {}
    with Sandbox(limits) as sandbox:
        for question in questions:
            try:
                found[question] = named(planned(question, sandbox.check).program)
            except AnswerError as error:
                found[question] = error
    return found


def _glances(sources: Sequence[str], scorer: Scorer, progress: Progress | None) -> dict[str, Look | str]:
    """Scores by source, or why there are none."""
    seen: dict[str, Look | str] = {}
    for done, source in enumerate(sources, 1):
        try:
            seen[source] = scorer(source)
        except SourceError as error:
            seen[source] = str(error)
        if progress:
            progress("overviews", done, len(sources))
    return seen


def _narrowed(
    question: str,
    names: Sequence[str] | AnswerError,
    sources: Sequence[str],
    seen: Mapping[str, Look | str],
    best: int,
) -> Narrowed:
    unseen = tuple(Glance(source, None) for source in sources)
    if isinstance(names, AnswerError):
        return Narrowed(question, (), (), unseen, str(names))
    if not names:
        return Narrowed(question, (), unseen, ())
    glances = [_glance(source, seen[source], names) for source in sources]
    good = sorted((one for one in glances if not one.failed), key=lambda one: -(one.score or 0.0))
    bad = [one for one in glances if one.failed]
    return Narrowed(question, tuple(names), tuple(good[:best]), (*good[best:], *bad))


def _glance(source: str, look: Look | str, names: Sequence[str]) -> Glance:
    if isinstance(look, str):
        return Glance(source, None, look)
    return Glance(source, float(np.mean([look.scores[name] for name in names])), missed=look.missed)


class Overviews:
    """Scores of names in the overview of a raster by a model: a `Scorer`."""

    def __init__(
        self, model: VisionLanguageModel | Segmenter, names: tuple[str, ...], read: ReadOptions, options: FindOptions
    ) -> None:
        self._model, self._encoder, self._read = model, as_encoder(model), read
        background = None if options.background is None else parse_words(options.background)
        self._names, self._question = names, self._encoder.question(parse_classes(names), background, options.templates)

    def __call__(self, source: str) -> Look:
        """The score of each name at its best tile; SourceError where nothing can be read."""
        encoder = self._encoder
        side = encoder.plan((1, 1), None, None).tile
        with open_scene(source, self._read, encoder.resolution) as raster:
            check_bands(raster, encoder.bands, encoder.name)
            pictures = list(_tiles(raster.thumbnail(_TILES * side), side, encoder.patch_size))
        if not pictures:
            raise SourceError(f"{source}: no pixel is valid; check --bands and --nodata")
        answers = compute(self._seen, pictures)
        seen = [one for one in answers if not isinstance(one, FailedWindow)]
        lost = [one.reason for one in answers if isinstance(one, FailedWindow)]
        if not seen:
            raise SourceError(f"{source}: the model gave no scores for its overview: {lost[0]}")
        block = np.concatenate([one.reshape(len(one), 1, -1) for one in seen], axis=2)
        scores = {name: float(self._question.scores(block, index).max()) for index, name in enumerate(self._names)}
        return Look(scores, f"{len(lost)} of {len(answers)} tiles of its overview: {lost[0]}" if lost else "")

    @torch.inference_mode()
    def _seen(self, pixels: torch.Tensor) -> torch.Tensor:
        """One vector a tile, or the patches of a model that knows no whole pictures: (tile, channel, ...)."""
        if isinstance(self._model, VisionLanguageModel):
            device = next(self._model.parameters(), torch.empty(0)).device
            return self._model.encode_image(pixels.to(device)).float()
        return self._encoder(pixels)


def _tiles(overview: Tile, side: int, patch: int) -> list[tuple[Window, np.ndarray]]:
    """Squares of an overview that hold data, mirrored to their full size where they reach beyond it."""
    found = []
    for window in WindowPlan(overview.valid.shape, side, 0, patch).windows():
        if overview.valid[window.slices].any():
            found.append((window, pad(overview.pixels[:, *window.slices], patch, side)))
    return found
