"""RSVQA (Lobry et al. 2020, arXiv 2003.07333): questions about Sentinel-2 (LR) and USGS photos (HR), made from OSM.

Layout, by the authors' loader (github syvlo/RSVQA, VQA_model/VQALoader.py) and torchrs:
{PREFIX}_split_{split}_{images,questions,answers}.json beside a folder of {image id}.tif. Inactive entries are left out.
LR: prefix LR, folder Images_LR, 256 px at 10 m. HR: prefix USGS, folder Data, 512 px at 0.1524 m; its second test
split, test_phili, is of another region.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoglot.datasets.dataset import Asked, DataSet, Question
from geoglot.errors import SourceError

_PARTS = ("images", "questions", "answers")


@dataclass(frozen=True)
class Rsvqa(DataSet):
    """Three JSON files per split, and a folder of images by id."""

    prefix: str = ""
    folder: str = ""

    tasks = ("vqa",)

    def read(self, data: Path, split: str) -> Asked:
        images, questions, answers = (self._entries(data, split, part) for part in _PARTS)
        try:
            index = {number: index for index, number in enumerate(images)}
            asked = [
                Question(index[row["img_id"]], row["question"], answers[row["answers_ids"][0]]["answer"], row["type"])
                for row in questions.values()
            ]
        except (KeyError, IndexError, TypeError) as error:
            raise SourceError(f"the files of {split!r} in {data} do not belong together: {error!r}") from error
        paths = [data / self.folder / f"{number}.tif" for number in images]
        self.require_all(data, paths, "images")
        return Asked(paths, asked)

    def _entries(self, data: Path, split: str, part: str) -> dict[int, dict[str, Any]]:
        path = self.require(data, f"{self.prefix}_split_{split}_{part}.json")
        try:
            entries = json.loads(path.read_text("utf-8"))[part]
            return {entry["id"]: entry for entry in entries if entry["active"]}
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(f"{path} is not the published file ({error!r}); fetch it from {self.page}") from error


RSVQA_LR = Rsvqa(
    name="rsvqa-lr",
    title="RSVQA-LR",
    page="https://zenodo.org/records/6344334",
    resolution=(10.0, 10.0),
    splits={"test": 100, "val": 100, "train": 572},
    prefix="LR",
    folder="Images_LR",
)
RSVQA_HR = Rsvqa(
    name="rsvqa-hr",
    title="RSVQA-HR",
    page="https://zenodo.org/records/6344367",
    resolution=(0.1524, 0.1524),
    splits={"test": None, "test_phili": None, "val": None, "train": None},
    prefix="USGS",
    folder="Data",
)
