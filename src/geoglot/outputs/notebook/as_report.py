"""Results as a report: one HTML file with pictures, tables, notes and provenance, to read, print and send.

It runs no script and asks no server: a policy in its head forbids both, whatever a name in it holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from geoglot.aliases import PathLike
from geoglot.errors import GeoglotError, InputError
from geoglot.hashing import fingerprint
from geoglot.outputs.atomic import check_folder
from geoglot.outputs.made import Made
from geoglot.outputs.notebook.as_html import Limits, safe, to_html
from geoglot.outputs.notebook.page import Drawing, Page, Picture, Table
from geoglot.outputs.record import KEY
from geoglot.tables import parse_json, read_text
from geoglot.version import __version__

if TYPE_CHECKING:
    from geoglot.outputs.notebook.shown import Shown

_LIMITS = Limits(rows=1000, notes=1000, entries=200, pictures=50, letters=400, text=100_000, side=2400)
_MANY = 10  # results, of more than which pictures are smaller
_SMALLER = replace(_LIMITS, side=800)
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:75em;margin:2em auto;padding:0 1em;color:#1b2227;background:#fff}"
    "img{max-width:100%;height:auto}table{border-collapse:collapse;margin:.7em 0}"
    "th,td{border-bottom:1px solid #d5dbdf;padding:.15em .8em .15em 0;vertical-align:top;overflow-wrap:anywhere}"
    ".geoglot{border-bottom:2px solid #d5dbdf;margin-bottom:1em}"
    "figure{max-width:100%!important;flex:1 1 30em}pre{white-space:pre-wrap}summary{cursor:pointer}"
    "details{margin-bottom:1em}"
)


def check_report(path: PathLike | None) -> None:
    """Before any work, refuse a report that cannot be written, or whose name does not end with .html."""
    if path is None:
        return
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise InputError(f"the name of the report must end with .html, got {Path(path).name!r}")
    check_folder(Path(path))
    Made("report", Path(path)).start("", overwrite=True)  # a file of somebody else is refused


def write_report(results: Sequence[Shown], path: PathLike, overwrite: bool = False) -> Path:
    """Write the report of results, one after the other; OutputError for another report there unless `overwrite`."""
    check_report(path)
    limits = _LIMITS if len(results) <= _MANY else _SMALLER
    target, body = Path(path), "".join(_section(each, limits, folded=len(results) > 1) for each in results)
    title = safe(results[0].page().title, 200) if results else "nothing"
    text = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width"><meta http-equiv="Content-Security-Policy" '
        f"content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\"><title>{title}</title>"
        f"<style>{_STYLE}</style></head><body>{body}<div><small>geoglot {__version__}</small></div></body></html>\n"
    )
    made = Made("report", target)
    made.start(fingerprint({"report": text}), overwrite)
    with made.writing(target) as draft:
        draft.write_text(text, "utf-8")
    made.finish({})
    return target


def _section(result: Shown, limits: Limits, *, folded: bool) -> str:
    """A result with its picture as it was written, else drawn anew, and what its manifest says of how it came about."""
    page, drawing, why = result.page(), Drawing(), ""
    manifest = Path(str(page.files["manifest"])) if page.files.get("manifest") else None
    document = parse_json(read_text(manifest).body) if manifest and manifest.is_file() else {}
    replaced = not _is_about(document, getattr(result, "to_json", dict)())
    try:
        picture = (None if replaced else _picture(page)) or getattr(result, "draw", Drawing)()
        drawing = picture if isinstance(picture, Drawing) else Drawing([picture])
    except GeoglotError as error:
        why = str(error)
    origin = to_html(_provenance(manifest.name, document, replaced), limits=limits) if manifest and document else ""
    if origin and folded:
        origin = f"<details><summary>provenance</summary>{origin}</details>"
    return to_html(page, drawing, why, limits) + origin


def _is_about(manifest: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    """Whether a manifest tells what a result tells, but for how long it took: another run may have written it since."""
    own = json.loads(json.dumps(result, default=str))
    return all(manifest[key] == own[key] for key in manifest.keys() & own.keys() - {"seconds", "notes"})


def _picture(page: Page) -> Picture | None:
    """The picture that the run wrote, with its legend, scale bar and source."""
    written = page.files.get("picture")
    if not written or not Path(str(written)).is_file():
        return None
    with Image.open(Path(str(written)), formats=("PNG",)) as image:
        return Picture(Path(str(written)).name, image.convert("RGB"), None)


def _provenance(name: str, document: Mapping[str, Any], replaced: bool) -> Page:
    """The facts of a manifest as a table, and the files that the run made with their sha256."""
    if replaced:
        return Page(f"No provenance: {name} was written again since, by another run")
    made = document.get(KEY, {})
    facts = [(name, value) for name, value in _flatten(document.get("run", {})) if value not in ("", "null")]
    files = [(each["path"], f"{each['bytes']:,}", each["sha256"]) for each in made.get("files", ())]
    return Page(
        f"Provenance, from {name} (run {made.get('run', '')})",
        [Table(("file", "bytes", "sha256"), files), Table(("fact", "value"), facts)],
    )


def _flatten(facts: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in facts.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
