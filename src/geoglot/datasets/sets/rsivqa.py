"""RSIVQA (Zheng et al. 2021): questions about the images of UCM, Sydney, AID, HRRSD and DOTA.

Layout of github spectralpublic/RSIVQA: a text file per source with lines `image: question?answer`. Put the images of
each source into a folder `images` beside its text file; a folder of the file's name (`hrrsd` for `hrrsd.txt`) is read
too.
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
            kind = "theme" if "theme" in question else "presence"
            kind = "count" if question.startswith("how many") else kind
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
