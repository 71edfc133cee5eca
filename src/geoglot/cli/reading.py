"""How the commands read words and scenes: the options that several of them share, and their plain text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

import click

from geoglot.aliases import BandLike, NoData, Sensor
from geoglot.errors import InputError
from geoglot.figures import choose_area_unit, format_area

if TYPE_CHECKING:
    from geoglot.scene.read import ReadOptions

_SCENE = (
    click.option("--bands", help='Red, green, blue, then what else a model sees: "B4,B3,B2" or "4,3,2".'),
    click.option("--sensor", type=click.Choice(get_args(Sensor)), help="Preset of bands, offset and scale."),
    click.option("--nodata", help="The stored number that is no data; none if every number is data."),
)  # fmt: skip
_SHARED = (
    click.option("--template", "templates", multiple=True, help="Sentence with {} for the class; may be repeated."),
    *_SCENE,
)

CLASSES_HELP = 'Names with commas, "water, forest", or a .txt or .json file.'


def reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of words and scenes to a command."""
    return _with(_SHARED, command)


def looking(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of scenes to a command that takes no words."""
    return _with(_SCENE, command)


def _with(options: Sequence[Callable[..., Any]], command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


def fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Templates, if some are given, named as in SegmentOptions, FindOptions and ClassifyOptions."""
    return {"templates": given["templates"]} if given["templates"] else {}


def read_options(given: Mapping[str, Any]) -> ReadOptions:
    """How a command's options say that a scene is read."""
    from geoglot.scene.read import ReadOptions

    windows = {name: given[name] for name in ("tile", "overlap") if name in given}
    return ReadOptions(**scene_fields(given), **windows, resolution=given["gsd"], batch=given["batch"])


def scene_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the options of `looking` say."""
    return {
        "bands": parse_bands(given["bands"]),
        "sensor": given["sensor"],
        "nodata": parse_nodata(given["nodata"]),
    }


def parse_nodata(text: str | None) -> NoData:
    """A number or none, as open_raster takes it."""
    from geoglot.sources.pixels.validity import parse_nodata as parse

    return parse(text)


def parse_bands(text: str | None) -> tuple[BandLike, ...] | None:
    """Band names or numbers as open_raster takes them."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return tuple(int(part) if part.isdigit() else part for part in parts)


def parse_scales(text: str) -> tuple[float, ...]:
    """Numbers with commas."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"scales are numbers with commas, such as 0.75,1,1.25, not {text!r}") from None


def area_column(areas_m2: Sequence[float | None]) -> list[str]:
    """The areas of a table, all in one unit."""
    unit = choose_area_unit(areas_m2)
    return [format_area(area, unit) for area in areas_m2]
