"""geoglot demo: map the scene that ships with the package, or show a small GRAFT, offline."""

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
@click.argument("what", type=click.Choice(["scene", "graft"]), default="scene")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the results.  [default: demo-output, or demo-graft with GRAFT]",
)
@click.option("--map", "on_map", is_flag=True, help="Open the scene on a map in the browser instead, to type words on.")
@shared.overwrite
@shared.long
def command(what: str, output: Path | None, on_map: bool, overwrite: bool, as_json: bool) -> None:
    """Map trees, grass, buildings and roads over a real scene, with no network and no account.

    With GRAFT, show a small GRAFT, trained without text on a made-up country: a map of its words, heat maps of single
    words, and what searches find.

    \b
    Example:
      geoglot demo
      geoglot demo graft -o my-graft
    """
    from geoglot.demo import COUNTRY, SCENE
    from geoglot.options import SegmentOptions
    from geoglot.outputs.atomic import disk_errors
    from geoglot.tasks.segment.segment import segment

    source, usual = (SCENE, "demo-output") if what == "scene" else (COUNTRY, "demo-graft")
    output = output or Path(usual)
    scene = output / source.name  # a copy, for the user to try other words on
    with disk_errors(output):
        output.mkdir(parents=True, exist_ok=True)
    _copy(source, scene)
    if what == "graft":
        _show_graft(scene, on_map, overwrite, as_json)
        return
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


def _show_graft(scene: Path, on_map: bool, overwrite: bool, as_json: bool) -> None:
    """Write the pictures of the small GRAFT, or open its scene on the map."""
    from geoglot.demo import GRAFT
    from geoglot.demo.look_at_graft import look_at_graft

    if on_map:
        _open_map(scene, str(GRAFT))
        return
    with progress() as advance:
        shown = look_at_graft(scene.parent, scene, overwrite=overwrite, progress=advance)
    head = f"another country than the one of its training, by a GRAFT that never saw a text ({GRAFT}):\n\n"
    files = {"heat": shown.heat.output, "picture": shown.heat.picture, "grid": shown.grid}
    text = "\n".join([describe(shown.map), *shared.result_lines(files, ())])
    document = {"map": shown.map.to_json(), "heat": shown.heat.to_json(), "grid": str(shown.grid)}
    shared.emit(document, as_json, head + text)
    if not as_json:
        click.echo(f"\nTry its other words:\n  geoglot segment {scene} --model {GRAFT} --classes road \\")
        click.echo(f'    --background "house, field, forest" --heat -o {scene.parent / "road.tif"}')


def _open_map(scene: Path, model: str | None = None) -> None:
    """Serve the scene, and an archive of it to be searched."""
    from geoglot.cli.serve import run
    from geoglot.index.build.build import add, load_for

    archive = scene.parent / "archive"
    with progress() as advance:
        add(archive, [scene], model=load_for(archive, model, None), progress=advance)
    run((str(scene), str(archive)), model=model or "mini")


def _copy(scene: Path, target: Path) -> None:
    """Copy the scene, unless it is there already. Another file of that name is an OutputError."""
    from geoglot.errors import OutputError
    from geoglot.outputs.atomic import write_bytes

    content = scene.read_bytes()
    if not target.exists():
        write_bytes(target, content)
    elif target.read_bytes() != content:
        raise OutputError(f"{target} is not the scene of the demo; move it away, or give another folder with -o")
