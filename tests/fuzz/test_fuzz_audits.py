"""Audits of strangers: the table of places, the design, and maps of classes."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from audited import decide_by, write_map
from fuzz.changes import VALUES, contents, documents, fields_of_tiff, texts
from fuzz.oracle import ends_well, examples
from geoglot.options import AuditOptions
from geoglot.tasks.audit import design
from geoglot.tasks.audit.audit_areas import audit_areas
from geoglot.tasks.audit.draw_audit import draw_audit
from worlds import class_field

TRUTH = class_field((70, 80), 3)


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    draw_audit(write_map(folder / "map.tif", TRUTH), folder / "audit", options=AuditOptions(size=12, least=2))
    decide_by(folder / "audit", TRUTH)
    return folder / "audit"


def test_tables(audit: Path, place: Path) -> None:
    seed = (audit / "sample.csv").read_text()
    shutil.copy(audit / "design.json", place / "design.json")

    @examples(60)
    @given(st.one_of(texts(seed).map(lambda text: text.encode("utf-8", "surrogatepass")), contents(seed.encode())))
    def check(body: bytes) -> None:
        (place / "sample.csv").write_bytes(body)
        ends_well(lambda: audit_areas(place))

    check()


def test_designs_whose_seal_is_right(audit: Path, place: Path) -> None:
    seed = json.loads((audit / "design.json").read_text())
    shutil.copy(audit / "sample.csv", place / "sample.csv")

    @examples(100)
    @given(documents({key: value for key, value in seed.items() if key != "seal"}))
    def check(text: str) -> None:
        with suppress(ValueError, RecursionError):  # else the text is not JSON, and has no seal
            document = json.loads(text)
            if isinstance(document, dict):
                text = json.dumps(document | {"seal": design._seal_of(document)})
        (place / "design.json").write_text(text, encoding="utf-8", errors="surrogatepass")
        ends_well(lambda: audit_areas(place))

    check()


def test_maps(audit: Path, place: Path) -> None:
    seed = (audit.parent / "map.tif").read_bytes()

    @examples(40)
    @given(st.one_of(contents(seed), fields_of_tiff(seed)))
    def check(body: bytes) -> None:
        (place / "map.tif").write_bytes(body)
        ends_well(lambda: draw_audit(place / "map.tif"))

    check()


def test_names_of_maps(place: Path) -> None:
    @examples(40)
    @given(
        st.dictionaries(
            st.sampled_from(["CLASS_0", "CLASS_1", "CLASS_²", "CLASS_-1", "CLASS_" + "9" * 400]),
            st.sampled_from(VALUES),
        )
    )
    def check(names: dict[str, object]) -> None:
        path = write_map(place / "map.tif", np.ones((64, 64), np.uint8), {})
        with rasterio.open(path, "r+") as dataset:
            dataset.update_tags(
                **{
                    key: str(value).replace("\0", "").encode("utf-8", "replace").decode()
                    for key, value in names.items()
                }
            )
        ends_well(lambda: draw_audit(path))

    check()
