"""SIGTERM and SIGHUP end the program as Ctrl-C does: what is open is closed, and a long run can be resumed."""

import signal
import time
from types import FrameType

_REPEAT_S = 2.0  # `timeout` and terminals send a signal twice; the second must not disturb what the first began
_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked the program to end. It is no Exception, so that nothing on the way to `main` handles it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number)


def stop_on_signals() -> None:
    """Raise Stopped in the main thread on these signals, unless they are ignored, as under `nohup`."""
    last = -_REPEAT_S

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if last - before >= _REPEAT_S:
            raise Stopped(number)

    for number in _SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, stop)
