"""geoglot segment: words to a class map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geoglot.cli import many, report, shared
from geoglot.cli.flags import flags
from geoglot.cli.progress import progress
from geoglot.errors import InputError
from geoglot.figures import format_list
from geoglot.options import FindOptions, ReadOptions, RefineOptions, SegmentOptions

if TYPE_CHECKING:
    from geoglot.tasks.segment.map_files import SegmentResult

_OF_CLASSES = ("threshold", "flips", "scales", "scores")  # options of classes that compete, which heat has not


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.option(
    "-o", "--output", required=True, type=shared.PATH, help="The class map, a GeoTIFF (COG); of many SOURCES a folder."
)
@click.option("--classes", help=shared.CLASSES_HELP + " Not needed for a model with classes of its own.")
@click.option("--polygons", type=shared.PATH, help=f"Also polygons: {shared.VECTORS}.")
@click.option(
    "--heat",
    is_flag=True,
    help="Instead of a class map, how well every place fits each class by itself: scores 0..1 and a picture.",
)
@click.option("--place", help="With --heat, in place of classes: how much every place looks like the one at LON,LAT.")
@many.table
@many.together
@many.jobs
@flags(SegmentOptions, "options")
@flags(RefineOptions, "refine")
@flags(ReadOptions, "read")
@report.flag
@shared.run
def command(
    sources: tuple[str, ...],
    output: Path,
    classes: str | None,
    polygons: Path | None,
    heat: bool,
    place: str | None,
    table: Path | None,
    together: Path | None,
    jobs: int,
    model: str,
    device: str | None,
    overwrite: bool,
    as_json: bool,
    *,
    options: SegmentOptions,
    refine: RefineOptions,
    read: ReadOptions,
) -> None:
    """Map words over SOURCES, rasters of any size: class map, polygons, areas, picture, manifest.

    Of many SOURCES, which may be folders and patterns such as "scenes/**/*.tif", each gets a map in the folder OUTPUT,
    and --polygons is an ending, such as .gpkg. A scene that fails does not stop the others. The same command resumes an
    interrupted run, and passes over scenes that are complete. Exit code 3: some windows or scenes failed; they are
    named.

    With --heat, classes do not compete, and one class is enough: OUTPUT has a band of scores for each. With --place
    there are no words at all: OUTPUT has the likeness to one place, which is COLUMN,ROW in a scene without a CRS.

    \b
    Example:
      geoglot segment scene.tif --classes "trees, grass, road, building" -o map.tif --polygons map.gpkg
      geoglot segment scenes/*.tif --classes "trees, water" -o maps/ --jobs 4 --table areas.csv
      geoglot segment scene.tif --classes lake -o lake.tif --heat
      geoglot segment scene.tif --heat --place 4.3554,51.8705 -o like.tif
    """
    from geoglot.tasks.segment.segment import segment

    if heat:
        of_maps = {"polygons": polygons, "table": table, "together": together, "jobs": jobs > 1}
        of_maps |= {"refine": refine.refine != "none"}
        _refuse_beside_heat(of_maps, options)
        asked = {"read": read, "options": _heat_options(options), "overwrite": overwrite}
        _map_heat(sources, classes, place, output, (model, device), asked, as_json)
        return
    if place is not None:
        raise InputError("--place goes with --heat; search finds what looks like a place in many scenes")
    settings: dict[str, Any] = {"polygons": polygons, "read": read, "options": options, "overwrite": overwrite}
    if many.is_batch(sources, output, table, together):
        scenes = many.Scenes(sources, output, table, jobs, device, as_json, together)
        many.run(segment, scenes, classes, settings | {"model": model, "refiner": refine})
        return
    from geoglot.models.zoo import load_model
    from geoglot.tasks.refine.load import refiner_of

    mapper = load_model(model, device=device, precision="auto")
    with progress() as advance:
        result = segment(
            sources[0], classes, output, model=mapper, refiner=refiner_of(refine, device), progress=advance, **settings
        )
    report.emit([result], result.to_json(), as_json, describe(result))
    if not any(share.pixels for share in result.classes):
        shared.exit_without_result()
    if result.failed:
        shared.exit_partly(f"{len(result.failed)} windows failed; see {result.manifest}")


def _heat_options(options: SegmentOptions) -> FindOptions:
    """What of the options of a map counts for heat; the rest belongs to classes that compete."""
    return FindOptions(
        background=options.background or None, area=options.area, templates=options.templates,
        evidence=options.evidence,
    )  # fmt: skip


def _refuse_beside_heat(of_maps: Mapping[str, object], options: SegmentOptions) -> None:
    """InputError for flags of class maps; `of_maps` has what was given for those that are no SegmentOptions."""
    unasked = SegmentOptions()
    given = {**of_maps, **{name: getattr(options, name) != getattr(unasked, name) for name in _OF_CLASSES}}
    if wrong := [f"--{flag}" for flag, value in given.items() if value]:
        raise InputError(f"--heat writes scores and no class map; leave out {format_list(wrong)}")


def _map_heat(
    sources: Sequence[str],
    classes: str | None,
    place: str | None,
    output: Path,
    model: tuple[str, str | None],
    asked: Mapping[str, Any],
    as_json: bool,
) -> None:
    """Write heat in place of a map; `model` is its name and its device."""
    from geoglot.models.zoo import load_model
    from geoglot.tasks.find.map_heat import map_heat
    from geoglot.tasks.find.map_likeness import map_likeness

    if len(sources) != 1 or (classes is None) == (place is None):
        raise InputError("--heat maps one raster: give one source, and names to score with --classes, or a --place")
    given = {"model": load_model(model[0], device=model[1], precision="auto"), **asked}
    with progress() as advance:
        if place is not None:
            result = map_likeness(sources[0], place, output, progress=advance, **given)
        elif classes is not None:
            result = map_heat(sources[0], classes, output, progress=advance, **given)
    page = result.page()
    rows = [f"{name}  highest score {most}, 0.5 or more on {share}" for name, most, share in page.tables[0].rows]
    report.emit([result], result.to_json(), as_json, "\n".join([*rows, *shared.result_lines(page.files, page.notes)]))
    if result.failed:
        shared.exit_partly(f"{len(result.failed)} of {result.windows} windows failed")


def describe(result: SegmentResult) -> str:
    """The result for people: classes by area, then the files."""
    width = max(len(share.name) for share in result.classes)
    page = result.page()
    rows = [f"{name:<{width}}  {area:>12}  {share:>6}" for name, area, share in page.tables[0].rows]
    last = f"{result.windows} windows by {result.model} in {result.seconds:.1f} s"
    return "\n".join([*rows, "", *shared.result_lines(page.files, page.notes), last])
