"""geoglot segment: words to a class map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geoglot.cli import options
from geoglot.cli.reading import CLASSES_HELP, area_column, fields, parse_scales, read_options, reading
from geoglot.cli.refining import chosen_refiner, refining

if TYPE_CHECKING:
    from geoglot.tasks.segment.map_run import SegmentResult


@click.command()
@click.argument("source")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The class map, a GeoTIFF (COG).")
@click.option("--classes", help=CLASSES_HELP + " Not needed for a model with classes of its own.")
@reading
@click.option("--polygons", type=click.Path(path_type=Path), help="Also polygons: .gpkg, .parquet or .geojson.")
@click.option("--scores", is_flag=True, help="Also the probability of every class, a band each.")
@click.option("--background", default="", help='Words for what is none of the classes; becomes "other".')
@click.option("--threshold", default=0.0, help='Below this probability a pixel becomes "other".')
@click.option("--tile", type=click.IntRange(min=1), help="Side of a window in pixels; the model decides, if not given.")
@click.option(
    "--overlap", type=click.IntRange(min=0), help="Pixels that windows share; the model decides, if not given."
)
@refining
@options.flips
@options.scales
@options.model
@options.device
@options.batch
@options.gsd
@options.overwrite
@options.as_json
@options.quiet
@options.verbose
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Map words over SOURCE, a raster of any size: class map, polygons, areas, picture, manifest.

    Interrupted, the same command goes on where it was. Exit code 3: some windows failed; the manifest names them.

    Example: geoglot segment scene.tif --classes "trees, grass, road, building" -o map.tif --polygons map.gpkg
    """
    from geoglot.tasks.segment.segment import load_mapper, segment

    model = load_mapper(given["model"], device=given["device"], precision="auto")
    with options.progress() as progress:
        result = segment(
            given["source"],
            given["classes"],
            given["output"],
            model=model,
            polygons=given["polygons"],
            read=read_options(given),
            options=_options(given),
            refiner=chosen_refiner(given),
            overwrite=given["overwrite"],
            progress=progress,
        )
    options.emit(result.to_json(), given["as_json"], describe(result))
    if result.failed:
        click.echo(f"geoglot: {len(result.failed)} windows failed; see {result.manifest}", err=True)
        ctx.exit(options.PARTLY)


def _options(given: dict[str, Any]) -> Any:
    from geoglot.tasks.segment.map_run import SegmentOptions

    return SegmentOptions(
        background=given["background"],
        threshold=given["threshold"],
        flips=given["flips"],
        scales=parse_scales(given["scales"]),
        scores=given["scores"],
        **fields(given),
    )


def describe(result: SegmentResult) -> str:
    """The result for people: classes by area, then the files."""
    width = max(len(share.name) for share in result.classes)
    shares = sorted(result.classes, key=lambda share: -share.pixels)
    areas = area_column([share.area_m2 for share in shares])
    rows = [f"{share.name:<{width}}  {area:>12}  {share.share:6.1%}" for share, area in zip(shares, areas, strict=True)]
    files = {
        "map": result.output,
        "polygons": result.polygons,
        "scores": result.scores,
        "picture": result.overlay,
        "manifest": result.manifest,
    }
    rows += ["", *(f"{what:<9} {path}" for what, path in files.items() if path)]
    rows += [f"note      {note}" for note in result.notes]
    return "\n".join([*rows, f"{result.windows} windows by {result.model} in {result.seconds:.1f} s"])
