from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.io import savemat

from geoglot.datasets.sets.deepsat import SAT4, SAT6
from geoglot.errors import MissingExtraError, SourceError

LABELS = np.array([0, 3, 1, 2, 0])


def variables() -> dict[str, np.ndarray]:
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28, 4, 5), np.uint8)
    return {"test_x": pixels, "test_y": np.eye(4, dtype=np.uint8)[:, LABELS]}


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """scipy and h5py as far as they are needed."""
    stored = variables()

    class File(dict[str, np.ndarray]):
        def __init__(self, path: Path) -> None:
            super().__init__({name: value.T for name, value in stored.items()})

        def __enter__(self) -> File:
            return self

        def __exit__(self, *error: object) -> None: ...

    scipy, io, h5py = ModuleType("scipy"), ModuleType("scipy.io"), ModuleType("h5py")
    io.loadmat = lambda path, variable_names: {name: stored[name] for name in variable_names}  # type: ignore[attr-defined]
    h5py.File = File  # type: ignore[attr-defined]
    for name, module in (("scipy", scipy), ("scipy.io", io), ("h5py", h5py)):
        monkeypatch.setitem(sys.modules, name, module)
    return stored


@pytest.mark.parametrize("header", [b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file"])
def test_both_kinds_of_file(tmp_path: Path, stand_in: dict[str, np.ndarray], header: bytes) -> None:
    (tmp_path / "sat-4-full.mat").write_bytes(header)
    scenes = SAT4.read(tmp_path, "test")
    assert scenes.shows.argmax(1).tolist() == LABELS.tolist()
    assert [label.word for label in scenes.classes] == ["barren land", "trees", "grassland", "other"]
    assert scenes.pictures[2]() == pytest.approx(stand_in["test_x"][:, :, :3, 2].transpose(2, 0, 1) / 255)


def test_labels_may_lie_the_other_way(tmp_path: Path, stand_in: dict[str, np.ndarray]) -> None:
    (tmp_path / "sat-4-full.mat").write_bytes(b"MATLAB 5.0")
    stand_in["test_y"] = stand_in["test_y"].T
    assert SAT4.read(tmp_path, "test").shows.argmax(1).tolist() == LABELS.tolist()


def test_another_file_is_refused(tmp_path: Path, stand_in: dict[str, np.ndarray]) -> None:
    (tmp_path / "sat-6-full.mat").write_bytes(b"MATLAB 5.0")
    with pytest.raises(SourceError, match=r"SAT-6 has \(28, 28, 4, n\) and \(6, n\)"):
        SAT6.read(tmp_path, "test")
    with pytest.raises(SourceError, match="train_x cannot be read"):
        SAT6.read(tmp_path, "train")


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceError, match=r"SAT-4: the file sat-4-full.mat not found .* http://csc.lsu.edu"):
        SAT4.read(tmp_path, "test")
    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / "sat-4-full.mat").write_bytes(b"MATLAB 7.3")
    with pytest.raises(MissingExtraError, match=r"h5py is not installed; .*geoglot\[mat\]"):
        SAT4.read(tmp_path, "test")


def test_a_file_of_matlab_itself(tmp_path: Path) -> None:
    savemat(tmp_path / "sat-4-full.mat", variables())
    assert SAT4.read(tmp_path, "test").shows.argmax(1).tolist() == LABELS.tolist()


def test_a_file_of_hdf5(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="h5py is an extra")
    with h5py.File(tmp_path / "sat-4-full.mat", "w", userblock_size=512) as file:
        for name, value in variables().items():
            file[name] = value.T
    with (tmp_path / "sat-4-full.mat").open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file")
    scenes = SAT4.read(tmp_path, "test")
    assert scenes.shows.argmax(1).tolist() == LABELS.tolist()
    assert scenes.pictures[1]() == pytest.approx(variables()["test_x"][:, :, :3, 1].transpose(2, 0, 1) / 255)
