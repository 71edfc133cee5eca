from __future__ import annotations

import threading
import warnings

import pytest

from geoglot.silence import ignore_library_warnings

REMARK = "Dataset has no geotransform, gcps, or rpcs"


def test_one_thread_that_leaves_does_not_end_the_silence_of_another() -> None:
    inside, left = threading.Event(), threading.Event()
    heard: list[Warning] = []

    def other() -> None:
        with ignore_library_warnings():
            inside.set()
            left.wait(10)
            try:
                warnings.warn(REMARK, stacklevel=1)
            except UserWarning as warning:
                heard.append(warning)

    thread = threading.Thread(target=other)
    with ignore_library_warnings():
        thread.start()
        inside.wait(10)
    left.set()
    thread.join()
    assert not heard
    with pytest.raises(UserWarning, match="no geotransform"):  # as tests have it outside
        warnings.warn(REMARK, stacklevel=1)


def test_other_warnings_are_heard() -> None:
    with ignore_library_warnings(), pytest.raises(UserWarning, match="something else"):
        warnings.warn("something else", stacklevel=1)
