"""Checks a GeoPackage before GDAL queries it: SQLite can compute what a table seems to hold, without end."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from geoglot.errors import InputError

_STEPS = 10_000_000  # of SQLite, a second or so
_LONGEST = 2**24  # bytes of a name or definition


def _connect(path: Path) -> sqlite3.Connection:
    """A connection that may not write, and stops a query that computes long."""
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    database.set_progress_handler(lambda: 1, _STEPS)
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
    return database


def is_plain(path: Path) -> bool:
    """Whether nothing in a database is computed, and no page of it is used twice."""
    try:
        with closing(_connect(path)) as database:
            database.execute("PRAGMA ignore_check_constraints = ON")
            parts = database.execute("SELECT type, lower(sql) FROM sqlite_master LIMIT 1000").fetchall()
            computed = any(
                kind == "view" or ("virtual" in (sql or "") and "using rtree" not in sql) for kind, sql in parts
            )
            return not computed and database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.Error:
        return False


def check_tables(path: Path) -> None:
    """Refuse layers and lists of layers that are no stored tables: a view may compute rows without end."""
    try:
        with closing(_connect(path)) as database:
            tables = dict(database.execute("SELECT lower(name), sql FROM sqlite_master WHERE type = 'table'"))
            views = [name for (name,) in database.execute("SELECT lower(name) FROM sqlite_master WHERE type = 'view'")]
            own = [name for name in {*tables, *views} if name.startswith("gpkg")]
            _check_stored(path, database, own, tables)
            layers = [str(name) for (name,) in database.execute("SELECT lower(table_name) FROM gpkg_contents")]
            _check_stored(path, database, layers, tables)
    except sqlite3.Error as error:
        raise InputError(f"{path} cannot be read as a GeoPackage: {error}") from error


def read_crs_texts(path: Path) -> list[str]:
    """The texts from which GDAL makes the CRSs of a GeoPackage."""
    try:
        with closing(_connect(path)) as database:
            rows = database.execute("SELECT * FROM gpkg_spatial_ref_sys").fetchall()
    except sqlite3.Error as error:
        raise InputError(f"{path} cannot be read as a GeoPackage: {error}") from error
    return [text for row in rows for text in row if isinstance(text, str)]


def _check_stored(path: Path, database: sqlite3.Connection, names: Sequence[str], tables: Mapping[str, str]) -> None:
    for name in names:
        is_table = name in tables and not tables[name].lower().lstrip().startswith("create virtual")
        hidden = "SELECT 1 FROM pragma_table_xinfo(?) WHERE hidden > 0"
        if not is_table or database.execute(hidden, (name,)).fetchone():
            raise InputError(f"the layer {name} of {path} is computed and not stored; save it as a file of its own")
