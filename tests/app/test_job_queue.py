"""The queue of jobs, with a child that does what a test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from geoglot.app.children import Pool
from geoglot.app.job import Job
from geoglot.app.jobs import Jobs
from geoglot.app.routes_jobs import score_tile
from geoglot.app.state import State
from geoglot.app.tile_cache import TileCache
from geoglot.app.workspace import Workspace
from geoglot.errors import OutputError, SourceError

Work = Callable[[], Awaitable[dict[str, Any]]]


class Workers(Pool):
    """A child in this process, in place of others."""

    def __init__(self, work: Work) -> None:
        super().__init__(0, 0)
        self.did, self._work = list[str](), work

    async def do(self, kind: str, task: dict[str, Any], report: object) -> tuple[dict[str, Any], bytes]:
        self.did.append(task["body"].get("labels", kind))
        return await self._work(), b""

    def kill(self) -> None:
        self.did.append("killed")

    @asynccontextmanager
    async def borrow(self) -> AsyncIterator[Any]:
        yield self


async def nothing() -> dict[str, Any]:
    return {}


async def never() -> dict[str, Any]:
    await asyncio.Event().wait()
    return {}


def queue(folder: Path, workers: Workers, make: Callable[[Job], dict[str, Any]] | None = None) -> Jobs:
    def task_of(job: Job) -> dict[str, Any]:
        return {"body": job.body, "folder": str(folder / job.id), "shown": {}}

    return Jobs(folder, workers, make or task_of, 60)


async def end(jobs: Jobs, kind: str, body: dict[str, Any]) -> Job:
    job = jobs.submit(kind, body, {})
    await jobs.wait(job, 20)
    return job


def test_a_job_that_meets_a_fault_ends_as_failed(tmp_path: Path) -> None:
    def fault(_: Job) -> dict[str, Any]:
        raise KeyError("nobody expected this")

    async def main() -> Job:
        return await end(queue(tmp_path, Workers(nothing), fault), "heat", {"scene": "x"})

    job = asyncio.run(main())
    assert (job.state, job.error) == ("failed", {"kind": "Fault", "message": "a fault of geoglot: KeyError"})
    assert json.loads((tmp_path / job.id / "job.json").read_text())["state"] == "failed"


def test_a_job_that_cannot_be_done_ends_as_failed_and_names_no_folder(tmp_path: Path) -> None:
    async def refuse() -> dict[str, Any]:
        raise SourceError("/home/me/scene.tif holds no pixels")

    async def main() -> Job:
        def shown(_: Job) -> dict[str, Any]:
            return {"body": {}, "shown": {"/home/me/scene.tif": "scene.tif"}}

        return await end(queue(tmp_path, Workers(refuse), shown), "heat", {"scene": "x"})

    job = asyncio.run(main())
    assert (job.state, job.error) == ("failed", {"kind": "SourceError", "message": "scene.tif holds no pixels"})


def test_a_job_that_takes_too_long_ends_as_failed_with_its_child(tmp_path: Path) -> None:
    async def main() -> tuple[Job, list[str]]:
        jobs = Jobs(tmp_path, workers := Workers(never), lambda job: {"body": job.body, "shown": {}}, 0)
        return await end(jobs, "heat", {"scene": "x"}), workers.did

    job, did = asyncio.run(main())
    assert (job.state, did) == ("failed", ["heat", "killed"])
    assert job.error == {"kind": "LimitError", "message": "the job took more than 0 s"}


@pytest.mark.parametrize(("words", "times"), [("roof", 1), ("roof@roofs, lawn", 2)])
def test_words_that_may_have_been_taught_anew_are_asked_again(tmp_path: Path, words: str, times: int) -> None:
    async def main() -> list[str]:
        jobs = queue(tmp_path, workers := Workers(nothing))
        for _ in range(2):
            await end(jobs, "find", {"scene": "x", "words": words})
        return workers.did

    assert asyncio.run(main()) == ["find"] * times


def test_a_job_that_is_begun_again_shows_its_own_scores(tmp_path: Path) -> None:
    """Its versions are counted anew, and tiles are kept by them."""
    drawn = iter([b"of before", b"of now"])

    async def draw() -> dict[str, Any]:
        return {}

    class Readers(Workers):
        async def do(self, *_: object) -> tuple[dict[str, Any], bytes]:
            return {}, next(drawn)

    async def main() -> list[bytes]:
        jobs, seen = queue(tmp_path, Workers(never)), list[bytes]()
        state = State(Workspace(tmp_path), Readers(draw), jobs, TileCache(100), None, 0)
        for _ in range(2):
            job = jobs.submit("heat", {"scene": "x"}, {})
            seen += [bytes((await score_tile(job.id, 0, (0, 0, 0), state)).body) for _ in range(2)]
            await asyncio.sleep(0)
            await jobs.remove(job.id)
        return seen

    assert asyncio.run(main()) == [b"of before"] * 2 + [b"of now"] * 2


def test_whoever_waits_for_a_job_is_told_that_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> dict[str, Any]:
        await asyncio.sleep(0.3)  # until somebody waits
        monkeypatch.setattr("geoglot.app.jobs.write_json", full)
        return {}

    async def main() -> Job:
        jobs = queue(tmp_path, Workers(work))
        job = jobs.submit("heat", {"scene": "x"}, {})
        followed = [document["state"] async for document in jobs.follow(job)]
        assert followed[-1] == "failed"
        return job

    job = asyncio.run(asyncio.wait_for(main(), 10))
    assert job.error == {"kind": "OutputError", "message": "the disk is full"}


def full(path: Path, document: object) -> None:
    raise OutputError("the disk is full")


def test_a_job_that_could_not_be_kept_is_begun_when_it_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> Job:
        jobs = queue(tmp_path, Workers(nothing))
        with monkeypatch.context() as patch, pytest.raises(OutputError):
            patch.setattr("geoglot.app.jobs.write_json", full)
            jobs.submit("heat", {"scene": "x"}, {})
        assert jobs.list() == []
        return await end(jobs, "heat", {"scene": "x"})

    assert asyncio.run(main()).state == "done"


def test_who_follows_slowly_hears_of_the_end(tmp_path: Path) -> None:
    """The job ends while one of its documents is being sent."""

    async def main() -> list[str]:
        async def work() -> dict[str, Any]:
            await go.wait()
            return {}

        jobs, go = queue(tmp_path, Workers(work)), asyncio.Event()
        job, heard = jobs.submit("heat", {"scene": "x"}, {}), list[str]()
        async for document in jobs.follow(job):
            heard.append(document["state"])
            go.set()
            await jobs.wait(job, 20)
        return heard

    assert asyncio.run(asyncio.wait_for(main(), 10)) == ["queued", "done"]


def test_a_lesson_is_taught_again_after_another_one_of_its_name(tmp_path: Path) -> None:
    """Three clicks, one more, and that one taken back: the model is that of three clicks again."""

    async def main() -> list[str]:
        jobs = queue(tmp_path, workers := Workers(nothing))
        for labels in ("three", "three", "four", "three", "three"):
            await end(jobs, "teach", {"scene": "x", "name": "roofs", "labels": labels})
        await end(jobs, "teach", {"scene": "x", "name": "roads", "labels": "other"})
        await end(jobs, "teach", {"scene": "x", "name": "roofs", "labels": "three"})
        return workers.did

    assert asyncio.run(main()) == ["three", "four", "three", "other"]


def test_work_that_was_going_on_when_the_map_closed_goes_on(tmp_path: Path) -> None:
    async def first() -> str:
        jobs = queue(tmp_path, workers := Workers(never))
        job = jobs.submit("heat", {"scene": "x"}, {})
        while not workers.did:
            await asyncio.sleep(0)
        await jobs.close()
        return job.id

    async def second(name: str) -> Job:
        jobs = queue(tmp_path, Workers(nothing))
        await jobs.restore()
        await jobs.wait(job := jobs.get(name), 20)
        return job

    assert asyncio.run(second(asyncio.run(first()))).state == "done"
