"""BigEarthNet with 19 classes (Sumbul et al. 2019, 2021): Sentinel-2 patches of 120 px at 10 m, several labels each.

Layout: BigEarthNet-S2-v1.0.tar.gz, a folder per patch with a GeoTIFF per band and PATCH_labels_metadata.json, and the
authors' test.csv (first column: patches), which torchgeo keeps as bigearthnet-test.csv. The 43 labels of the files
become 19 as in the authors' label_indices.json; a patch with other labels only shows no class, but can still be
retrieved. Bands 4, 3, 2 are rendered as for every sensor: reflectance 0 to 0.3 is black to white.
"""

from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float
from rasterio.errors import RasterioError

from geoglot.datasets.dataset import DataSet, Label, Scenes
from geoglot.errors import SourceError
from geoglot.sources.bands.sensors import PRESETS, WHITE_REFLECTANCE
from geoglot.sources.gdal import open_dataset
from geoglot.tables import parse_json, read_text

_FOLDER = "BigEarthNet-v1.0"
_BANDS = ("B04", "B03", "B02")
_SIDE = 120  # pixels
#: Official names, each with the labels in the files that become this class, unless its name is the only one
_CLASSES: dict[str, tuple[str, ...]] = {
    "Urban fabric": ("Continuous urban fabric", "Discontinuous urban fabric"),
    "Industrial or commercial units": (),
    "Arable land": ("Non-irrigated arable land", "Permanently irrigated land", "Rice fields"),
    "Permanent crops": (
        "Vineyards", "Fruit trees and berry plantations", "Olive groves",
        "Annual crops associated with permanent crops",
    ),
    "Pastures": (),
    "Complex cultivation patterns": (),
    "Land principally occupied by agriculture, with significant areas of natural vegetation": (),
    "Agro-forestry areas": (),
    "Broad-leaved forest": (),
    "Coniferous forest": (),
    "Mixed forest": (),
    "Natural grassland and sparsely vegetated areas": ("Natural grassland", "Sparsely vegetated areas"),
    "Moors, heathland and sclerophyllous vegetation": ("Moors and heathland", "Sclerophyllous vegetation"),
    "Transitional woodland, shrub": ("Transitional woodland/shrub",),
    "Beaches, dunes, sands": (),
    "Inland wetlands": ("Inland marshes", "Peatbogs"),
    "Coastal wetlands": ("Salt marshes", "Salines"),
    "Inland waters": ("Water courses", "Water bodies"),
    "Marine waters": ("Coastal lagoons", "Estuaries", "Sea and ocean"),
}  # fmt: skip
#: Class words that are not the official name in lower case
_WORDS = {
    "Land principally occupied by agriculture, with significant areas of natural vegetation":
        "land principally occupied by agriculture with significant areas of natural vegetation",
    "Transitional woodland, shrub": "transitional woodland and shrub",
    "Beaches, dunes, sands": "beaches, dunes and sands",
}  # fmt: skip
_INDEX = {label: index for index, (name, own) in enumerate(_CLASSES.items()) for label in (own or (name,))}


class BigEarthNet(DataSet):
    """Folders of bands, with labels in JSON."""

    tasks = ("retrieval",)

    def read(self, data: Path, split: str) -> Scenes:
        """The patches in the order of the split's list."""
        lists = [data / name for name in (f"{split}.csv", f"bigearthnet-{split}.csv")]
        path = next((path for path in lists if path.is_file()), None)
        if path is None:
            raise self.missing(f"the list {lists[0].name} or {lists[1].name}", data)
        lines = read_text(path).body.splitlines()
        names = [line.partition(",")[0].strip().strip('"') for line in lines if line.strip()]
        patches = [data / _FOLDER / name for name in names]
        absent = [patch for patch in patches if not _metadata(patch).is_file()]
        if absent or not patches:
            first = absent[0].name if absent else "any"
            raise self.missing(f"{len(absent) or 'all'} patches of {path.name}, the first {_FOLDER}/{first},", data)
        labels = tuple(Label(name, _WORDS.get(name, name.lower())) for name in _CLASSES)
        shows = np.zeros((len(patches), len(_CLASSES)), bool)
        for row, patch in enumerate(patches):
            try:
                stored = parse_json(_metadata(patch).read_text("utf-8"))["labels"]
                shows[row, [_INDEX[label] for label in stored if label in _INDEX]] = True
            except (KeyError, TypeError, ValueError, OSError) as error:
                raise SourceError(
                    f"{_metadata(patch)} is not the published file ({error!r}); fetch it from {self.page}"
                ) from error
        return Scenes(labels, [partial(read_bands, patch) for patch in patches], shows)


def _metadata(patch: Path) -> Path:
    return patch / f"{patch.name}_labels_metadata.json"


def read_bands(patch: Path) -> Float[np.ndarray, "3 rows cols"]:
    """Red, green and blue of a patch, 0..1."""
    scale = PRESETS["sentinel2-l2a"].scale or 1.0
    bands = []
    for path in (patch / f"{patch.name}_{band}.tif" for band in _BANDS):
        with open_dataset(str(path)) as dataset:
            if dataset.shape != (_SIDE, _SIDE):
                raise SourceError(f"{path} must have {_SIDE} x {_SIDE} px, got {dataset.height} x {dataset.width}")
            try:
                bands.append(dataset.read(1))
            except RasterioError as error:
                raise SourceError(f"{path} cannot be read: {error.__cause__ or error}") from error
    brightness: np.ndarray = np.stack(bands).astype(np.float32) * scale / WHITE_REFLECTANCE
    return brightness.clip(0, 1)


BIGEARTHNET = BigEarthNet(
    name="bigearthnet-19",
    title="BigEarthNet-S2 v1.0",
    page="https://bigearth.net",
    resolution=(10.0, 10.0),
    splits={"test": 125_866},
)
