"""Sets that are exported or imported: after an interruption there is no half of one that looks whole."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geoglot.errors import OutputError
from geoglot.pairs import released
from geoglot.pairs.pair_store import PairSet
from geoglot.pairs.released import Released, import_released
from geoglot.pairs.webdataset import export
from pairsets import make_pairs

_TILES = 3


def stop(what: str, done: int, total: int) -> None:
    if done == total - 1:
        raise KeyboardInterrupt


def picture(path: Path, side: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    path.write_bytes(buffer.getvalue())


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Released:
    """Three tiles with a photo at the centre of each, as the authors' code writes them."""
    monkeypatch.setattr(released, "_SHARD", 1)
    rows, facts = [], []
    for number in range(_TILES):
        picture(tmp_path / f"tiles/{number}.jpg", 120)
        picture(tmp_path / f"photos/{number}7.jpg", 80)
        rows.append(f"{number}.jpg,{number}7.jpg,0,0\n")
        facts.append(f"{number}7,someone,2020-01-01 00:00:00,{10 + number},1.0,a title\n")
    (tmp_path / "offsets.csv").write_text("".join(rows))
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata/a.csv").write_text("".join(facts))
    return Released(tmp_path / "offsets.csv", tmp_path / "tiles", tmp_path / "photos", tmp_path / "metadata", 0.0021)


def check(make: Callable[..., object], output: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        make(stop)
    assert not output.exists() and not list(output.parent.glob(f".{output.name}*"))
    make(None)
    assert output.is_dir()
    with pytest.raises(OutputError):
        make(None)


def test_an_import_that_is_stopped_leaves_no_set(theirs: Released, tmp_path: Path) -> None:
    output = tmp_path / "sets/pairs"
    check(lambda progress: import_released(theirs, output, 64, 1.0, progress), output)
    made = PairSet.open(output)
    assert (made.tiles, made.photos, len(made.shards)) == (_TILES, _TILES, _TILES)


def test_an_export_that_is_stopped_leaves_no_archives(tmp_path: Path) -> None:
    pairs, output = make_pairs(tmp_path / "pairs"), tmp_path / "archives"
    check(lambda progress: export(pairs, output, 4, progress), output)
    names = []
    for path in sorted(output.iterdir()):
        with tarfile.open(path) as archive:
            names += [name for name in archive.getnames() if name.endswith(".json")]
    assert len(names) == pairs.tiles
    empty = tmp_path / "empty"
    empty.mkdir()
    assert export(pairs, empty, 100) == [empty / "000000.tar"]
