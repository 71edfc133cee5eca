"""Your own table of questions: SPLIT.csv with the columns image, question, answer and, optionally, type.

Images are paths relative to the table's folder. `recipes/ask/make_questions.py` writes such a table.
"""

from __future__ import annotations

from pathlib import Path

from geoglot.datasets.dataset import Asked, DataSet, Question, Task
from geoglot.errors import InputError, SourceError
from geoglot.tables import read_table

_COLUMNS = ("image", "question", "answer")


class QuestionTable(DataSet):
    """The tables of a folder; every file is a split."""

    tasks = ("vqa",)

    def check(self, task: Task, split: str) -> None:  # splits are known only when the folder is read
        if task not in self.tasks:
            raise InputError(f"a table of questions is for vqa, not for {task}")

    def read(self, data: Path, split: str) -> Asked:
        path = self.require(data, f"{split}.csv", "the table")
        rows = read_table(path, _COLUMNS).rows
        if not rows:
            raise SourceError(f"{path} has no questions below the columns {', '.join(_COLUMNS)}")
        names = list(dict.fromkeys(row["image"] for row in rows))
        images = [data / name for name in names]
        self.require_all(data, images, "images")
        index = {name: index for index, name in enumerate(names)}
        questions = [
            Question(index[row["image"]], row["question"], row["answer"], row.get("type") or "all") for row in rows
        ]
        return Asked(images, questions)


QUESTIONS = QuestionTable(
    name="questions",
    title="a table of questions",
    page="write SPLIT.csv with image,question,answer, or let recipes/ask/make_questions.py write it",
    resolution=None,
    splits={"test": None},
)
