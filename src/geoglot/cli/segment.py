"""geoglot segment: words to a class map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geoglot.cli import many, report, shared
from geoglot.cli.flags import flags
from geoglot.cli.progress import progress
from geoglot.options import ReadOptions, RefineOptions, SegmentOptions

if TYPE_CHECKING:
    from geoglot.tasks.segment.map_files import SegmentResult


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.option(
    "-o", "--output", required=True, type=shared.PATH, help="The class map, a GeoTIFF (COG); of many SOURCES a folder."
)
@click.option("--classes", help=shared.CLASSES_HELP + " Not needed for a model with classes of its own.")
@click.option("--polygons", type=shared.PATH, help=f"Also polygons: {shared.VECTORS}.")
@many.table
@many.jobs
@flags(SegmentOptions, "options")
@flags(RefineOptions, "refine")
@flags(ReadOptions, "read")
@report.flag
@shared.run
def command(
    sources: tuple[str, ...],
    output: Path,
    classes: str | None,
    polygons: Path | None,
    table: Path | None,
    jobs: int,
    model: str,
    device: str | None,
    overwrite: bool,
    as_json: bool,
    *,
    options: SegmentOptions,
    refine: RefineOptions,
    read: ReadOptions,
) -> None:
    """Map words over SOURCES, rasters of any size: class map, polygons, areas, picture, manifest.

    Of many SOURCES, which may be folders and patterns such as "scenes/**/*.tif", each gets a map in the folder OUTPUT,
    and --polygons is an ending, such as .gpkg. A scene that fails does not stop the others. The same command resumes an
    interrupted run, and passes over scenes that are complete. Exit code 3: some windows or scenes failed; they are
    named.

    \b
    Example:
      geoglot segment scene.tif --classes "trees, grass, road, building" -o map.tif --polygons map.gpkg
      geoglot segment scenes/*.tif --classes "trees, water" -o maps/ --jobs 4 --table areas.csv
    """
    from geoglot.tasks.segment.segment import segment

    settings: dict[str, Any] = {"polygons": polygons, "read": read, "options": options, "overwrite": overwrite}
    if many.is_batch(sources, output, table):
        scenes = many.Scenes(sources, output, table, jobs, device, as_json)
        many.run(segment, scenes, classes, settings | {"model": model, "refiner": refine})
        return
    from geoglot.models.zoo import load_model
    from geoglot.tasks.refine.load import refiner_of

    mapper = load_model(model, device=device, precision="auto")
    with progress() as advance:
        result = segment(
            sources[0], classes, output, model=mapper, refiner=refiner_of(refine, device), progress=advance, **settings
        )
    report.emit([result], result.to_json(), as_json, describe(result))
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
