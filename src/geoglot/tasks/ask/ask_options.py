"""Options of `ask`, beside source and model."""

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge

from geoglot.aliases import PathLike
from geoglot.bounds import check_bounds
from geoglot.options import FindOptions
from geoglot.tasks.ask.grammar.lexicon import THEMES
from geoglot.tasks.ask.limits import Limits
from geoglot.tasks.ask.plan import Planner


@dataclass(frozen=True)
class AskOptions:
    """Options of `ask`, beside source and model."""

    find: FindOptions = field(default_factory=lambda: FindOptions(overlay=False))
    """How objects are found."""
    limits: Limits = field(default_factory=Limits)
    """Limits of each program."""
    device: str | None = None
    """The device for a model that is given by its name."""
    planner: Planner | None = None
    """Turns questions into programs; None: the rules."""
    themes: tuple[str, ...] = THEMES
    """Names for a scene as a whole."""
    evidence: PathLike | None = None
    """A .geojson to which the evidence of an answer is written, with a picture beside it."""
    overwrite: bool = False
    """Replace the evidence of another question."""
    best: Annotated[int, "Ask at most this many scenes, the ones that fit the question best.", Ge(1)] = 10

    def __post_init__(self) -> None:
        check_bounds(self)
