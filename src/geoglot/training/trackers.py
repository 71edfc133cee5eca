"""Where the metrics of a run go beside its own log: TensorBoard, Weights & Biases, MLflow.

Each is an object with `log` and `close`. In Python any other is one line: the argument `report` of every training is
called after each step, `train_align(recipe, report=lambda step, steps, metrics: mine.log(metrics, step))`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from geoglot.errors import InputError, MissingExtraError
from geoglot.legible import reason_of

Track = Literal["wandb", "mlflow"]


@runtime_checkable
class Tracker(Protocol):
    """Takes the metrics of a run, step by step."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """The metrics of a step; a resumed run continues after the last step of its checkpoint."""
        ...

    def close(self) -> None:
        """No step follows: the run is complete, or it was stopped by an error and may be resumed."""
        ...


def check_trackers(track: Track | None, tensorboard: bool) -> None:
    """Before any work, refuse trackers that are not installed."""
    if tensorboard:
        _tensorboard_writer()
    if track:
        _package(track)


def open_trackers(track: Track | None, folder: Path, tensorboard: bool, step: int) -> list[Tracker]:
    """The trackers of a run in a folder that has finished this step; its name there is the name of the folder.

    Raises InputError if a tracker opens no run, as without a login or a network.
    """
    opened: list[Tracker] = [_TensorBoard(folder, step)] if tensorboard else []
    if track:
        package = _package(track)
        try:
            opened.append(_OPENERS[track](package, folder))
        except Exception as error:
            raise InputError(
                f"fit.track = {track!r}: {track} opens no run ({reason_of(error)}); set it up, or leave track out"
            ) from error
    return opened


class _TensorBoard:
    def __init__(self, folder: Path, step: int) -> None:
        self._board = _tensorboard_writer()(str(folder / "tensorboard"), purge_step=step + 1)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._board.add_scalar(name, value, step)

    def close(self) -> None:
        self._board.close()


class _WeightsAndBiases:
    """A run of W&B with an id of its own, which a resumed training continues."""

    def __init__(self, package: Any, folder: Path) -> None:
        self._run = package.init(name=folder.name, id=_id_of(folder), resume="allow", dir=str(folder))

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self._run.log(dict(metrics), step=step)

    def close(self) -> None:
        self._run.finish()


class _MLflow:
    """A run of MLflow; a resumed training adds to the run that its folder names."""

    def __init__(self, package: Any, folder: Path) -> None:
        self._package, kept = package, folder / "mlflow-run"
        known = kept.read_text("utf-8") if kept.exists() else None
        run = package.start_run(run_id=known, run_name=None if known else folder.name)
        kept.write_text(run.info.run_id, "utf-8")

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self._package.log_metrics(dict(metrics), step=step)

    def close(self) -> None:
        self._package.end_run()


_OPENERS: dict[Track, Callable[[Any, Path], Tracker]] = {"wandb": _WeightsAndBiases, "mlflow": _MLflow}


def _id_of(folder: Path) -> str:
    """The id of a run, kept in its folder, so that the run of another folder of this name is another one."""
    import uuid

    kept = folder / "wandb-run"
    if not kept.exists():
        kept.write_text(uuid.uuid4().hex[:12], "utf-8")
    return kept.read_text("utf-8")


def _package(name: Track) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(f"fit.track = {name!r} needs the package {name}: pip install {name}") from error


def _tensorboard_writer() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtraError("tensorboard", "tensorboard") from error
    return SummaryWriter
