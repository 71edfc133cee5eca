"""The record of one piece of work, and what of it may be told."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from geoglot.version import __version__

State = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass
class Job:
    """One piece of work."""

    id: str
    kind: str
    body: dict[str, Any]
    state: State = "queued"
    done: int = 0
    total: int | None = None
    version: int = 0
    """Rises when there is more to see."""
    result: dict[str, Any] | None = None
    """While it runs, the names that are looked for; then the document of the door."""
    error: dict[str, str] | None = None
    created: float = field(default_factory=time.time)
    seconds: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether nothing changes any more."""
        return self.state in ("done", "failed", "cancelled")

    @property
    def title(self) -> str:
        """What was asked in words; the kind of work, if it was asked without."""
        words = self.body.get("words") or self.body.get("text") or self.body.get("question") or self.kind
        return words if isinstance(words, str) else ", ".join(words)

    def to_json(self) -> dict[str, Any]:
        """The document of a job."""
        return {**vars(self), "seconds": round(self.seconds, 3)}


def job_id(kind: str, body: dict[str, Any], states: dict[str, str]) -> str:
    """The same for the same work on unchanged files by one version of this program."""
    text = json.dumps([kind, body, states, __version__], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def without_places(value: Any, shown: Mapping[str, str]) -> Any:
    """A document without the folders of this machine; `shown` holds what stands for each of them."""
    if isinstance(value, dict):
        return {key: without_places(each, shown) for key, each in value.items()}
    if isinstance(value, list):
        return [without_places(each, shown) for each in value]
    if isinstance(value, str):
        for place, name in shown.items():
            value = value.replace(place, name)
    return value
