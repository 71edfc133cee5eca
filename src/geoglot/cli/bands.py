"""geoglot bands: a picture of the bands of a raster, to choose from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from geoglot.cli import options
from geoglot.cli.info import band_table, shown
from geoglot.cli.reading import looking, scene_fields


@click.command()
@click.argument("source")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The picture, a PNG; SOURCE.bands.png here, if not given."
)
@looking
@options.as_json
@options.verbose
def command(source: str, output: Path | None, as_json: bool, **given: Any) -> None:
    """Draw the bands of SOURCE: in the colours that are taken, in colour-infrared, and each alone; and say why.

    Example: geoglot bands scene.tif, then geoglot segment scene.tif --bands 5,3,2 ...
    """
    from geoglot.tasks.inspection import inspect_raster

    picture = output or Path(f"{Path(source).stem}.bands.png")
    info = inspect_raster(source, picture=picture, **scene_fields(given))
    lines = [*band_table(info), "", f"shown    {shown(info)}", f"picture  {picture}"]
    options.emit(info.to_json(), as_json, "\n".join([*lines, *(f"note     {note}" for note in info.notes)]))
