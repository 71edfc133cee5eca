"""What a user may decide about finding, beside names, model and refiner."""

from __future__ import annotations

from dataclasses import dataclass

from geoglot.aliases import PathLike
from geoglot.errors import InputError
from geoglot.scene.class_words import TEMPLATES


@dataclass(frozen=True)
class FindOptions:
    """What a user may decide about finding, beside names, model and refiner."""

    background: str | tuple[str, ...] | None = None
    """Words that a name is held against: it is found where it fits better than all of these. None: general words, less
    those that mean the name."""
    min_score: float | None = None
    """Least score that an object must reach somewhere, 0..1; None chooses one a name from the scene."""
    min_area: float | None = None
    """Least area of an object in m²; InputError for a scene without a CRS, which has none."""
    max_area: float | None = None
    """Largest area, as min_area."""
    points: PathLike | None = None
    """A file of points or boxes, each of which is outlined, instead of names; a column "name" says what they are."""
    area: PathLike | None = None
    """A file of polygons: windows that touch none are not looked at, objects whose centre lies in none are left out."""
    templates: tuple[str, ...] = TEMPLATES
    vectors: PathLike | None = None
    """A folder that keeps what the model saw, so that later questions about this scene cost no encoding."""
    overlay: bool = True
    """Also write a PNG for the eye."""

    def __post_init__(self) -> None:
        if self.min_score is not None and not 0 < self.min_score < 1:
            raise InputError(f"the least score lies between 0 and 1, not at {self.min_score}")
        low, high = self.min_area or 0.0, self.max_area
        if low < 0 or (high is not None and high <= low):
            raise InputError(f"areas go from a least to a larger one, not from {low:g} to {high or 0:g}")
