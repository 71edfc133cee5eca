"""Long work as jobs: they wait for a child, report progress, can be cancelled, and go on after the server was killed.

A job is a folder with its document. What it does keeps its own journals, so that nothing is computed twice.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from geoglot.app.children import Pool
from geoglot.app.job import Job, job_id, without_places
from geoglot.app.workspace import UnknownId
from geoglot.errors import GeoglotError, LimitError
from geoglot.outputs.atomic import disk_errors, write_json

#: Jobs that are remembered; of more, those that ended first are forgotten
MOST_JOBS = 200
#: Jobs that may wait
MOST_WAITING = 32
_FILE = "job.json"
_LASTING = ("audit",)  # hold what a person decided, and are forgotten only when that is asked for
_QUIET = 0.1  # seconds between two events of a job

Make = Callable[[Job], dict[str, Any]]
"""The task that a child is given for a job, and in `shown` the name of each place in it."""


class BusyError(GeoglotError):
    """Too many jobs wait."""


class Jobs:
    """All jobs of a map."""

    def __init__(self, folder: Path, pool: Pool, make: Make, seconds: int) -> None:
        self.folder, self._pool, self._make, self._seconds = folder, pool, make, seconds
        self._jobs = dict[str, Job]()
        self._tasks = dict[str, asyncio.Task[None]]()
        self._changed = asyncio.Condition()
        self._turns = defaultdict[str, asyncio.Lock](asyncio.Lock)
        """By scene: it is encoded once, and whoever comes second finds its vectors."""

    async def restore(self) -> None:
        """Read the jobs of an earlier server, and go on with those that did not end."""
        for path in sorted(self.folder.glob(f"*/{_FILE}"), key=lambda path: path.stat().st_mtime):
            try:
                job = Job(**json.loads(path.read_text()))
            except (ValueError, TypeError):  # of another version
                continue
            self._jobs[job.id] = job
            if not job.ended:
                job.state = "queued"
                self._begin(job)
        self._forget_oldest()

    def list(self) -> list[Job]:
        """All jobs, the newest last."""
        return list(self._jobs.values())

    def get(self, name: str) -> Job:
        """A job by its id; UnknownId."""
        if name not in self._jobs:
            raise UnknownId(f"no job has the id {name[:40]!r}")
        return self._jobs[name]

    def place(self, name: str) -> Path:
        """The folder of a job; UnknownId."""
        return self.folder / self.get(name).id

    def submit(self, kind: str, body: dict[str, Any], states: dict[str, str]) -> Job:
        """Begin a job, or take the one that does the same; one that failed or was cancelled is tried again."""
        name = job_id(kind, body, states)
        known = self._jobs.get(name)
        if known is not None and (not known.ended or (known.state == "done" and self._holds(known))):
            return known
        if sum(job.state == "queued" for job in self._jobs.values()) >= MOST_WAITING:
            raise BusyError(f"{MOST_WAITING} jobs are waiting; cancel some, or wait")
        job = Job(name, kind, body)
        with disk_errors(folder := self.folder / name):
            folder.mkdir(exist_ok=True)
        self._save(job)  # a job that is not on the disk is none
        self._jobs.pop(name, None)
        self._jobs[name] = job
        self._begin(job)
        self._forget_oldest()
        return job

    def _holds(self, job: Job) -> bool:
        """Whether what a job made still holds.

        Words such as roof@roofs may have been taught anew, and a lesson replaces the model of earlier ones of its name.
        """
        if "@" in json.dumps(job.body):
            return False
        lessons = (each for each in reversed(self._jobs.values()) if each.kind == "teach")
        return job.kind != "teach" or job is next(each for each in lessons if each.body["name"] == job.body["name"])

    def turn(self, name: str) -> asyncio.Lock:
        """Held by whoever changes what a job has made."""
        return self._turns[self.get(name).id]

    async def remove(self, name: str) -> None:
        """Cancel a job that has not ended; forget one that has."""
        job = self.get(name)
        if not job.ended:
            self._tasks[name].cancel()
            await asyncio.wait([self._tasks[name]])
        else:
            del self._jobs[name]
            shutil.rmtree(self.folder / job.id, ignore_errors=True)

    async def wait(self, job: Job, seconds: float) -> None:
        """Wait until a job ended, at most so long."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: job.ended)
        except TimeoutError:
            pass

    async def follow(self, job: Job) -> AsyncIterator[dict[str, Any]]:
        """The document of a job, now and whenever it changed, until it ended."""
        while True:
            ended, seen = job.ended, _moving(job)  # as the document says, which may take a while to be sent
            yield job.to_json()
            if ended:
                return
            await asyncio.sleep(_QUIET)
            async with self._changed:
                await self._changed.wait_for(lambda: _moving(job) != seen)  # noqa: B023

    async def close(self) -> None:
        """End all work; what is unfinished goes on when the map is started again."""
        for task in self._tasks.values():
            task.cancel("closing")
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    def _begin(self, job: Job) -> None:
        task = asyncio.create_task(self._run(job))
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.id, None))

    async def _run(self, job: Job) -> None:
        task: dict[str, Any] = {"shown": {}}
        try:
            async with self._turns[job.body.get("scene", job.id)], self._pool.borrow() as child:
                began = time.monotonic()
                await self._change(job, state="running")
                task, report = self._make(job), self._reporter(job, began)
                try:
                    async with asyncio.timeout(self._seconds):
                        result, _ = await child.do(job.kind, task, report)
                except TimeoutError:
                    child.kill()
                    raise LimitError(f"the job took more than {self._seconds} s") from None
                seconds = time.monotonic() - began
            result = without_places(result, task["shown"])
            await self._change(job, state="done", result=result, version=job.version + 1, seconds=seconds)
        except asyncio.CancelledError as error:
            if error.args != ("closing",):
                await self._change(job, state="cancelled")
        except GeoglotError as error:
            message = without_places(str(error), task["shown"])
            await self._change(job, state="failed", error={"kind": type(error).__name__, "message": message})
        except Exception as error:
            message = f"a fault of geoglot: {type(error).__name__}"
            await self._change(
                job, state="failed", error={"kind": "Fault", "message": message}
            )  # nobody waits for ever
            raise

    def _reporter(self, job: Job, began: float) -> Callable[[dict[str, Any]], None]:
        def report(facts: dict[str, Any]) -> None:
            job.version += facts.pop("version", 0)
            job.done, job.total = facts.get("done", job.done), facts.get("total", job.total)
            job.result = facts.get("result", job.result)
            job.seconds = time.monotonic() - began
            waking.add(task := asyncio.ensure_future(self._wake()))
            task.add_done_callback(waking.discard)

        waking = set[asyncio.Future[None]]()
        return report

    async def _change(self, job: Job, **facts: Any) -> None:
        for name, value in facts.items():
            setattr(job, name, value)
        try:
            self._save(job)
        finally:  # whoever waits is told, even if the disk is full
            await self._wake()

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _save(self, job: Job) -> None:
        write_json(self.folder / job.id / _FILE, job.to_json())

    def _forget_oldest(self) -> None:
        ended = [job for job in self._jobs.values() if job.ended and job.kind not in _LASTING]
        for job in ended[: max(0, len(self._jobs) - MOST_JOBS)]:
            del self._jobs[job.id]
            shutil.rmtree(self.folder / job.id, ignore_errors=True)


def _moving(job: Job) -> tuple[object, ...]:
    return job.state, job.done, job.version, job.result is None
