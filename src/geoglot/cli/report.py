"""The flag --report: the result of a command as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geoglot.cli import shared
from geoglot.errors import GeoglotError

if TYPE_CHECKING:
    from geoglot.outputs.notebook.shown import Shown

_KEY = "geoglot.report"


def _keep(ctx: click.Context, _: click.Parameter, path: Path | None) -> None:
    if path is not None:
        from geoglot.outputs.notebook.as_report import check_report

        check_report(path)
        ctx.meta[_KEY] = path


flag = click.option(
    "--report", type=shared.PATH, expose_value=False, callback=_keep,
    help="Also a report, .html: picture, table, notes and provenance in one file.",
)  # fmt: skip


def emit(
    results: Sequence[Shown], document: Mapping[str, Any], as_json: bool, text: str, *, replaces: bool = False
) -> None:
    """Print results as `shared.emit` does, after their report, if one is asked for, is written.

    `replaces` is whether it may take the place of another report without --overwrite. The results are printed even if
    it cannot be written; that error is raised last.
    """
    ctx, failed = click.get_current_context(), None
    if path := ctx.meta.get(_KEY):
        from geoglot.outputs.notebook.as_report import write_report

        try:
            write_report(results, path, replaces or bool(ctx.params.get("overwrite")))
            document, text = {**document, "report": str(path)}, "\n".join(filter(None, (text, f"report    {path}")))
        except GeoglotError as error:
            failed = error
    if as_json or text:
        shared.emit(document, as_json, text)
    if failed:
        raise failed
