from __future__ import annotations

from pathlib import Path

import pytest

from geoglot.errors import OutputError
from geoglot.training.metrics_log import METRICS
from geoglot.training.trained import open_output


def test_metrics_of_another_program_are_refused(tmp_path: Path) -> None:
    (tmp_path / METRICS).write_text("step,loss\n")
    with pytest.raises(OutputError, match="was not written by a run"):
        open_output(tmp_path)
    assert (tmp_path / METRICS).read_text() == "step,loss\n"


def test_a_run_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    """Such a run has another mark; it may have been killed before its first checkpoint."""
    (tmp_path / ".geoglot-run").touch()
    (tmp_path / METRICS).write_text("step,loss\n")
    open_output(tmp_path)
    assert (tmp_path / METRICS).read_text() == "step,loss\n"
