"""Computes with features in a child process, with as much time and memory as their size explains."""

from geoglot.bounded import Limits, run_bounded
from geoglot.errors import ChildError, InputError
from geoglot.settings import load_settings

_READ_PACE = 4  # MB that even a slow machine reads in a second
_COPIES = 8  # of the features in memory: text, GDAL's, those of GEOS, and written


def compute(task: str, *arguments: str, size: int, what: str, pace: float = _READ_PACE) -> None:
    """Run `task` of `bounded` on features of `size` bytes; InputError, which begins with `what`, at a limit.

    `pace` is how many MB are done in a second of computing, at the least.
    """
    settings, megabytes = load_settings(), size / 2**20
    limits = Limits(
        seconds=settings.read_seconds + megabytes / pace,
        megabytes=settings.read_mb + _COPIES * megabytes,
        advice="; simplify it or cut out what you need, or raise GEOGLOT_READ_SECONDS and GEOGLOT_READ_MB",
    )
    try:
        run_bounded(task, *arguments, limits=limits)
    except ChildError as error:
        raise InputError(f"{what} {error}") from None
