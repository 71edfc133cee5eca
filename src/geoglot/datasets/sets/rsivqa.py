"""RSIVQA (Zheng et al. 2021): questions about the images of UCM, Sydney, AID, HRRSD and DOTA.

Layout of github spectralpublic/RSIVQA: a text file per source with lines `image: question?answer`. Put the images of
the sources into a folder `images` beside each text file. A folder `hrrsd` beside `hrrsd.txt` is read too.
"""

from __future__ import annotations

from pathlib import Path

from geoglot.datasets.dataset import Asked, DataSet, Question
from geoglot.errors import SourceError
from geoglot.sources.listing import SUFFIXES

_FILES = {
    "hrrsd": "HRRSD/opt_val_vqa.txt",
    "ucm": "UCM/ucm_vqa.txt",
    "sydney": "Sydney/sydney_vqa.txt",
    "aid": "AID/rsicd_vqa.txt",
    "dota_val": "DOTA/dota_val_vqa2.txt",
    "dota_train": "DOTA/dota_train_vqa2.txt",
}


class Rsivqa(DataSet):
    """Text files with lines of image, question and answer."""

    tasks = ("vqa",)

    def read(self, data: Path, split: str) -> Asked:
        """The questions of one source, in the order of its file."""
        lines = self._file(data, split)
        folders = [lines.parent / "images", lines.with_suffix("")]
        places: dict[str, int] = {}
        images: list[Path] = []
        asked = []
        for number, line in enumerate(lines.read_text("utf-8", errors="replace").splitlines(), 1):
            if not line.strip():
                continue
            name, _, rest = line.partition(":")
            question, mark, answer = rest.strip().rpartition("?")
            if not mark or not answer.strip():
                raise SourceError(f"{lines}, line {number} must be `image: question?answer`, got {line!r}")
            if name not in places:
                places[name] = len(images)
                images.append(self._image(folders, name.strip(), data))
            asked.append(Question(places[name], f"{question}?", answer.strip().lower(), _kind(question)))
        if not asked:
            raise SourceError(f"{lines} holds no questions")
        return Asked(images, asked)

    def _file(self, data: Path, split: str) -> Path:
        places = [data / _FILES[split], data / "RSIVQA" / _FILES[split], data / f"{split}.txt"]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            raise self.missing(f"the file {_FILES[split]}", data)
        return path

    def _image(self, folders: list[Path], name: str, data: Path) -> Path:
        stem = Path(name).stem
        for folder in folders:
            for suffix in dict.fromkeys([Path(name).suffix, *SUFFIXES]):
                if suffix and (path := folder / f"{stem}{suffix}").is_file():
                    return path
        raise self.missing(f"the image {name}", data)


def _kind(question: str) -> str:
    if question.startswith("how many"):
        return "count"
    return "theme" if "theme" in question else "presence"


RSIVQA = Rsivqa(
    name="rsivqa",
    title="RSIVQA",
    page="https://github.com/spectralpublic/RSIVQA",
    resolution=None,
    splits=dict.fromkeys(_FILES),
)
