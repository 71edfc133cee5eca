"""The score from which a name counts as found, chosen from the scene."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from skimage.filters import threshold_otsu

from geoglot.errors import InputError, SourceError
from geoglot.scene.score_field import ScoreField

_BINS = 500
_UNDECIDED = 0.5  # at this score a name fits as well as the best background word
_EXTENT = 0.8  # ratio of the extent to the core
_EVERYWHERE = 0.9  # share of the scene from which a name is said to match everything


@dataclass(frozen=True)
class Threshold:
    """Hysteresis (Canny 1986): an object is connected pixels that reach the extent, one of which reaches the core."""

    core: float
    """Least score, somewhere, of an object."""
    extent: float
    """Least score of every pixel of an object, before its outline is refined."""
    how: Literal["scene", "background", "given"]
    """scene: between the two kinds of patches that are here; background: 0.5, where the name wins against the
    background words; given: by the user."""
    share: float
    """Share of the patches with data that reach `core`."""

    @property
    def is_everywhere(self) -> bool:
        """Whether nearly the whole scene reaches the core, so that the name says nothing."""
        return self.share >= _EVERYWHERE

    def to_json(self) -> dict[str, Any]:
        return {key: value if isinstance(value, str) else round(value, 4) for key, value in asdict(self).items()}


def choose_threshold(field: ScoreField, given: float | None) -> Threshold:
    """The threshold of one name.

    Otsu's method (1979) splits the scores of the scene to maximise the variance between two classes. It always finds
    two, also where there is one. So its threshold is never below 0.5, where a background word fits better, and 0.5
    itself where nearly everything reaches it.
    """
    counts = np.zeros(_BINS, np.int64)
    for rows in field.lattice_rows():
        known = rows[~np.isnan(rows)]
        counts += np.bincount(np.minimum((known * _BINS).astype(np.intp), _BINS - 1), minlength=_BINS)
    if not counts.any():
        if failed := field.scene.failed:
            raise SourceError(f"no window of {field.scene.raster.uri} could be read or computed: {failed[0].reason}")
        raise InputError("no pixel of the scene is valid; check --bands and --nodata")
    if given is not None:
        return Threshold(given, _EXTENT * given, "given", _share(counts, given))
    if np.count_nonzero(counts) > 1 and _share(counts, _UNDECIDED) < _EVERYWHERE:
        centres = (np.arange(_BINS) + 0.5) / _BINS
        core = float(threshold_otsu(hist=(counts, centres))) + 0.5 / _BINS
        if core > _UNDECIDED:
            return Threshold(core, _EXTENT * core, "scene", _share(counts, core))
    return Threshold(_UNDECIDED, _EXTENT * _UNDECIDED, "background", _share(counts, _UNDECIDED))


def _share(counts: np.ndarray, least: float) -> float:
    return float(counts[round(least * _BINS) :].sum() / counts.sum())
