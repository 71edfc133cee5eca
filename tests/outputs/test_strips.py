from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from geoglot.errors import OutputError
from geoglot.outputs.strips import ReadBlock, Strips, encode_array, encode_strip, read_array, read_block, read_strip


@pytest.mark.parametrize(
    ("encode", "read"),
    [(encode_array, read_array), (lambda rows: encode_strip(rows[None]), read_block)],
    ids=["npy", "tif"],
)
def test_strips_are_read_by_blocks(
    tmp_path: Path, rng: np.random.Generator, encode: Callable[[np.ndarray], bytes], read: ReadBlock
) -> None:
    array, paths = rng.random((23, 11)), []
    for first, last in ((0, 5), (5, 6), (6, 20), (20, 23)):
        path = tmp_path / f"seen-{first:09d}.strip"
        path.write_bytes(encode(array[first:last]))
        paths.append(path)
    strips = Strips(paths, read)
    for rows, cols in ((slice(0, 23), slice(0, 11)), (slice(4, 7), slice(3, 4)), (slice(20, 23), slice(0, 5))):
        np.testing.assert_array_equal(strips.read(rows, cols), array[rows, cols])
    with pytest.raises(IndexError):
        strips.read(slice(20, 24), slice(0, 1))


def test_arrays_of_strips_may_have_more_axes(tmp_path: Path, rng: np.random.Generator) -> None:
    array, path = rng.random((4, 5, 3)), tmp_path / "seen-000000000.npy"
    path.write_bytes(encode_array(array))
    np.testing.assert_array_equal(Strips([path], read_array).read(slice(1, 3), slice(0, 5)), array[1:3])


@pytest.mark.parametrize("kept", [0, 100, 200])
def test_a_damaged_strip_is_named_with_what_to_do(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "seen-000000000.tif"
    rows = np.random.default_rng(0).integers(0, 255, (1, 16, 16), np.uint8)
    path.write_bytes(encode_strip(rows)[:kept] + b"\0" * 100)
    for read in (lambda: read_strip(path), lambda: read_block(path, slice(0, 4), slice(0, 4))):
        with pytest.raises(OutputError, match=r"damaged; remove .* and run the same command again"):
            read()
