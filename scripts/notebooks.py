"""Run the notebooks, and keep what they show: `python scripts/notebooks.py [NAME ...]`, after each change of one.

tests/test_notebooks.py runs them too, and compares nothing but that they run and stay small.
"""

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SECONDS = 600
"""For a cell, on a machine with other work."""


def main(names: list[str]) -> None:
    """Run the notebooks of these names, or all."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if names and path.stem not in names:
            continue
        with TemporaryDirectory() as folder:
            notebook = run(path, Path(folder))
            nbformat.write(notebook, path)
        print(f"{path.name} {path.stat().st_size / 1000:.0f} kB", flush=True)


def run(path: Path, folder: Path) -> nbformat.NotebookNode:
    """A notebook as it is after it ran in a folder. An error in a cell is an error here."""
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": folder}}
    NotebookClient(notebook, timeout=SECONDS, startup_timeout=SECONDS, kernel_name="python3", resources=place).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # the times of the run
        if cell.cell_type == "code":
            cell.outputs = [_elsewhere(output, folder) for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def _elsewhere(output: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """An output in which the folder of the run and that of the package are those of somebody at home."""
    package = str(NOTEBOOKS.parent / "src")
    text = nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])]))
    for place, name in ((str(folder), "/home/me"), (package, "/home/me/geoglot")):
        text = re.sub(re.escape(place), name, text)
    return nbformat.reads(text, as_version=4).cells[0].outputs[0]


if __name__ == "__main__":
    main(sys.argv[1:])
