"""Tells a useless mIoU: one that a map without any knowledge of the picture would reach too."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int

CHANCE = "miou_of_chance"
_SKILL = 0.05  # of the way from chance to a perfect map; what lies below it is no result


def chance_miou(matrix: Int[np.ndarray, "class answer"]) -> float:
    """The mIoU of the better of two blind maps; NaN if no pixel has a class.

    One says the largest class everywhere: its IoU is its share p, that of all others 0. The other draws classes by
    their shares: the IoU of a class is then p² / (2p - p²) = p / (2 - p).
    """
    counts = matrix.sum(1)
    if not counts.sum():
        return float("nan")
    shares = counts[counts > 0] / counts.sum()
    return float(max(shares.max() / len(shares), (shares / (2 - shares)).mean()))


def is_useful(figures: Mapping[str, int | float]) -> bool | None:
    """Whether a model maps better than chance; None if it was not evaluated."""
    if "miou" not in figures or CHANCE not in figures:
        return None
    chance = figures[CHANCE]
    return chance < 1 and (figures["miou"] - chance) / (1 - chance) >= _SKILL


def describe_useless(figures: Mapping[str, int | float]) -> tuple[str, ...]:
    """A sentence on a useless mIoU, else nothing."""
    if is_useful(figures) is not False:
        return ()
    return (
        f"the mIoU of {figures['miou']:.3f} is useless: a map that says the largest class everywhere, or draws classes "
        f"by their shares, reaches {figures[CHANCE]:.3f}; train longer, or look whether masks lie over their images",
    )
