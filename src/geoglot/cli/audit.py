"""geoglot audit: areas that carry their error, from a random sample that a person decides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geoglot.cli import report, shared
from geoglot.cli.flags import flags
from geoglot.cli.progress import progress
from geoglot.errors import InputError
from geoglot.figures import format_count
from geoglot.options import AuditOptions

if TYPE_CHECKING:
    from geoglot.tasks.audit.audit_result import Audit
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
@report.flag
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
            report.emit([drawn], drawn.to_json(), as_json, describe_sample(drawn))
            return
    report.emit([audit], audit.to_json(), as_json, describe(audit))


def describe_sample(drawn: Drawn) -> str:
    """A sample for people: its strata and places, what it is expected to tell, and what to do next."""
    [table] = (page := drawn.page()).tables
    count = format_count(sum(drawn.sizes), "place")
    last = [f"{count} to decide; draw them with: -o FOLDER"]
    if drawn.sample:
        how = "write the class of each into the column class, ? where it cannot be told, then"
        last = [f"sample    {drawn.sample}", f"{count} to decide: {how}: geoglot audit {drawn.sample.parent}"]
    return "\n".join([*shared.table([table.head, *table.rows]), "", *shared.result_lines({}, page.notes), *last])


def describe(audit: Audit) -> str:
    """Areas and accuracies for people."""
    table, *changes = (page := audit.page()).tables
    rows = [table.head, *table.rows]
    for each in changes:
        rows += [("",) * len(table.head), *each.rows]
    *notes, decided = page.notes
    return "\n".join([*shared.table(rows), "", page.title, *shared.result_lines({}, notes), decided])
