"""geoglot index import and export: other people's vectors in, and formats that others read out."""

from __future__ import annotations

from pathlib import Path

import click

from geoglot.cli import shared
from geoglot.figures import format_count


class _Box(click.ParamType[tuple[float, float, float, float]]):
    """Bounds as west,south,east,north in degrees."""

    name = "box"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float, float, float]:
        try:
            west, south, east, north = map(float, str(value).split(","))
        except ValueError:
            west = south = east = north = float("nan")
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            self.fail(f"must be west,south,east,north in degrees, got {value!r}", param, ctx)
        return west, south, east, north


_FORMS = ("geoparquet", "stac", "zarr", "lancedb", "pgvector")


class _Metres(click.ParamType[float]):
    """A length such as 160m."""

    name = "metres"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            metres = float(str(value).strip().removesuffix("m"))
        except ValueError:
            metres = float("nan")
        if not 1 <= metres <= 1e6:
            self.fail(f"must be metres from 1 to 1,000,000, such as 160m, got {value!r}", param, ctx)
        return metres


@click.command("import")
@click.argument("archive", type=shared.PATH)
@click.argument("sources", nargs=-1, required=True, type=shared.PATH)
@click.option("--scale", type=_Metres(), help="Side of a chip: of pixels that are joined (default 160m), or of points.")
@click.option("--bbox", type=_Box(), help="Part of rasters: west,south,east,north in degrees.")
@click.option("--made-by", help="Name of the model, for files that do not say it.")
@shared.short
def import_(
    archive: Path,
    sources: tuple[Path, ...],
    scale: float | None,
    bbox: tuple[float, float, float, float] | None,
    made_by: str | None,
    as_json: bool,
) -> None:
    """Add vectors that others made to ARCHIVE, a folder, which is made if it is missing.

    SOURCES are COGs of AlphaEarth, pairs of .npy or Zarr stores of TESSERA, GeoParquet of Clay, Earth Index, LGND or
    Major TOM, what `geoglot index export` wrote, and folders of these.

    Example: geoglot index import aef/ 2024/32N/*.tiff --scale 160m
    """
    from geoglot.index.exchange.import_vectors import import_vectors

    made = import_vectors(archive, sources, made_by=made_by, scale_m=scale, bbox=bbox)
    document = {"archive": made.place, "model": made.model.name, "dimensions": made.model.dim, "chips": made.rows}
    shared.emit(document, as_json, f"{made.place} holds {format_count(made.rows, 'chip')} of {made.model.name}")


@click.command()
@click.argument("archive")
@click.option("-o", "--output", required=True, type=shared.PATH, help="New file or folder.")
@click.option("--to", "form", type=click.Choice(_FORMS), help="Default: by the ending of the output.")
@shared.short
def export(archive: str, output: Path, form: str | None, as_json: bool) -> None:
    """Write ARCHIVE in a format that others read.

    Endings: .parquet (GeoParquet), .zarr, .lance (LanceDB), .sql (PostgreSQL with pgvector, loaded by psql -f); a name
    without an ending is a folder of STAC items.

    Example: geoglot index export archive -o chips.parquet
    """
    from geoglot.index.exchange.export_archive import export_archive

    count = export_archive(archive, output, form)
    shared.emit({"archive": archive, "output": str(output), "written": count}, as_json, str(output))
