from __future__ import annotations

import threading
import warnings

import pytest

from geoglot.silence import ignore_library_warnings

REMARKS = ["Dataset has no geotransform, gcps, or rpcs", "The given matrix is equal to Affine.identity or its flipped"]


@pytest.mark.parametrize("remark", REMARKS)
def test_one_thread_that_leaves_does_not_end_the_silence_of_another(remark: str) -> None:
    inside, left = threading.Event(), threading.Event()
    heard: list[Warning] = []

    def other() -> None:
        with ignore_library_warnings():
            inside.set()
            left.wait(10)
            try:
                warnings.warn(remark, stacklevel=1)
            except UserWarning as warning:
                heard.append(warning)

    thread = threading.Thread(target=other)
    with ignore_library_warnings():
        thread.start()
        inside.wait(10)
    left.set()
    thread.join()
    assert not heard
    with pytest.raises(UserWarning, match=remark[:20]):  # as tests have it outside
        warnings.warn(remark, stacklevel=1)


def test_other_warnings_are_heard() -> None:
    with ignore_library_warnings(), pytest.raises(UserWarning, match="something else"):
        warnings.warn("something else", stacklevel=1)
