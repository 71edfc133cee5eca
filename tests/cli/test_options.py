import json

import click
import pytest
from click.testing import CliRunner

from geoglot.cli import options


@click.command()
@options.as_json
@options.quiet
@options.verbose
def count(as_json: bool) -> None:
    with options.progress() as advance:
        for done in range(1, 4):
            advance("counting", done, 3)
    options.emit({"count": 3, "name": "Zürich"}, as_json, "three")


def test_stdout_is_one_json_document() -> None:
    result = CliRunner().invoke(count, ["--json"])
    assert json.loads(result.stdout) == {"count": 3, "name": "Zürich"}


def test_progress_goes_to_stderr() -> None:
    result = CliRunner().invoke(count)
    assert result.stdout == "three\n"
    assert "counting" in result.stderr
    assert "3/3" in result.stderr


def test_quiet_shows_no_progress() -> None:
    assert CliRunner().invoke(count, ["--quiet"]).stderr == ""


def test_a_document_without_a_json_form_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        options.emit({"share": float("nan")}, True, "")
