"""Metrics of a run: one line of JSON a step, which trackers get too."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from geoglot.outputs.atomic import check_folder, disk_errors, write_bytes
from geoglot.tables import parse_json
from geoglot.training.trackers import Tracker

METRICS = "metrics.jsonl"


class MetricsLog:
    """The log of a run that resumes after `step`: entries of later steps are dropped, because they are done again."""

    def __init__(self, folder: Path, step: int, trackers: Sequence[Tracker] = ()) -> None:
        self._path = folder / METRICS
        check_folder(self._path)
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        kept = [line for line in lines if _is_up_to(line, step)]
        write_bytes(self._path, "".join(f"{line}\n" for line in kept).encode())
        self._trackers = trackers

    def add(self, step: int, metrics: Mapping[str, float]) -> None:
        """Append the metrics of a step."""
        with disk_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **metrics}) + "\n")
        for tracker in self._trackers:
            tracker.log(step, metrics)

    def close(self) -> None:
        """Tell the trackers that no step follows."""
        for tracker in self._trackers:
            tracker.close()

    def read(self, step: int) -> dict[str, int | float]:
        """The metrics that were logged for a step."""
        with self._path.open(encoding="utf-8") as file:
            return next(row for row in map(json.loads, file) if row["step"] == step)


def _is_up_to(line: str, step: int) -> bool:
    """Whether a line holds the metrics of a step up to this one; a killed run may leave half a line."""
    try:
        return bool(parse_json(line)["step"] <= step)
    except (ValueError, KeyError, TypeError):
        return False
