"""Scales of chips: metres of a side, by what a model can see."""

import math

from geoglot.errors import InputError
from geoglot.figures import format_number
from geoglot.geo import Grid
from geoglot.index.store.cells import check_scale
from geoglot.models.card import Card

AUTO = "auto"
_FAR = 2.0  # times beyond the resolutions of a model, up to which a scale is read
_COARSE = 4.0  # pixels of a chip across one pixel of the scene, beyond which it is blurred


def parse_scales(text: str, card: Card) -> tuple[str, ...]:
    """Scales as "224m,896m" as the texts of their metres; InputError for one that the model cannot see.

    Empty text gives `AUTO`: each scene has the scale that fits its ground resolution.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return tuple(dict.fromkeys(_parse_scale(part, card) for part in parts)) or (AUTO,)


def _scales_of(card: Card) -> tuple[float, float]:
    """The least and the largest side of a chip that a model can see, in metres."""
    finest, coarsest = card.resolution
    return finest / _FAR * card.tile_size, coarsest * _FAR * card.tile_size


def _parse_scale(part: str, card: Card) -> str:
    if part == AUTO:
        return AUTO
    try:
        metres = check_scale(float(part.removesuffix("m")))
    except ValueError:
        raise InputError(f"a scale must be metres on the ground, such as 224m, got {part!r}") from None
    least, most = _scales_of(card)
    if not least <= metres <= most:
        raise InputError(
            f"a scale for {card.name} must be from {format_number(least)} to {format_number(most)} m, since a chip is "
            f"{card.tile_size} px a side, got {format_number(metres)} m"
        )
    return f"{metres:g}m"


def scale_of(asked: str, native: Grid, card: Card) -> float:
    """The scale in metres of a scene: the one asked for, else the nearest to its own resolution by powers of two."""
    if asked != AUTO:
        return float(asked.removesuffix("m"))
    finest, coarsest = card.resolution
    pixel = min(max(native.resolution_m or finest, finest), coarsest)
    return float(card.tile_size * 2.0 ** round(math.log2(pixel)))


def why_too_coarse(native: Grid, scale_m: float, card: Card) -> str:
    """Why the pixels of a scene cannot fill chips of a scale, and what to do; empty if they can."""
    side, pixel = card.tile_size, native.resolution_m or 0.0
    if pixel <= _COARSE * scale_m / side:
        return ""
    least = math.ceil(pixel / _COARSE * side)
    other = (
        f"give --scale {least}m or more" if least <= _scales_of(card)[1] else "take a model that sees coarser pixels"
    )
    return f"its pixels are {format_number(pixel)} m, too coarse for chips of {format_number(scale_m)} m; {other}"
