"""All data sets of the scorecard by name."""

from __future__ import annotations

from geoglot.benchmarks.dataset import DataSet
from geoglot.benchmarks.sets.aid import AID
from geoglot.benchmarks.sets.bigearthnet import BIGEARTHNET
from geoglot.benchmarks.sets.deepsat import SAT4, SAT6
from geoglot.benchmarks.sets.eurosat import EUROSAT
from geoglot.benchmarks.sets.isaid import ISAID
from geoglot.benchmarks.sets.isprs import POTSDAM, VAIHINGEN
from geoglot.benchmarks.sets.loveda import LOVEDA
from geoglot.benchmarks.sets.naip_osm import NAIP_OSM
from geoglot.benchmarks.sets.openearthmap import OPENEARTHMAP
from geoglot.benchmarks.sets.patternnet import PATTERNNET
from geoglot.benchmarks.sets.resisc45 import RESISC45
from geoglot.benchmarks.sets.rsicd import RSICD
from geoglot.benchmarks.sets.uavid import UAVID
from geoglot.benchmarks.sets.ucmerced import UCMERCED
from geoglot.errors import InputError

DATASETS: dict[str, DataSet] = {
    one.name: one
    for one in (
        EUROSAT, BIGEARTHNET, SAT4, SAT6, RESISC45, AID, UCMERCED, PATTERNNET, RSICD,
        OPENEARTHMAP, LOVEDA, POTSDAM, VAIHINGEN, UAVID, ISAID, NAIP_OSM,
    )
}  # fmt: skip


def dataset_of(name: str) -> DataSet:
    """A data set by name, in any case."""
    found = DATASETS.get(name.lower())
    if found is None:
        raise InputError(f"no data set is called {name!r}; there are {', '.join(DATASETS)}")
    return found
