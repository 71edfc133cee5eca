"""geoglot segment: words to a class map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geoglot.cli import shared
from geoglot.cli.flags import flags
from geoglot.cli.progress import progress
from geoglot.options import ReadOptions, RefineOptions, SegmentOptions

if TYPE_CHECKING:
    from geoglot.tasks.segment.map_files import SegmentResult


@click.command()
@click.argument("source")
@click.option("-o", "--output", required=True, type=shared.PATH, help="The class map, a GeoTIFF (COG).")
@click.option("--classes", help=shared.CLASSES_HELP + " Not needed for a model with classes of its own.")
@click.option("--polygons", type=shared.PATH, help="Also polygons: .gpkg, .parquet or .geojson.")
@flags(SegmentOptions, "options")
@flags(RefineOptions, "refine")
@flags(ReadOptions, "read")
@shared.run
def command(
    source: str,
    output: Path,
    classes: str | None,
    polygons: Path | None,
    model: str,
    device: str | None,
    overwrite: bool,
    as_json: bool,
    *,
    options: SegmentOptions,
    refine: RefineOptions,
    read: ReadOptions,
) -> None:
    """Map words over SOURCE, a raster of any size: class map, polygons, areas, picture, manifest.

    The same command resumes an interrupted run. Exit code 3: some windows failed; the manifest names them.

    Example: geoglot segment scene.tif --classes "trees, grass, road, building" -o map.tif --polygons map.gpkg
    """
    from geoglot.models.zoo import load_model
    from geoglot.tasks.segment.segment import segment

    mapper = load_model(model, device=device, precision="auto")
    with progress() as advance:
        result = segment(
            source, classes, output, model=mapper, polygons=polygons, read=read, options=options,
            refiner=shared.make_refiner(refine, device), overwrite=overwrite, progress=advance,
        )  # fmt: skip
    shared.emit(result.to_json(), as_json, describe(result))
    if not any(share.pixels for share in result.classes):
        shared.exit_without_result()
    if result.failed:
        shared.exit_partly(f"{len(result.failed)} windows failed; see {result.manifest}")


def describe(result: SegmentResult) -> str:
    """The result for people: classes by area, then the files."""
    width = max(len(share.name) for share in result.classes)
    page = result.page()
    rows = [f"{name:<{width}}  {area:>12}  {share:>6}" for name, area, share in page.tables[0].rows]
    last = f"{result.windows} windows by {result.model} in {result.seconds:.1f} s"
    return "\n".join([*rows, "", *shared.result_lines(page.files, page.notes), last])
