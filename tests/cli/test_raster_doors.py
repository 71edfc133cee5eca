"""Every command that reads a raster takes the same four flags, unless a reason stands here."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from geoglot.cli.main import COMMANDS, cli

FLAGS = ("--aoi", "--nodata", "--bands", "--sensor")
NO_BANDS = "a map of classes has one band, and says itself what is no data"
#: Commands that read no raster of the user, by what they read instead
NO_RASTER = {
    "demo": "the scene that ships with geoglot", "doctor": "this machine", "help": "pages", "recipes": "recipes",
    "models": "models", "export": "a model", "evaluate": "data sets, read as their protocols say",
    "datasets": "data sets, read as their layouts say", "completion": "nothing", "train align": "a recipe",
    "train segment": "a recipe", "train classify": "a recipe",
    "train init": "images with labels, as a data set", "pairs": "recipes and pair sets",
    "serve": "scenes that are asked on the page, each job with options of its own", "index bridge": "an archive",
    "index commit": "units of work", "index compact": "an archive", "index export": "an archive",
    "index import": "vectors of others", "index info": "an archive", "index remove": "an archive",
    "index teach": "an archive", "index watch": "an archive", "index work": "units, which say it themselves",
}  # fmt: skip
#: Flags that a command which reads rasters can do without, and why
WITHOUT = {
    "audit": {"--nodata": NO_BANDS, "--bands": NO_BANDS, "--sensor": NO_BANDS},
    "search": dict.fromkeys(("--nodata", "--bands", "--sensor"), "its chips were read when they were added"),
}


def leaves(command: click.Command, path: str) -> Iterator[tuple[str, set[str]]]:
    """Every command that does something, with its flags."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            below = command.get_command(click.Context(command), name)
            assert below is not None
            yield from leaves(below, f"{path} {name}")
    else:
        yield path, {flag for parameter in command.params for flag in parameter.opts}


def doors() -> dict[str, set[str]]:
    found = dict[str, set[str]]()
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        found |= dict(leaves(command, name))
    return found


def reads_no_raster(door: str) -> bool:
    return door in NO_RASTER or door.split()[0] in NO_RASTER


@pytest.mark.parametrize("flag", FLAGS)
def test_every_raster_door_has_the_flag(flag: str) -> None:
    lacking = [door for door, flags in doors().items() if not reads_no_raster(door) and flag not in flags]
    assert lacking == [door for door in doors() if flag in WITHOUT.get(door, {})]


def test_no_reason_is_out_of_date() -> None:
    every = doors()
    for named in (*NO_RASTER, *WITHOUT):
        assert any(door == named or door.startswith(f"{named} ") for door in every), named
    assert not [door for door, flags in every.items() if reads_no_raster(door) and flags & set(FLAGS)]


def test_the_doors_that_take_many_scenes_have_the_same_flags() -> None:
    every = doors()
    for door in ("segment", "find", "change", "info", "bands", "classify", "ask"):
        assert {"--jobs", "--table", "--json"} <= every[door], door
