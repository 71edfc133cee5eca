"""Reads the features of a user's file: areas of interest, points, polygons of labels. No other code reads them.

Memory and time are bounded, and no other file or host is opened, whatever the file holds. A small file in a plain
format is read in this process, since data sets have thousands of them; any other is read in a child process.
"""

import tempfile
from pathlib import Path

import geopandas as gpd

from geoglot.sources.vector_child import compute
from geoglot.sources.vector_formats import check_files, is_small, unpacked_size
from geoglot.sources.vector_reading import read_features, write_features

_MOST_PACKED = 16  # times the bytes of a file that it may claim to unpack to, for its limits of time and memory


def read_vectors(path: Path) -> gpd.GeoDataFrame:
    """Read the features with a geometry, in two dimensions and with their flat attributes; there may be none.

    The CRS is None if the file has none or an undefined one. InputError for a file that is in none of the formats
    `READABLE`, is damaged or too large, takes too long, or has a coordinate that is not a number.
    """
    packed = check_files(path)
    size = unpacked_size(path, packed)
    if is_small(path, size):
        return read_features(path)
    with tempfile.TemporaryDirectory() as folder:
        target = f"{folder}/features.parquet"
        task = f"{write_features.__module__}:{write_features.__name__}"
        compute(task, str(path), target, size=min(size, _MOST_PACKED * packed), what=str(path))
        return gpd.read_parquet(target)
