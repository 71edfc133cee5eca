"""--evidence of `ask` takes a file, and what decides words."""

from dataclasses import replace
from pathlib import Path

import pytest

from geoglot.cli.ask_evidence import sort_evidence
from geoglot.errors import InputError
from geoglot.options import FindOptions
from geoglot.tasks.ask.ask_options import AskOptions


def test_a_file_and_a_kind_are_told_apart() -> None:
    options, find = AskOptions(), FindOptions()
    assert sort_evidence((), options, find) == (options, find)
    wanted = replace(options, evidence=Path("e.geojson")), replace(find, evidence="words")
    assert sort_evidence(("words", "e.geojson"), options, find) == wanted
    assert sort_evidence(("words+bands",), options, find) == (options, find)


@pytest.mark.parametrize("given", [("a.geojson", "b.geojson"), ("words", "words+bands")])
def test_two_of_a_kind_are_refused(given: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="takes one file"):
        sort_evidence(given, AskOptions(), FindOptions())
