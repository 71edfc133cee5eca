"""RSICD (Lu et al. 2018, arXiv 1712.07835): 10,921 images of 224 px with up to five different sentences each.

Layout: RSICD_images.zip and dataset_rsicd.json in Karpathy's form: images of {filename, split, sentences of {raw}}.
Ground resolutions vary and are unknown.
"""

from functools import partial
from pathlib import Path

from geoglot.datasets.dataset import Captioned, DataSet
from geoglot.datasets.image_files import read_picture
from geoglot.errors import SourceError
from geoglot.tables import parse_json

_IMAGES, _CAPTIONS = "RSICD_images", "dataset_rsicd.json"


class Rsicd(DataSet):
    """Images with captions in one JSON file."""

    tasks = ("retrieval",)

    def read(self, data: Path, split: str) -> Captioned:
        path = self.require(data, _CAPTIONS)
        try:
            rows = [row for row in parse_json(path.read_text("utf-8"))["images"] if row["split"] == split]
            captions = [tuple(sentence["raw"].strip() for sentence in row["sentences"]) for row in rows]
            images = [data / _IMAGES / Path(row["filename"]).name for row in rows]  # a name, never a path
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            raise SourceError(f"{path} is not the published file ({error!r}); fetch it from {self.page}") from error
        if not images:
            raise self.missing(f"images of {split!r}", data)
        self.require_all(data, images, "images")
        return Captioned([partial(read_picture, image) for image in images], captions)


RSICD = Rsicd(
    name="rsicd",
    title="RSICD",
    page="https://github.com/201528014227051/RSICD_optimal",
    resolution=None,
    splits={"test": 1_093, "val": 1_094, "train": 8_734},
)
