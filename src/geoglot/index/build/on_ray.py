"""Does the units of a job on a Ray cluster, through Ray Data (https://docs.ray.io/en/latest/data/data.html).

Every worker holds the model. The driver, which is this process, writes what comes back; so the archive needs to be
within reach of this machine alone, the sources and the model of all.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from geoglot.aliases import PathLike
from geoglot.errors import MissingExtraError, SourceError
from geoglot.index.build.build import Added, Job, Meter, Report, finish, prepare
from geoglot.index.build.cluster import encode_one
from geoglot.index.build.commit import commit
from geoglot.index.build.unit_files import pack, unpack
from geoglot.index.build.units import Unit
from geoglot.models.zoo import load_word_model
from geoglot.options import IndexOptions, ReadOptions


class Worker:
    """Does units, with one model for all."""

    def __init__(self, model: str) -> None:
        self._model = load_word_model(model, precision="auto")

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        unit, rules = Unit.parse(row["unit"], "a unit")
        return {"number": row["number"], "result": pack(encode_one(unit, rules, self._model))}


def add_on_ray(
    place: PathLike,
    sources: PathLike | Sequence[PathLike],
    address: str,
    model: PathLike | None = None,
    *,
    read: ReadOptions = ReadOptions(),
    options: IndexOptions = IndexOptions(),
    progress: Report | None = None,
) -> Added:
    """As `build.add`, with the work done on the cluster at an address; "local" starts one here.

    `model` is a name or folder that every machine has; None is that of the archive, or mini. SourceError if the
    cluster gives up.
    """
    began = time.monotonic()
    job = prepare(place, sources, model=model, read=read, options=options, progress=progress)
    if job.units:
        _run(job, address, str(model or job.model.card.name))
    return finish(job, time.monotonic() - began)


def _run(job: Job, address: str, model: str) -> None:
    """Do the units with a worker for each GPU of the cluster, or for each CPU if it has none."""
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError("ray", "ray") from error
    ray.init(address, ignore_reinit_error=True, log_to_driver=False, configure_logging=False)
    try:
        gpus = float(ray.cluster_resources().get("GPU", 0))
        workers = max(1, min(len(job.units), int(gpus or ray.cluster_resources()["CPU"])))
        rows = [
            {"number": number, "unit": json.dumps(unit.to_json(job.rules)).encode()}
            for number, unit in enumerate(job.units)
        ]
        ray.data.DataContext.get_current().enable_progress_bars = False
        results = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            Worker,
            fn_constructor_args=(model,),
            concurrency=workers,
            num_gpus=1 if gpus else None,
            max_restarts=-1,
        )
        _write(job, results)
    except ray.exceptions.RayError as error:
        raise SourceError(f"the cluster at {address} gave up ({error}); run the same again to go on") from error
    finally:
        ray.shutdown()


def _write(job: Job, results: Any) -> None:
    meter = Meter(job.added)
    for number, row in enumerate(results.iter_rows(), 1):
        done = unpack(row["result"], job.units[row["number"]], "what a worker sent")
        commit(job.archive, done.batch, job.known)
        scales = done.batch.chips["scale_m"].to_pylist()
        meter.count(len(scales), sum(scale**2 for scale in scales if scale))
        job.added.failed += done.failed
        job.added.notes += done.notes
        job.report("units", number, len(job.units), meter.text())
