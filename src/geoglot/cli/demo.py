"""geoglot demo: map the scene that ships with the package, offline."""

from pathlib import Path

import click

from geoglot.cli import shared
from geoglot.cli.progress import progress
from geoglot.cli.segment import describe

CLASSES = {
    "trees": ("trees", "dense forest"),
    "grass": ("grass", "a green lawn"),
    "buildings": ("houses", "buildings with roofs"),
    "roads": ("road", "asphalt street"),
}


@click.command()
@click.option(
    "-o",
    "--output",
    default="demo-output",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the results.",
)
@click.option("--map", "on_map", is_flag=True, help="Open the scene on a map in the browser instead, to type words on.")
@shared.overwrite
@shared.long
def command(output: Path, on_map: bool, overwrite: bool, as_json: bool) -> None:
    """Map trees, grass, buildings and roads over a real scene, with no network and no account.

    Example: geoglot demo -o demo-output
    """
    from geoglot.demo import SCENE
    from geoglot.options import SegmentOptions
    from geoglot.outputs.atomic import disk_errors
    from geoglot.tasks.segment.segment import segment

    scene = output / SCENE.name  # a copy, for the user to try other words on
    with disk_errors(output):
        output.mkdir(parents=True, exist_ok=True)
    _copy(SCENE, scene)
    if on_map:
        _open_map(scene)
        return
    with progress() as advance:
        result = segment(
            scene,
            CLASSES,
            output / "map.tif",
            polygons=output / "map.gpkg",
            options=SegmentOptions(scores=True),
            overwrite=overwrite,
            progress=advance,
        )
    head = "300 m x 300 m of Rotterdam at 0.5 m (WorldView-2, CC BY-SA 4.0), mapped by four words:\n\n"
    shared.emit(result.to_json(), as_json, head + describe(result))
    if not as_json:
        click.echo(f"\nLook at {result.overlay}, then try your own words:")
        click.echo(f'  geoglot segment {scene} -o {output / "mine.tif"} --classes "park, street, roofs"')


def _open_map(scene: Path) -> None:
    """Serve the scene, and an archive of it to be searched."""
    from geoglot.cli.serve import run
    from geoglot.index.build.build import add, load_for

    archive = scene.parent / "archive"
    with progress() as advance:
        add(archive, [scene], model=load_for(archive, None, None), progress=advance)
    run((str(scene), str(archive)))


def _copy(scene: Path, target: Path) -> None:
    """Copy the scene, unless it is there already. Another file of that name is an OutputError."""
    from geoglot.errors import OutputError
    from geoglot.outputs.atomic import write_bytes

    content = scene.read_bytes()
    if not target.exists():
        write_bytes(target, content)
    elif target.read_bytes() != content:
        raise OutputError(f"{target} is not the scene of the demo; move it away, or give another folder with -o")
