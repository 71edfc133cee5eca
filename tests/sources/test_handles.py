from __future__ import annotations

import pickle
from copy import copy
from functools import partial
from io import BytesIO
from typing import NamedTuple

from geoglot.sources.handles import Handles


def test_handles_that_are_opened_otherwise_are_all_so() -> None:
    class Handle(NamedTuple):
        name: str
        closed: list[str]

        def close(self) -> None:
            self.closed.append(self.name)

    closed = list[str]()
    handles = Handles(lambda: Handle("first", closed))
    with handles.borrow() as first:
        assert first.name == "first"
    handles.open_otherwise(lambda: Handle("second", closed))
    with handles.borrow() as second:
        assert second.name == "second" and closed == ["first"]


def test_a_handle_is_lent_to_one_reader_at_a_time() -> None:
    opened: list[Handle] = []

    class Handle:
        closed = False

        def __init__(self) -> None:
            opened.append(self)

        def close(self) -> None:
            self.closed = True

    handles = Handles(Handle)
    with handles.borrow() as one, handles.borrow() as two:
        assert one is not two
    with handles.borrow() as again:
        assert again in (one, two)
        handles.close()
        assert not again.closed
    assert len(opened) == 2 and all(handle.closed for handle in opened)


def test_a_copy_opens_handles_of_its_own() -> None:
    """Also one that was sent to another process."""
    handles = Handles(partial(BytesIO, b"a"))
    with handles.borrow() as one, copy(handles).borrow() as two, pickle.loads(pickle.dumps(handles)).borrow() as three:
        assert len({id(one), id(two), id(three)}) == 3 and three.read() == b"a"
    handles.close()
    with copy(handles).borrow() as again:
        assert again.read() == b"a"
