"""Export an archive to a format that others read."""

import shutil
from collections.abc import Callable
from pathlib import Path

from geoglot.aliases import PathLike
from geoglot.errors import InputError, OutputError
from geoglot.index.exchange.write_databases import write_lancedb, write_pgvector
from geoglot.index.exchange.write_geoparquet import write_geoparquet
from geoglot.index.exchange.write_stac import write_stac
from geoglot.index.exchange.zarr_chips import write_zarr
from geoglot.index.store.archive import Archive
from geoglot.outputs.atomic import disk_errors

_WRITERS: dict[str, Callable[[Archive, Path], int]] = {
    "geoparquet": write_geoparquet, "stac": write_stac, "zarr": write_zarr, "lancedb": write_lancedb,
    "pgvector": write_pgvector,
}  # fmt: skip
_BY_ENDING = {".parquet": "geoparquet", ".geoparquet": "geoparquet", ".zarr": "zarr", ".lance": "lancedb",
              ".lancedb": "lancedb", ".sql": "pgvector"}  # fmt: skip


def export_archive(archive: PathLike | Archive, output: PathLike, form: str | None = None) -> int:
    """Write the chips of an archive to a new file or folder; returns the number of chips, or of items of STAC.

    The form follows from the ending of `output`, if none is given: .parquet, .zarr, .lance, .sql; a name without an
    ending is a folder of STAC. OutputError if the output exists.
    """
    archive = archive if isinstance(archive, Archive) else Archive.open(archive)
    path = Path(output)
    chosen = form or _BY_ENDING.get(path.suffix.lower(), "" if path.suffix else "stac")
    if chosen not in _WRITERS:
        raise InputError(f"the form must be one of {', '.join(_WRITERS)}, got {form or path.suffix!r}; choose it: --to")
    if path.exists():
        raise OutputError(f"{path} is there already; remove it, or give another name")
    if not path.parent.is_dir():
        raise OutputError(f"the output folder {path.parent} does not exist; create it with: mkdir -p {path.parent}")
    try:
        with disk_errors(path):
            return _WRITERS[chosen](archive, path)
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)  # a part of an export would be taken for the whole
        raise
