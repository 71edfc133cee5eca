"""From which score on something is found: chosen from the scene and from the words it was held against."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from skimage.filters import threshold_otsu

from geoglot.errors import InputError, SourceError
from geoglot.scene.score_field import ScoreField

How = Literal["scene", "background", "given"]
_BINS = 500
_UNDECIDED = 0.5  # at this score a name fits as well as the best background word
_EXTENT = 0.8  # an object reaches out to this share of what its core must have
_EVERYWHERE = 0.9  # share of the scene from which on a name is said to match everything


@dataclass(frozen=True)
class Threshold:
    """How sure one must be of a name; hysteresis after Canny 1986: cores decide, and reach out to what is connected."""

    core: float
    """Least score, somewhere, of an object."""
    extent: float
    """Least score of every pixel of an object, before its outline is refined."""
    how: How
    """scene: between the two kinds of patches that are here; background: the name must win against the background
    words, and that is enough here; given: by the user."""
    share: float
    """Of the patches that are known, those that reach `core`."""

    @property
    def is_everywhere(self) -> bool:
        """Whether the name tells nothing apart in this scene."""
        return self.share >= _EVERYWHERE

    def to_json(self) -> dict[str, Any]:
        """As a document."""
        return {key: value if isinstance(value, str) else round(value, 4) for key, value in asdict(self).items()}


def choose_threshold(field: ScoreField, given: float | None) -> Threshold:
    """The threshold of one name.

    Otsu 1979 parts the scene's scores in two where their variance is mostly between the parts. He always finds two
    parts, also where there is one: so never below 0.5, where a background word fits better, and never above it
    where nearly everything reaches it.
    """
    counts = _histogram(field)
    if not counts.any():
        if failed := field.scene.failed:
            raise SourceError(f"no window of {field.scene.raster.uri} could be looked at: {failed[0].reason}")
        raise InputError("no pixel of the scene is valid; check --bands and --nodata")
    core, how = _UNDECIDED, "background"
    if given is not None:
        core, how = given, "given"
    elif np.count_nonzero(counts) > 1 and _share(counts, core) < _EVERYWHERE:
        centres = (np.arange(_BINS) + 0.5) / _BINS
        found = float(threshold_otsu(hist=(counts, centres))) + 0.5 / _BINS
        core, how = (found, "scene") if found > core else (core, how)
    return Threshold(core, _EXTENT * core, how, _share(counts, core))  # type: ignore[arg-type]


def _histogram(field: ScoreField) -> np.ndarray:
    """How many patches have which score."""
    counts = np.zeros(_BINS, np.int64)
    for rows in field.lattice_rows():
        known = rows[~np.isnan(rows)]
        bins = np.minimum((known * _BINS).astype(np.intp), _BINS - 1)
        counts += np.bincount(bins, minlength=_BINS)
    return counts


def _share(counts: np.ndarray, least: float) -> float:
    return float(counts[round(least * _BINS) :].sum() / counts.sum())
