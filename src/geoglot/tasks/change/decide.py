"""From probabilities on each date to the states of each pixel, by one rule for any number of dates.

What lies on the ground stays unless the dates speak clearly against it. So a change needs a core: pixels where the
likeliest change beats the likeliest state that stays by `persistence`, and which hold against their neighbourhood. What
is new there was nowhere near on the date before, or what is gone is nowhere near on the date after: the edge of a thing
that lies a pixel aside on the second date is no change. Around a core, the same change costs nothing, and elsewhere
there is none. Under this rule each pixel takes the likeliest course of states over all dates (Viterbi 1967). The rule
knows no direction of time.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer, UInt8
from scipy import ndimage

_LEAST = 1e-6  # probability of a state


@dataclass(frozen=True)
class Gate:
    """What a change must fulfil."""

    reach: int
    """Pixels around within which the same thing on the other date explains a difference."""
    grow: int
    """Pixels around a core to which its change extends, where it is likelier than none."""
    persistence: float = 1.0
    """Log-odds by which the dates must speak for a change in its core."""
    contrast: float = 0.8
    """Least difference, in a core, of the probability of what is new (or gone) to the highest one near on the other
    date."""

    @property
    def margin(self) -> int:
        """Pixels around a pixel that decide about it."""
        return self.reach + self.grow


@dataclass(frozen=True)
class Course:
    """The states of pixels on each date."""

    states: UInt8[np.ndarray, "date rows cols"]
    steady: UInt8[np.ndarray, "rows cols"]
    """The likeliest state of a pixel that never changes."""
    scores: Float[np.ndarray, "step rows cols"]
    """0..1: how much probability a change moves, from one date to the next; 0 where nothing changes."""


def decide(shares: Float[np.ndarray, "date state rows cols"], gate: Gate) -> Course:
    """The states of pixels from their probabilities. Near the border of the array (`gate.margin`) they may be wrong."""
    logs = np.log(np.maximum(shares, np.float32(_LEAST)))
    allowed = np.stack(
        [_holds(shares[step : step + 2], logs[step : step + 2], gate) for step in range(len(shares) - 1)]
    )
    steady = logs.sum(0).argmax(0)
    states = np.broadcast_to(steady, (len(shares), *steady.shape)).astype(np.uint8)
    if (some := allowed.any(0)).any():
        states[:, some] = _follow(logs[:, :, some], allowed[:, some])
    return Course(states, steady.astype(np.uint8), _scores(shares, states))


def _holds(
    shares: Float[np.ndarray, "2 state rows cols"], logs: Float[np.ndarray, "2 state rows cols"], gate: Gate
) -> Bool[np.ndarray, "rows cols"]:
    """Where a change between two dates holds against its neighbourhood."""
    before, after = shares.argmax(1)
    gain = logs.max(1).sum(0) - logs.sum(0).max(0)  # of the likeliest change over the likeliest state that stays
    weak: np.ndarray = before != after
    clear = np.asarray(weak & (gain >= gate.persistence))
    if not clear.any():
        return clear
    new = _beyond(shares[1], shares[0], after, gate.reach)
    gone = _beyond(shares[0], shares[1], before, gate.reach)
    core = clear & (np.maximum(new, gone) >= gate.contrast)
    pair = before * shares.shape[1] + after
    near = np.zeros(weak.shape, bool)
    for number in np.unique(pair[core]):
        own = pair == number
        near |= own & weak & ndimage.maximum_filter(core & own, 2 * gate.grow + 1, mode="constant")
    return near


def _beyond(
    here: Float[np.ndarray, "state rows cols"],
    there: Float[np.ndarray, "state rows cols"],
    state: Integer[np.ndarray, "rows cols"],
    reach: int,
) -> Float[np.ndarray, "rows cols"]:
    """By how much the probability of a state here exceeds the highest one near on the other date."""
    beyond = np.zeros(state.shape, np.float32)
    for number in np.unique(state):
        near = ndimage.maximum_filter(there[number], 2 * reach + 1, mode="nearest")
        beyond = np.where(state == number, here[number] - near, beyond)
    return beyond


def _follow(
    logs: Float[np.ndarray, "date state pixel"], allowed: Bool[np.ndarray, "step pixel"]
) -> Integer[np.ndarray, "date pixel"]:
    """The likeliest course of states of each pixel, which changes only where that is allowed."""
    best, came = logs[0].astype(np.float64), []
    for own, may in zip(logs[1:], allowed, strict=True):
        stays = (best >= best.max(0)) | ~may
        came.append(np.where(stays, np.arange(len(best))[:, None], best.argmax(0)))
        best = own + np.where(stays, best, best.max(0))
    course = [best.argmax(0)]
    for back in reversed(came):
        course.append(np.take_along_axis(back, course[-1][None], 0)[0])
    return np.stack(course[::-1])


def _scores(
    shares: Float[np.ndarray, "date state rows cols"], states: UInt8[np.ndarray, "date rows cols"]
) -> Float[np.ndarray, "step rows cols"]:
    steps = [_moved(shares[step : step + 2], states[step : step + 2]) for step in range(len(states) - 1)]
    return np.stack(steps).clip(0, 1).astype(np.float32)


def _moved(
    shares: Float[np.ndarray, "2 state rows cols"], states: UInt8[np.ndarray, "2 rows cols"]
) -> Float[np.ndarray, "rows cols"]:
    """The mean of what the state before loses and what the state after gains, from one date to the next."""
    before, after = (np.take_along_axis(shares, state[None, None].astype(np.intp), 1)[:, 0] for state in states)
    return np.where(states[0] == states[1], 0, ((before[0] - before[1]) + (after[1] - after[0])) / 2)
