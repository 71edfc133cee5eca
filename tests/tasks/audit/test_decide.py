"""Places of a sample that are decided one at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geoglot.errors import InputError
from geoglot.options import AuditOptions
from geoglot.tables import read_table
from geoglot.tasks.audit.audit_areas import audit_areas
from geoglot.tasks.audit.decide import decide, read_decisions
from geoglot.tasks.audit.design import read_design
from geoglot.tasks.audit.draw_audit import draw_audit
from worlds import write_scene


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A sample of a map whose left half is class 1 and whose right half is class 2."""
    ids = np.ones((1, 60, 80), np.uint8)
    ids[:, :, 40:] = 2
    path = write_scene(tmp_path / "map.tif", ids)
    (tmp_path / "names.csv").write_text("id,name\n1,water\n2,land\n")
    draw_audit(path, tmp_path / "audit", names=tmp_path / "names.csv", options=AuditOptions(size=20, least=5))
    return tmp_path / "audit"


def test_a_decision_is_kept_and_the_rest_of_the_table_stays(sample: Path) -> None:
    table = sample / "sample.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], lines[1] + '"by the ""shore"", 2024"', *lines[2:]]) + "\n")
    decide(sample, {3: "land"})
    decide(sample, {1: "?"})
    assert {id_: name for id_, name in read_decisions(sample).items() if name} == {1: "?", 3: "land"}
    assert read_table(table).rows[0]["note"] == 'by the "shore", 2024'
    decide(sample, {3: ""})
    assert read_decisions(sample)[3] == ""


def test_a_sample_that_was_decided_so_is_audited(sample: Path) -> None:
    design = read_design(sample / "design.json")
    decide(sample, {place.id: design.strata[place.stratum].name for place in design.places})
    audit = audit_areas(sample)
    assert audit.overall.value == 1 and sum(audit.decided) == len(design.places)


@pytest.mark.parametrize(("place", "name", "words"), [(1, "forest", "one of"), (99, "land", "no place 99")])
def test_what_the_sample_does_not_have_is_refused(sample: Path, place: int, name: str, words: str) -> None:
    before = (sample / "sample.csv").read_bytes()
    with pytest.raises(InputError, match=words):
        decide(sample, {2: "land", place: name})
    assert (sample / "sample.csv").read_bytes() == before
