"""geoglot index watch: where something appeared since a date."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from geoglot.cli import shared
from geoglot.figures import format_count

_DATES = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S")


@click.command()
@click.argument("archive")
@click.argument("words")
@click.option(
    "--since", type=click.DateTime(_DATES), required=True, help="Year, month or day from which changes count."
)
@shared.top
@click.option("--sheet", type=shared.PATH, help="Also draw both chips of each cell, before and after: a PNG.")
@shared.archive_model
@shared.device
@shared.overwrite
@shared.short
def watch(
    archive: str, words: str, since: datetime, top: int, sheet: Path | None, model: str | None, device: str | None,
    overwrite: bool, as_json: bool,
) -> None:  # fmt: skip
    """Find cells of ARCHIVE in which WORDS appeared: the score rose, and stayed higher than it ever was before.

    Example: geoglot index watch tiles "solar farm" --since 2024
    """
    from geoglot.index.search.query import Questioner
    from geoglot.index.search.watch import watch as look
    from geoglot.index.search.watch_sheet import draw_rises, start_sheet
    from geoglot.index.store.archive import Archive
    from geoglot.scene.class_words import parse_words

    run = {"archive": Path(archive), "words": words, "since": since, "top": top}
    made = start_sheet(sheet, run, overwrite) if sheet else None
    opened = Archive.open(archive)
    found = look(opened, Questioner(opened, model, device).read(parse_words(words)), since, top)
    if made:
        draw_rises(found.rises, made)
    document = {
        "query": words, "since": since.isoformat(), "rises": [rise.to_json() for rise in found.rises],
        "compared": found.compared, "searched": found.searched,
    }  # fmt: skip
    lines = [
        f"{rank:>3}  +{rise.rise:.3f}  {rise.before.time:%Y-%m-%d} to {rise.after.time:%Y-%m-%d}  {rise.cell}  "
        f"{rise.after.source}"
        for rank, rise in enumerate(found.rises, 1)
    ]
    if not lines:
        lines = [
            f"no {words} appeared in any of {format_count(found.compared, 'cell')} that can be compared"
            if found.compared
            else f"nothing can be compared: no cell was seen both before {since:%Y-%m-%d} and since; "
            f"{format_count(found.searched, 'chip')} with a place and a time were searched"
        ]
    shared.emit(document, as_json, "\n".join(lines))
