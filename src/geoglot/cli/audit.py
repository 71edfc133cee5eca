"""geoglot audit: areas that carry their error, from a random sample that a person decides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geoglot.cli import shared
from geoglot.cli.flags import flags
from geoglot.cli.progress import progress
from geoglot.errors import InputError
from geoglot.figures import choose_area_unit, format_area, format_count
from geoglot.options import AuditOptions

if TYPE_CHECKING:
    from geoglot.tasks.audit.audit_result import Audit, AuditedClass, Figure
    from geoglot.tasks.audit.draw_audit import Drawn

_RASTERS = (".tif", ".tiff", ".png", ".jp2", ".webp")


@click.command()
@click.argument("source", type=shared.PATH)
@click.option(
    "-o", "--output", type=shared.PATH, help="New folder of the sample. Without it you see what it would take."
)
@click.option("--scene", "scenes", multiple=True, help="What the pictures show; may be repeated, the oldest first.")
@click.option("--names", type=shared.PATH, help="Table with the columns id and name, of a map that names no classes.")
@click.option("--map", "judged", type=shared.PATH, help="Judge another map by a decided sample.")
@flags(AuditOptions, "options")
@shared.long
def command(
    source: Path,
    output: Path | None,
    scenes: tuple[str, ...],
    names: Path | None,
    judged: Path | None,
    as_json: bool,
    *,
    options: AuditOptions,
) -> None:
    """Draw a random sample from a map of classes or of change, then tell areas with 95 % intervals.

    SOURCE is first a map: the sample goes into the folder OUTPUT, with a picture of each place and sample.csv, in which
    you write the true class of each place. Then SOURCE is that folder. What was not drawn by chance gets no interval.

    \b
    Example:
      geoglot audit map.tif --precision 0.03               # how many places it takes
      geoglot audit map.tif --precision 0.03 -o audit/     # draws them; fill in audit/sample.csv
      geoglot audit audit/                                 # areas, with how sure they are
    """
    from geoglot.tasks.audit.audit_areas import audit_areas
    from geoglot.tasks.audit.draw_audit import draw_audit

    with progress() as advance:
        if source.is_dir() or source.suffix.lower() not in _RASTERS:
            if output or scenes:
                raise InputError(f"--output and --scene are for drawing a sample from a map, and {source} is no raster")
            audit = audit_areas(source, judged, names=names, progress=advance)
        elif judged:
            raise InputError(
                f"--map is for judging another map by a decided sample; give its folder in place of {source}"
            )
        else:
            drawn = draw_audit(source, output, scenes=scenes, names=names, options=options, progress=advance)
            shared.emit(drawn.to_json(), as_json, describe_sample(drawn))
            return
    shared.emit(audit.to_json(), as_json, describe(audit))


def describe_sample(drawn: Drawn) -> str:
    """A sample for people: its strata and places, what it is expected to tell, and what to do next."""
    areas = [stratum.area_m2 for stratum in drawn.strata]
    unit = choose_area_unit(areas)
    rows = [("class", "pixels", "area on the map", "share", "places", "expected +-")]
    columns = drawn.strata, drawn.sizes, drawn.half_widths, drawn.half_areas_m2
    for stratum, size, half, half_m2 in zip(*columns, strict=True):
        width = f"{half:.2%}" if half_m2 is None else format_area(half_m2, unit)
        ground = format_area(stratum.area_m2, unit), f"{stratum.weight:.2%}"
        rows.append((stratum.name, f"{stratum.pixels:,}", *ground, f"{size:,}", width))
    count = format_count(sum(drawn.sizes), "place")
    last = [f"{count} to decide; draw them with: -o FOLDER"]
    if drawn.sample:
        how = "write the class of each into the column class, ? where it cannot be told, then"
        last = [f"sample    {drawn.sample}", f"{count} to decide: {how}: geoglot audit {drawn.sample.parent}"]
    return "\n".join([*shared.table(rows), "", *shared.result_lines({}, drawn.notes), *last])


def describe(audit: Audit) -> str:
    """Areas and accuracies for people, all areas in one unit."""
    every = (*audit.classes, *audit.changes)
    unit = choose_area_unit([each.area_m2.high for each in every])
    head = ("class", "on the map", "area", "95 % interval", "user's accuracy", "producer's accuracy")
    rows = [head, *(_row(each, unit) for each in audit.classes)]
    if audit.changes:
        rows += [("", "", "", "", "", ""), *(_row(each, unit) for each in audit.changes)]
    decided = f"{sum(audit.decided):,} of {format_count(sum(audit.design.sizes), 'place')} decided"
    overall = f"overall accuracy of {audit.map}: {_percent(audit.overall)}"
    return "\n".join([*shared.table(rows), "", overall, *shared.result_lines({}, audit.notes), decided])


def _row(each: AuditedClass, unit: str) -> tuple[str, ...]:
    if each.area_m2.value is None:  # the map has no CRS
        value, low, high = each.share.value, each.share.low, each.share.high
        area = tuple("-" if number is None else f"{number:.2%}" for number in (value, low, high))
    else:
        area = tuple(format_area(number, unit) for number in (each.area_m2.value, each.area_m2.low, each.area_m2.high))
    return (
        each.name, format_area(each.mapped_m2, unit), area[0], f"{area[1]} to {area[2]}", _percent(each.users),
        _percent(each.producers),
    )  # fmt: skip


def _percent(figure: Figure) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "-"
    return f"{figure.value:.1%} ({figure.low:.1%} to {figure.high:.1%})"
