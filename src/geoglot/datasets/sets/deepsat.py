"""SAT-4 and SAT-6 (Basu et al. 2015, arXiv 1509.03602): NAIP, 28 px at 1 m, four bands, 4 and 6 classes.

Layout, by the authors' page: sat-4-full.mat and sat-6-full.mat with test_x (28, 28, 4, sample) uint8 and test_y (class,
sample) one-hot. Some copies have (sample, class), which is read too. SAT-6's classes are in the order of `annotations`
in its file, not of the paper. We could not see the file itself.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from geoglot.datasets.dataset import DataSet, Label, Scenes
from geoglot.errors import MissingExtraError, SourceError

_PAGE = "http://csc.lsu.edu/~saikat/deepsat/"


@dataclass(frozen=True)
class DeepSat(DataSet):
    """One MATLAB file with all images and classes."""

    tasks = ("classification", "retrieval")

    file: str = ""
    words: tuple[str, ...] = ()

    def read(self, data: Path, split: str) -> Scenes:
        """The patches in the order of the file."""
        path = self.require(data, self.file)
        pixels, shows = (_read_variable(path, f"{split}_{axis}") for axis in "xy")
        if shows.shape[0] != len(self.words):
            shows = shows.T
        if pixels.ndim != 4 or pixels.shape[2] != 4 or shows.shape != (len(self.words), pixels.shape[3]):
            raise SourceError(
                f"{path} holds {split}_x {pixels.shape} and {split}_y {shows.shape}; "
                f"{self.title} has (28, 28, 4, n) and ({len(self.words)}, n)"
            )
        pictures = [partial(_read_patch, pixels, index) for index in range(pixels.shape[3])]
        return Scenes(tuple(Label(word, word) for word in self.words), pictures, shows.T.astype(bool))


def _read_patch(pixels: UInt8[np.ndarray, "rows cols 4 sample"], index: int) -> Float[np.ndarray, "3 rows cols"]:
    """Red, green and blue of one patch, 0..1."""
    return np.ascontiguousarray(pixels[:, :, :3, index].transpose(2, 0, 1), np.float32) / 255


def _read_variable(path: Path, name: str) -> np.ndarray:
    """A variable of a .mat file in MATLAB's own format, or in HDF5 (7.3), where axes are reversed."""
    try:
        with path.open("rb") as file:
            is_hdf5 = b"MATLAB 7.3" in file.read(128)
        if is_hdf5:
            return _read_hdf5(path, name)
        from scipy.io import loadmat

        return np.asarray(loadmat(path, variable_names=[name])[name])
    except (OSError, ValueError, KeyError) as error:
        raise SourceError(f"{name} cannot be read from {path}: {error}") from error


def _read_hdf5(path: Path, name: str) -> np.ndarray:
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("h5py", "mat") from None
    with h5py.File(path) as file:
        stored: Any = file[name]
        return np.asarray(stored).T


SAT4 = DeepSat(
    name="sat-4",
    title="SAT-4",
    page=_PAGE,
    resolution=(1.0, 1.0),
    splits={"test": 100_000, "train": 400_000},
    file="sat-4-full.mat",
    words=("barren land", "trees", "grassland", "other"),
)
SAT6 = DeepSat(
    name="sat-6",
    title="SAT-6",
    page=_PAGE,
    resolution=(1.0, 1.0),
    splits={"test": 81_000, "train": 324_000},
    file="sat-6-full.mat",
    words=("building", "barren land", "trees", "grassland", "road", "water"),
)
