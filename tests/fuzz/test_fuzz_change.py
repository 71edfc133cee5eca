"""Dates of strangers beside a date of one's own: their bytes, and when they say that they were taken."""

from __future__ import annotations

from pathlib import Path

import rasterio
from hypothesis import given
from hypothesis import strategies as st

from fuzz.changes import TEXTS, contents, fields_of_tiff
from fuzz.oracle import ends_well, examples
from geoglot.sources.scene_day import period_of
from geoglot.tasks.change.change import change
from stubs import ColourScorer
from worlds import class_field, paint, write_scene

NAMES = ("water", "forest", "roof")


def own_date(folder: Path, seed: int = 3) -> Path:
    return write_scene(folder / f"{2000 + seed}-06-29.tif", paint(class_field((96, 80), 3, seed), NAMES))


def test_dates(tmp_path: Path) -> None:
    own, seed = own_date(tmp_path), own_date(tmp_path, 4).read_bytes()
    other = tmp_path / "other.tif"

    @examples(10)
    @given(st.one_of(contents(seed), fields_of_tiff(seed)))
    def check(body: bytes) -> None:
        other.write_bytes(body)
        ends_well(lambda: change([own, other], None, model=ColourScorer(NAMES)))

    check()


def test_tags_of_a_day(tmp_path: Path) -> None:
    own, other = own_date(tmp_path), own_date(tmp_path, 4).rename(tmp_path / "other.tif")

    @examples(6)
    @given(st.one_of(st.sampled_from(["0000:00:00 00:00:00", "9999:12:31 23:59:60", "2021:02:31", "2021"]), st.text()))
    def check(day: str) -> None:
        with rasterio.open(other, "r+") as dataset:
            dataset.update_tags(TIFFTAG_DATETIME=day.replace("\0", "").encode("utf-8", "replace").decode())
        ends_well(lambda: change([own, other], None, model=ColourScorer(NAMES)))

    check()


def test_names_of_dates() -> None:
    @examples(300)
    @given(st.one_of(st.sampled_from(TEXTS), st.text(alphabet="0123456789-_.a\u00b2\u0661", max_size=20)))
    def check(name: str) -> None:
        ends_well(lambda: period_of(name, None))

    check()
