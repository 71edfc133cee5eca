"""Write down what places of a sample really are, as they are decided."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from geoglot.aliases import PathLike
from geoglot.errors import InputError
from geoglot.figures import format_some
from geoglot.outputs.atomic import write_bytes
from geoglot.tables import read_table
from geoglot.tasks.audit.design import DESIGN, TABLE, read_design

UNKNOWN = "?"
"""The class of a place that cannot be told."""


def read_decisions(sample: PathLike) -> dict[int, str]:
    """The class that `sample.csv` in the folder of an audit has for each place, by its id; "" for an open one."""
    table = read_table(Path(sample) / TABLE, ("id", "class"))
    return {int(row["id"]): row["class"] for row in table.rows if row["id"].isdecimal()}


def decide(sample: PathLike, decisions: Mapping[int, str]) -> None:
    """Write classes of places, by their ids, into `sample.csv` in the folder of an audit.

    A class is "?" for a place that cannot be told, and "" for one that is open again. Everything else in the table
    stays. InputError for a place or a class that the sample does not have; then nothing is written.
    """
    path = Path(sample) / TABLE
    names, table = read_design(path.with_name(DESIGN)).names, read_table(path, ("id", "class"))
    if wrong := [name for name in decisions.values() if name not in (*names, UNKNOWN, "")]:
        raise InputError(f"the class must be one of {format_some(list(names))}, or {UNKNOWN}, got {wrong[0]!r}")
    chosen = {str(place): name for place, name in decisions.items()}
    if unknown := sorted(chosen.keys() - {row["id"] for row in table.rows}):
        raise InputError(f"{path} has no place {unknown[0]}")
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(table.columns)
    for row in table.rows:
        cells = {**row, "class": chosen.get(row["id"], row["class"])}
        rows.writerow([cells[column] for column in table.columns])
    write_bytes(path, text.getvalue().encode())
