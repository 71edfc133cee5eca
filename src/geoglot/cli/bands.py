"""geoglot bands: a picture of the bands of a raster, to choose from."""

from pathlib import Path

import click

from geoglot.cli import shared
from geoglot.cli.flags import flags
from geoglot.cli.info import band_table
from geoglot.options import ReadOptions


@click.command()
@click.argument("source")
@click.option("-o", "--output", type=shared.PATH, help="The picture, a PNG. Default: SOURCE.bands.png in this folder.")
@flags(ReadOptions, "read", "resolution", "tile", "overlap", "batch")
@shared.short
def command(source: str, output: Path | None, as_json: bool, *, read: ReadOptions) -> None:
    """Draw the bands of SOURCE: in the colours that are used, in colour-infrared, and each alone; and say why.

    Example: geoglot bands scene.tif, then geoglot segment scene.tif --bands 5,3,2 ...
    """
    from geoglot.tasks.inspection import inspect_raster
    from geoglot.tasks.raster_page import shown

    picture = output or Path(f"{Path(source).stem}.bands.png")
    info = inspect_raster(source, read=read, picture=picture)
    lines = [*band_table(info), "", f"shown    {shown(info)}", f"picture  {picture}"]
    shared.emit(info.to_json(), as_json, "\n".join([*lines, *(f"note     {note}" for note in info.notes)]))
