"""Pools of children: what is started is used, and nothing is left behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from geoglot.app.children import Child, Pool
from geoglot.errors import ChildError


class Slow:
    """A child that takes as long to load its model as the test says."""

    alive = True

    def __init__(self) -> None:
        self.loaded = asyncio.Event()

    async def do(self, task: str, body: dict[str, Any]) -> None:
        await self.loaded.wait()
        if not self.alive:
            raise ChildError("the process ended")

    def kill(self) -> None:
        self.alive = False
        self.loaded.set()

    async def wait(self) -> None:
        await self.loaded.wait()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Slow]:
    """The children that pools start in this test."""
    children = list[Slow]()

    async def start(nice: int) -> Slow:
        children.append(Slow())
        return children[-1]

    monkeypatch.setattr(Child, "start", start)
    return children


def test_whoever_no_longer_waits_for_a_new_child_leaves_it_to_the_next(started: list[Slow]) -> None:
    async def come_and_go() -> None:
        pool = Pool(1, 0, ("warm", {}))
        for _ in range(5):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01), pool.borrow():
                    pass
        started[0].loaded.set()
        async with asyncio.timeout(1), pool.borrow() as child:
            assert child is started[0]

    asyncio.run(come_and_go())
    assert len(started) == 1


def test_a_child_that_dies_while_it_loads_is_replaced(started: list[Slow]) -> None:
    async def die_and_come_again() -> None:
        pool = Pool(1, 0, ("warm", {}))
        first = asyncio.create_task(pool.warm())
        while not started:
            await asyncio.sleep(0)
        started[0].kill()
        await first
        again = asyncio.create_task(pool.warm())
        while len(started) < 2:
            await asyncio.sleep(0)
        started[1].loaded.set()
        await again
        async with asyncio.timeout(1), pool.borrow() as child:
            assert child is started[1]

    asyncio.run(die_and_come_again())


def test_a_pool_that_closes_while_children_load_leaves_no_task(started: list[Slow]) -> None:
    async def close_early() -> None:
        pool = Pool(2, 0, ("warm", {}))
        waiting = asyncio.create_task(pool.warm())
        while len(started) < 2:
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        await pool.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(close_early())
    assert not any(child.alive for child in started)
