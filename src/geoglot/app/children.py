"""The server's side of its child processes: pools that start them, give them tasks, and replace those that died."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from geoglot import errors
from geoglot.app.frames import HEAD_BYTES, encode_frame, read_head
from geoglot.errors import ChildError, GeoglotError, LimitError

Report = Callable[[dict[str, Any]], None]


class Fault(GeoglotError):
    """A child met an error that is none of geoglot's own."""


class Child:
    """One child process, which does one task at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process, self._killed = process, False

    @classmethod
    async def start(cls, nice: int) -> Child:
        """Start a child; `nice` is how far others go first."""
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "geoglot.app.child", str(nice),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment, limit=2**20,
            start_new_session=True,
        )  # fmt: skip
        return cls(process)

    @property
    def alive(self) -> bool:
        """Whether it can do tasks."""
        return not self._killed and self._process.returncode is None

    async def do(self, task: str, body: dict[str, Any], report: Report | None = None) -> tuple[dict[str, Any], bytes]:
        """The answer to a task; GeoglotError of the child, or ChildError if it died."""
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(encode_frame({"task": task, "body": body}))
            await self._process.stdin.drain()
            while True:
                lengths = read_head(await self._process.stdout.readexactly(HEAD_BYTES))
                document = json.loads(await self._process.stdout.readexactly(lengths[0]))
                payload = await self._process.stdout.readexactly(lengths[1])
                if "done" in document:
                    return document["done"], payload
                if "error" in document:
                    raise error_of(document["error"])
                if report:
                    report(document["report"])
        except (asyncio.IncompleteReadError, OSError, ValueError) as error:
            self.kill()
            raise ChildError("the process that did this ended: it crashed, or took more memory than it may") from error

    def kill(self) -> None:
        """End the process at once; what it keeps on disk stays."""
        self._killed = True
        with suppress(ProcessLookupError):
            self._process.kill()

    async def wait(self) -> None:
        """Wait until the process has ended."""
        await self._process.wait()


class Pool:
    """Some children of one kind. A task waits until one is free."""

    def __init__(self, count: int, nice: int, first: tuple[str, dict[str, Any]] | None = None) -> None:
        """`first` is a task for each new child: to load a model before anybody waits for it."""
        self._free: asyncio.Queue[Child | None] = asyncio.Queue()
        self._nice, self._first = nice, first
        self._warming = dict[Child, asyncio.Task[None]]()  # the first task of each child
        for _ in range(count):
            self._free.put_nowait(None)

    async def warm(self) -> None:
        """Start all children."""

        async def one() -> None:
            async with self.borrow():
                pass

        await asyncio.gather(*(one() for _ in range(self._free.qsize())))

    @asynccontextmanager
    async def borrow(self) -> AsyncIterator[Child]:
        """A child of one's own, during the block."""
        child = await self._child()
        try:
            yield child
        except asyncio.CancelledError:
            child.kill()  # what it would still say belongs to no task
            raise
        finally:
            self._free.put_nowait(child)

    async def do(self, task: str, body: dict[str, Any], seconds: float) -> tuple[dict[str, Any], bytes]:
        """The answer to a task of limited time."""
        async with self.borrow() as child:
            try:
                return await asyncio.wait_for(child.do(task, body), seconds)
            except TimeoutError:
                child.kill()
                raise LimitError(f"this took more than {seconds:g} s") from None

    async def close(self) -> None:
        """End all children; no task is left pending."""
        for child in self._warming:
            child.kill()
        for child, warming in self._warming.items():
            await child.wait()
            await asyncio.wait([warming])

    async def _child(self) -> Child:
        child = await self._free.get()
        try:
            if child is None or not child.alive:
                child = await self._start()
            await asyncio.shield(self._warming[child])  # who no longer waits leaves it to whoever comes next
        except BaseException:
            self._free.put_nowait(child)
            raise
        return child

    async def _start(self) -> Child:
        child = await Child.start(self._nice)
        self._warming = {each: task for each, task in self._warming.items() if each.alive or not task.done()}
        self._warming[child] = asyncio.create_task(self._warm(child))
        return child

    async def _warm(self, child: Child) -> None:
        if self._first:
            with suppress(GeoglotError):  # the task that needs it will say why it cannot be loaded
                await child.do(*self._first)


def error_of(facts: dict[str, str]) -> GeoglotError:
    """The error that a child, or a job, told as JSON."""
    kind = getattr(errors, facts["kind"], Fault)
    return (kind if isinstance(kind, type) and issubclass(kind, GeoglotError) else Fault)(facts["message"])
