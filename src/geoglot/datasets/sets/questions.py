"""Sets of questions about images: RSVQA, RSIVQA and your own table; the source of each is in its class."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoglot.datasets.dataset import Asked, DataSet, Question
from geoglot.errors import InputError, SourceError
from geoglot.options import Task
from geoglot.sources.listing import SUFFIXES
from geoglot.tables import parse_json, read_table

_PARTS = ("images", "questions", "answers")


@dataclass(frozen=True)
class Rsvqa(DataSet):
    """RSVQA (Lobry et al. 2020, arXiv 2003.07333): questions about Sentinel-2 (LR) and USGS photos (HR), made from OSM.

    Layout, by the authors' loader (github syvlo/RSVQA, VQA_model/VQALoader.py) and torchrs:
    {PREFIX}_split_{split}_{images,questions,answers}.json beside a folder of {image id}.tif. Inactive entries are left
    out. LR: prefix LR, folder Images_LR, 256 px at 10 m. HR: prefix USGS, folder Data, 512 px at 0.1524 m; its second
    test split, test_phili, is of another region.
    """

    prefix: str = ""
    folder: str = ""

    tasks = ("vqa",)

    def read(self, data: Path, split: str) -> Asked:
        images, questions, answers = (self._entries(data, split, part) for part in _PARTS)
        try:
            index = {number: index for index, number in enumerate(images)}
            asked = [
                Question(
                    index[row["img_id"]],
                    *map(_text, (row["question"], answers[row["answers_ids"][0]]["answer"], row["type"])),
                )
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
            entries = parse_json(path.read_text("utf-8"))[part]
            return {entry["id"]: entry for entry in entries if entry["active"]}
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise SourceError(f"{path} is not the published file ({error!r}); fetch it from {self.page}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:50]!r} must be a text")
    return value


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


class RsvqaSample(DataSet):
    """A small part of RSVQA in one file: LR_qa.json, a list of {img, split, type, q, a}, beside LR/{img}.tif."""

    tasks = ("vqa",)

    def read(self, data: Path, split: str) -> Asked:
        """The questions of all images, whatever their split in RSVQA."""
        path = self.require(data, "LR_qa.json")
        try:
            rows = parse_json(path.read_text("utf-8"))
            numbers = list(dict.fromkeys(int(row["img"]) for row in rows))
            index = {number: place for place, number in enumerate(numbers)}
            asked = [Question(index[row["img"]], *map(_text, (row["q"], row["a"], row["type"]))) for row in rows]
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise SourceError(f"{path} is not a list of questions ({error!r})") from error
        images = [data / "LR" / f"{number}.tif" for number in numbers]
        self.require_all(data, images, "images")
        return Asked(images, asked)


RSVQA_SAMPLE = RsvqaSample(
    name="rsvqa-sample",
    title="a sample of RSVQA-LR",
    page="https://zenodo.org/records/6344334",
    resolution=(10.0, 10.0),
    splits={"all": None},
)

_FILES = {
    "hrrsd": "HRRSD/opt_val_vqa.txt",
    "ucm": "UCM/ucm_vqa.txt",
    "sydney": "Sydney/sydney_vqa.txt",
    "aid": "AID/rsicd_vqa.txt",
    "dota_val": "DOTA/dota_val_vqa2.txt",
    "dota_train": "DOTA/dota_train_vqa2.txt",
}


class Rsivqa(DataSet):
    """RSIVQA (Zheng et al. 2021): questions about the images of UCM, Sydney, AID, HRRSD and DOTA.

    Layout of github spectralpublic/RSIVQA: a text file per source with lines `image: question?answer`. Put the images
    of each source into a folder `images` beside its text file; a folder of the file's name (`hrrsd` for `hrrsd.txt`) is
    read too.
    """

    tasks = ("vqa",)

    def read(self, data: Path, split: str) -> Asked:
        """The questions about one source of images, in the order of its file."""
        paths = [data / _FILES[split], data / "RSIVQA" / _FILES[split], data / f"{split}.txt"]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise self.missing(f"the file {_FILES[split]}", data)
        images, questions = dict[str, tuple[int, Path]](), list[Question]()
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
            if not line.strip():
                continue
            name, _, rest = line.partition(":")
            question, mark, answer = rest.strip().rpartition("?")
            if not mark or not answer.strip():
                raise SourceError(f"{path}, line {number} must be `image: question?answer`, got {line!r}")
            if name not in images:
                images[name] = len(images), self._find_image(path, name.strip(), data)
            asks = question.lower()
            kind = "theme" if "theme" in asks else "presence"
            kind = "count" if asks.startswith("how many") else kind
            questions.append(Question(images[name][0], f"{question}?", answer.strip().lower(), kind))
        if not questions:
            raise SourceError(f"{path} holds no questions")
        return Asked([image for _, image in images.values()], questions)

    def _find_image(self, listed: Path, name: str, data: Path) -> Path:
        for folder in (listed.parent / "images", listed.with_suffix("")):
            for suffix in dict.fromkeys([Path(name).suffix, *SUFFIXES]):
                if suffix and (path := folder / f"{Path(name).stem}{suffix}").is_file():
                    return path
        raise self.missing(f"the image {name}", data)


RSIVQA = Rsivqa(
    name="rsivqa",
    title="RSIVQA",
    page="https://github.com/spectralpublic/RSIVQA",
    resolution=None,
    splits=dict.fromkeys(_FILES),
)


_COLUMNS = ("image", "question", "answer")


class QuestionTable(DataSet):
    """Your own table of questions: SPLIT.csv with the columns image, question, answer and, optionally, type.

    Images are paths relative to the table's folder. `recipes/ask/make_questions.py` writes such a table.
    """

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
