"""The six notebooks run, and what they show is small."""

import importlib.util
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

pytest.importorskip("ipykernel")
ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MOST_KB = 400


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_notebooks", ROOT / "scripts/notebooks.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_in_an_empty_folder(script: ModuleType, path: Path, tmp_path: Path) -> None:
    ran = script.run(path, tmp_path)
    shown = [cell for cell in ran.cells if cell.cell_type == "code" and cell.outputs]
    kept = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code" and cell.outputs]
    assert [cell.source for cell in shown] == [cell.source for cell in kept], "run: python scripts/notebooks.py"


def test_there_are_six_and_their_outputs_are_small_and_tell_no_folder() -> None:
    assert len(NOTEBOOKS) == 6
    for path in NOTEBOOKS:
        text = path.read_text(encoding="utf-8")
        assert len(text) < MOST_KB * 1000
        assert "/tmp/" not in text and "Traceback" not in text
        assert all(cell.execution_count for cell in nbformat.reads(text, 4).cells if cell.cell_type == "code")
