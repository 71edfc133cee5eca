"""All data sets by name."""

from geoglot.datasets.dataset import DataSet
from geoglot.datasets.sets.bigearthnet import BIGEARTHNET
from geoglot.datasets.sets.class_folders import AID, EUROSAT, PATTERNNET, RESISC45, UCMERCED
from geoglot.datasets.sets.deepsat import SAT4, SAT6
from geoglot.datasets.sets.folder import FOLDER
from geoglot.datasets.sets.masked_images import (
    ISAID,
    LOVEDA,
    OPENEARTHMAP,
    POTSDAM,
    SATLAS,
    UAVID,
    UAVID_8,
    VAIHINGEN,
)
from geoglot.datasets.sets.naip_osm import NAIP_OSM
from geoglot.datasets.sets.questions import QUESTIONS, RSIVQA, RSVQA_HR, RSVQA_LR, RSVQA_SAMPLE
from geoglot.datasets.sets.rsicd import RSICD
from geoglot.errors import InputError

DATASETS: dict[str, DataSet] = {
    dataset.name: dataset
    for dataset in (
        EUROSAT, BIGEARTHNET, SAT4, SAT6, RESISC45, AID, UCMERCED, PATTERNNET, RSICD,
        OPENEARTHMAP, LOVEDA, POTSDAM, VAIHINGEN, UAVID, UAVID_8, ISAID, NAIP_OSM, SATLAS, FOLDER,
        RSVQA_LR, RSVQA_HR, RSVQA_SAMPLE, RSIVQA, QUESTIONS,
    )
}  # fmt: skip


def dataset_of(name: str) -> DataSet:
    """A data set by name, in any case."""
    dataset = DATASETS.get(name.lower())
    if dataset is None:
        raise InputError(f"no data set is called {name!r}; there are {', '.join(DATASETS)}")
    return dataset
