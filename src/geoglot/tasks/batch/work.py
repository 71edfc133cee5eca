"""One scene of a batch: run the door, and say how it went, whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

from geoglot.aliases import PathLike, Progress
from geoglot.errors import (
    NO_PIXEL,
    ClassesError,
    EmptyError,
    GeoglotError,
    InputError,
    MissingExtraError,
    ModelError,
    OutsideError,
)
from geoglot.options import RefineOptions
from geoglot.outputs.finished import Finished, keeping_finished
from geoglot.tasks.batch.scenes import Scene

State = Literal["done", "there", "in part", "empty", "outside", "failed"]
"""there: it was complete before; in part: windows failed; empty: no pixel is valid; outside: it does not touch the
area of interest."""
#: Errors of what is asked, not of a scene: they would be the same for every scene, and end the batch
OF_ALL = (ClassesError, ModelError, MissingExtraError)


@dataclass(frozen=True)
class Outcome:
    """How it went with one scene."""

    scene: Scene
    state: State
    document: dict[str, Any] | None = None
    """As the door's --json; None if there is no result."""
    reason: str = ""
    """Why there is no result, or not all of it."""
    wrong_usage: bool = False
    """Whether other arguments would have helped."""

    def to_json(self) -> dict[str, Any]:
        """The entry in the document of a batch."""
        sources = self.scene.sources
        source = {"source": sources[0]} if len(sources) == 1 else {"sources": list(sources)}
        said = {"reason": self.reason} if self.reason else {}
        return {"scene": self.scene.name, **source, "state": self.state, **said, **(self.document or {})}


@dataclass(frozen=True)
class Work:
    """What is to be done with one scene, in a form that another process can be told."""

    scene: Scene
    door: Callable[..., Any]
    arguments: tuple[Any, ...]
    """What the door takes after its source."""
    settings: Mapping[str, Any]
    """Its named arguments. `model` may be a name, and `refiner` RefineOptions: they are loaded once in each process."""
    device: str | None
    takes_dates: bool = False
    looks_only: bool = False
    """Whether the door runs no model, and has no progress."""

    def do(self, progress: Progress | None = None) -> Outcome:
        """Run the door. Raises what is wrong with every scene, and nothing else."""
        if self.scene.missing:
            return Outcome(self.scene, "failed", reason=self.scene.missing)
        try:
            with keeping_finished():
                document = self._run(progress)
        except Finished as finished:
            before = _judge(self.scene, finished.document)
            return replace(before, state="there") if before.state == "done" else before
        except OF_ALL:
            raise
        except OutsideError as error:
            return Outcome(self.scene, "outside", reason=str(error))
        except EmptyError:
            return Outcome(self.scene, "empty", reason=NO_PIXEL)
        except (GeoglotError, OSError) as error:
            return Outcome(self.scene, "failed", reason=str(error), wrong_usage=isinstance(error, InputError))
        except MemoryError:
            return Outcome(self.scene, "failed", reason="the memory is not enough; give fewer --jobs")
        except Exception as error:  # noqa: BLE001 - a defect on one scene does not stop the others, and is told
            return Outcome(self.scene, "failed", reason=f"a fault of geoglot: {type(error).__name__}: {error}")
        return _judge(self.scene, document)

    def _run(self, progress: Progress | None) -> dict[str, Any]:
        settings = dict(self.settings)
        if self.looks_only:
            seen: dict[str, Any] = self.door(self.scene.sources[0], **settings).to_json()
            return seen
        if isinstance(settings.get("model"), PathLike):
            settings["model"] = _load(str(settings["model"]), self.device)
        if isinstance(settings.get("refiner"), RefineOptions):
            settings["refiner"] = _load_refiner(settings["refiner"], self.device)
        source = self.scene.sources if self.takes_dates else self.scene.sources[0]
        document: dict[str, Any] = self.door(source, *self.arguments, progress=progress, **settings).to_json()
        if document.get("output"):
            document.pop("objects", None)  # the file holds them
        return document


def _judge(scene: Scene, document: dict[str, Any]) -> Outcome:
    """How good a result is."""
    failed, total = _failures(document)
    if failed and all(each["reason"] == NO_PIXEL for each in failed):
        return Outcome(scene, "empty", document, NO_PIXEL)
    if failed:
        reason = f"{len(failed)} of {total} windows failed: {failed[0]['reason']}"
        return Outcome(scene, "in part" if len(failed) < total else "failed", document, reason)
    answers = document.get("answers", ())
    if refused := [each["text"] for each in answers if each["value"] is None]:
        return Outcome(scene, "in part" if len(refused) < len(answers) else "failed", document, refused[0])
    pixels = [each["pixels"] for each in document.get("classes", ())]
    if pixels and not any(sum(each) if isinstance(each, list) else each for each in pixels):
        return Outcome(scene, "empty", document, NO_PIXEL)
    return Outcome(scene, "done", document)


def _failures(document: Mapping[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """The windows that failed, and how many there are; each label is that of a window or of a whole picture."""
    if "results" in document:
        return document["failed"], len(document["failed"]) + len(document["results"])
    windows = document.get("windows", {"failed": [], "total": 0})
    return windows["failed"], windows["total"]


@cache
def _load(model: str, device: str | None) -> Any:
    from geoglot.models.zoo import load_model

    return load_model(model, device=device, precision="auto")


@cache
def _load_refiner(options: RefineOptions, device: str | None) -> Any:
    from geoglot.tasks.refine.load import refiner_of

    return refiner_of(options, device)
