"""geoglot find: words to objects, one polygon a thing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geoglot.cli import options
from geoglot.cli.reading import area_column, fields, read_options, reading
from geoglot.cli.refining import chosen_refiner, refining

if TYPE_CHECKING:
    from geoglot.tasks.find.find_result import FindResult


@click.command()
@click.argument("source")
@click.argument("names", nargs=-1)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The objects: .gpkg, .parquet or .geojson.")
@refining
@reading
@click.option("--background", help="Words to hold the names against; general ones, if not given.")
@click.option("--min-score", type=float, help="Least score, 0 to 1, of an object; chosen from the scene, if not given.")
@click.option("--min-area", type=click.FloatRange(min=0), help="Least area of an object in m².")
@click.option("--max-area", type=click.FloatRange(min=0), help="Largest area of an object in m².")
@click.option("--points", type=click.Path(path_type=Path), help="File of points or boxes to outline, instead of NAMES.")
@click.option("--aoi", type=click.Path(path_type=Path), help="File of polygons: objects are looked for in these.")
@click.option("--vectors", type=click.Path(path_type=Path), help="Folder to keep what was seen, for later questions.")
@click.option("--tile", type=click.IntRange(min=1), help="Side of a window in pixels; the model decides, if not given.")
@click.option(
    "--overlap", type=click.IntRange(min=0), help="Pixels that windows share; the model decides, if not given."
)
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
    """Find, count and outline the things NAMES in SOURCE, a raster of any size.

    Several words for one thing, or many names, go into a file: NAMES is then the name of one .txt or .json file.
    Interrupted, the same command goes on where it was. Exit code 3: some windows failed; --json names them.

    Example: geoglot find scene.tif "swimming pool" "tennis court" -o pools.gpkg
    """
    from geoglot.tasks.find.find import find
    from geoglot.tasks.segment.segment import load_mapper

    refiner = chosen_refiner(given)
    model = load_mapper(given["model"], device=given["device"], precision="auto")
    with options.progress() as progress:
        result = find(
            given["source"],
            _names(given["names"]),
            given["output"],
            model=model,
            read=read_options(given),
            options=_options(given),
            refiner=refiner,
            overwrite=given["overwrite"],
            progress=progress,
        )
    options.emit(result.to_json(), given["as_json"], describe(result))
    if result.failed:
        click.echo(f"geoglot: {len(result.failed)} of {result.windows} windows failed", err=True)
        ctx.exit(options.PARTLY)


def _names(names: tuple[str, ...]) -> Any:
    """Names as find takes them: none, several, or one text that may hold commas or name a file."""
    return names[0] if len(names) == 1 else list(names) or None


def _options(given: dict[str, Any]) -> Any:
    from geoglot.tasks.find.find_options import FindOptions

    return FindOptions(
        background=given["background"],
        min_score=given["min_score"],
        min_area=given["min_area"],
        max_area=given["max_area"],
        points=given["points"],
        area=given["aoi"],
        vectors=given["vectors"],
        **fields(given),
    )


def describe(result: FindResult) -> str:
    """The result for people: names with counts, then the files."""
    width, areas = max(map(len, result.counts)), area_column(list(result.areas_m2.values()))
    rows = [
        f"{name:<{width}}  {count:>6}  {area:>12}{_from(result, name)}"
        for (name, count), area in zip(result.counts.items(), areas, strict=True)
    ]
    files = {"objects": result.output, "picture": result.overlay, "manifest": result.manifest}
    rows += ["", result.summary, *(f"{what:<9} {path}" for what, path in files.items() if path)]
    rows += [f"note      {note}" for note in result.notes]
    return "\n".join([*rows, f"{result.windows} windows by {result.model} in {result.seconds:.1f} s"])


def _from(result: FindResult, name: str) -> str:
    """From which score on a name counts, if it was a name and not a place."""
    threshold = result.thresholds.get(name)
    return f"  score from {threshold.core:.2f} ({threshold.how})" if threshold else ""
