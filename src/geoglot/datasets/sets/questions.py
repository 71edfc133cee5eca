"""A table of one's own: SPLIT.csv with the columns image, question, answer, and type where it is known.

Images are paths, from the folder of the table on. `geoglot datasets questions` writes such a table.
"""

from __future__ import annotations

import csv
from pathlib import Path

from geoglot.datasets.dataset import Asked, DataSet, Question, Task
from geoglot.errors import InputError, SourceError

_COLUMNS = ("image", "question", "answer")


class QuestionTable(DataSet):
    """Whatever table lies in a folder; any split that is a file."""

    def check(self, task: Task, split: str) -> None:
        """Only the task: which splits there are is seen in the folder."""
        if task not in self.tasks:
            raise InputError(f"a table of questions is for vqa, not for {task}")

    tasks = ("vqa",)

    def read(self, data: Path, split: str) -> Asked:
        """The questions in the order of the table."""
        path = data / f"{split}.csv"
        if not path.is_file():
            raise self.missing(f"the table {path.name}", data)
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file))
        except (OSError, ValueError, csv.Error) as error:
            raise SourceError(f"{path} cannot be read: {error}") from error
        if not rows or not set(_COLUMNS) <= set(rows[0]):
            raise SourceError(f"{path} must have the columns {', '.join(_COLUMNS)}")
        names = list(dict.fromkeys(row["image"] for row in rows))
        images = [data / name for name in names]
        if gone := [image for image in images if not image.is_file()]:
            raise self.missing(f"{len(gone)} images, the first {gone[0]},", data)
        place = {name: index for index, name in enumerate(names)}
        asked = [
            Question(place[row["image"]], row["question"], row["answer"].strip(), row.get("type") or "all")
            for row in rows
        ]
        return Asked(images, asked)


QUESTIONS = QuestionTable(
    name="questions",
    title="a table of questions",
    page="write SPLIT.csv with image,question,answer, or let `geoglot datasets questions` make one",
    resolution=None,
    splits={"test": None},
)
