"""Pools of children: what is started is used, and nothing is left behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from geoglot.app.children import Child, Pool


class Slow:
    """A child that takes as long to load its model as the test says."""

    alive = True

    def __init__(self) -> None:
        self.loaded = asyncio.Event()

    async def do(self, task: str, body: dict[str, Any]) -> None:
        await self.loaded.wait()


def test_whoever_no_longer_waits_for_a_new_child_leaves_it_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    started = list[Slow]()

    async def start(nice: int) -> Slow:
        started.append(Slow())
        return started[-1]

    async def come_and_go() -> None:
        pool = Pool(1, 0, ("warm", {}))
        for _ in range(5):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01), pool.borrow():
                    pass
        started[0].loaded.set()
        async with asyncio.timeout(1), pool.borrow() as child:
            assert child is started[0]

    monkeypatch.setattr(Child, "start", start)
    asyncio.run(come_and_go())
    assert len(started) == 1
