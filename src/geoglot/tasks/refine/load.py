"""A refiner by its name. Each is imported when it is asked for, since most maps have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from geoglot.errors import InputError
from geoglot.options import RefineOptions, RefinerName
from geoglot.tasks.refine.refiner import Refiner

if TYPE_CHECKING:
    from geoglot.tasks.refine.sam import Prompting

NAMES = get_args(RefinerName)


def choose_refiner(
    refiner: Refiner | str | None,
    sam: str | None = None,
    *,
    prompting: Prompting | None = None,
    device: str | None = None,
) -> Refiner | None:
    """Turn "none", "edges" or "sam" into a refiner; `sam` is a folder or the name of a model on the hub."""
    if not isinstance(refiner, str):
        return refiner
    if refiner not in NAMES:
        raise InputError(f"the refiner must be one of {', '.join(NAMES)}, got {refiner!r}")
    if sam and refiner != "sam":
        raise InputError(f"weights of SAM are for --refine sam, got --refine {refiner}; leave out --sam")
    if refiner == "sam":
        if not sam:
            raise InputError("--refine sam needs weights, a folder or a name on the hub: --sam facebook/sam-vit-base")
        from geoglot.tasks.refine.load_sam import load_sam

        return load_sam(sam, prompting=prompting, device=device)
    if refiner == "none":
        return None
    from geoglot.tasks.refine.edges import Edges

    return Edges()


def refiner_of(options: RefineOptions, device: str | None = None) -> Refiner | None:
    """The refiner that options ask for, None for none."""
    if options.refine == "none":
        return choose_refiner(options.refine, options.sam)
    from geoglot.tasks.refine.sam import Prompting

    prompting = Prompting(options.sam_points, options.sam_negatives, options.sam_box)
    return choose_refiner(options.refine, options.sam, prompting=prompting, device=device)
