"""geoglot recipes: list those that come with geoglot, and copy them to be changed and run."""

from pathlib import Path

import click

from geoglot.cli import shared


@click.group()
def command() -> None:
    """Recipes and scripts that come with geoglot: list them, copy them.

    Example: geoglot recipes copy segclip/loveda.toml
    """


@command.command("list")
@shared.short
def list_(as_json: bool) -> None:
    """List the recipes that `geoglot train` and `geoglot pairs` take (.toml), and scripts (.py).

    Example: geoglot recipes list
    """
    from geoglot.shipped import recipes

    found = recipes()
    width = max(len(recipe.name) for recipe in found)
    text = "\n".join(f"{recipe.name:<{width}}  {recipe.title}" for recipe in found)
    shared.emit({"recipes": [vars(recipe) for recipe in found]}, as_json, text)


@command.command()
@click.argument("name")
@click.argument("folder", type=shared.PATH, default=".")
@shared.short
def copy(name: str, folder: Path, as_json: bool) -> None:
    """Copy the recipe NAME, or all of a folder of recipes, into FOLDER. No file that is there is replaced.

    A script comes with its folder, and with the folders whose modules it uses.

    Example: geoglot recipes copy world examples, then python examples/world/sheet.py sheet.png
    """
    from geoglot.errors import OutputError
    from geoglot.outputs.atomic import disk_errors, write_bytes
    from geoglot.shipped import recipe_files

    files = [(path, folder / place) for path, place in recipe_files(name)]
    different = [target for path, target in files if target.exists() and target.read_bytes() != path.read_bytes()]
    if different:
        raise OutputError(
            f"{different[0]} is there already, and it is another file; move it away or name another folder"
        )
    for path, target in files:
        with disk_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            write_bytes(target, path.read_bytes())
    shared.emit({"files": [str(target) for _, target in files]}, as_json, "\n".join(str(target) for _, target in files))
