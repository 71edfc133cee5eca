"""The model of an archive is found by its name, or the message says how to give it."""

from pathlib import Path

import pytest

from geoglot.errors import ModelError
from geoglot.index.concepts.reader import find_reader
from geoglot.index.store.archive import ModelFacts


def test_an_archive_of_a_model_outside_the_zoo_asks_for_its_folder(tmp_path: Path) -> None:
    facts = ModelFacts("my-graft", "0" * 64, 64, 8, 64)
    with pytest.raises(ModelError, match="made by my-graft; give its folder: --model FOLDER"):
        find_reader(facts)
    with pytest.raises(ModelError, match="nowhere"):
        find_reader(facts, tmp_path / "nowhere")
