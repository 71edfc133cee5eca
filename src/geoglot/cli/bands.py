"""geoglot bands: a picture of the bands of a raster, to choose from."""

from pathlib import Path

import click

from geoglot.cli import many, shared
from geoglot.cli.flags import flags
from geoglot.cli.info import band_table
from geoglot.options import ReadOptions


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    type=shared.PATH,
    help="The picture, a PNG; of many SOURCES a folder. Default: SOURCE.bands.png in this folder.",
)
@many.table
@many.jobs
@many.area
@flags(ReadOptions, "read", "resolution", "tile", "overlap", "batch")
@shared.short
def command(
    sources: tuple[str, ...], output: Path | None, table: Path | None, jobs: int, area: Path | None, as_json: bool, *,
    read: ReadOptions,
) -> None:  # fmt: skip
    """Draw the bands of SOURCES: in the colours that are used, in colour-infrared, and each alone; and say why.

    \b
    Example:
      geoglot bands scene.tif, then geoglot segment scene.tif --bands 5,3,2 ...
      geoglot bands scenes/*.tif -o pictures/
    """
    from geoglot.tasks.inspection import inspect_raster
    from geoglot.tasks.raster_page import shown

    if many.is_batch(sources, output, table):
        scenes = many.Scenes(sources, output or Path(), table, jobs, None, as_json)
        many.run(inspect_raster, scenes, None, {"read": read, "area": area})
        return
    picture = output or Path(f"{Path(sources[0]).stem}.bands.png")
    info = inspect_raster(sources[0], read=read, picture=picture, area=area)
    lines = [*band_table(info), "", f"shown    {shown(info)}", f"picture  {picture}"]
    shared.emit(info.to_json(), as_json, "\n".join([*lines, *(f"note     {note}" for note in info.notes)]))
