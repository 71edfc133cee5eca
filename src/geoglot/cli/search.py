"""geoglot search: words, pictures and places to hits in an archive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geoglot.cli import shared
from geoglot.cli.flags import flags
from geoglot.cli.progress import progress
from geoglot.options import SearchOptions

if TYPE_CHECKING:
    from geoglot.index.search.hits import Hits


@click.command()
@click.argument("archive")
@click.argument("words", required=False)
@click.option("--image", type=shared.PATH, help="A picture of what is wanted; with WORDS: like this, with that.")
@click.option("--place", help="LON,LAT or a cell on an indexed scene: what looks like this place.")
@click.option(
    "--like", multiple=True, help="Picture, place, or file of marked chips of what is meant; may be repeated."
)
@click.option("--unlike", multiple=True, help="The same of what is not meant, beside --like.")
@flags(SearchOptions, "options")
@click.option("-o", "--output", type=shared.PATH, help=f"The hits: .csv, {shared.VECTORS}.")
@click.option("--sheet", type=shared.PATH, help="A PNG of the hits, each with rank, score, name and date.")
@click.option("--model", help="Model of the archive, if it is not in the zoo; for a folder any, by default mini.")
@shared.device
@shared.overwrite
@shared.long
def command(
    archive: str,
    words: str | None,
    image: Path | None,
    place: str | None,
    like: tuple[str, ...],
    unlike: tuple[str, ...],
    output: Path | None,
    sheet: Path | None,
    model: str | None,
    device: str | None,
    overwrite: bool,
    as_json: bool,
    *,
    options: SearchOptions,
) -> None:
    """Search ARCHIVE for WORDS, for what looks like a picture or place, or both. Commas separate words of one meaning.

    ARCHIVE is what `geoglot index add` made, or a folder of pictures, which is indexed in the cache when it is first
    searched. All chips that the filters leave are compared, and each place is listed once.

    Example: geoglot search archive/ "baseball field" --after 2024-01-01 --sheet fields.png -o fields.gpkg
    """
    from geoglot.index.search.hit_files import check_sheet, reserve, run_of
    from geoglot.index.search.hits import check_output
    from geoglot.index.search.index import Index
    from geoglot.index.store.archive import is_archive

    if output:
        check_output(output)
    if sheet:
        check_sheet(sheet, archive, is_archive(archive))
    run = run_of(archive, words, image, place, like, unlike, options)
    inputs = [image, options.area, *like, *unlike]
    for path in filter(None, (output, sheet)):
        reserve(path, run, overwrite, inputs)
    with progress() as advance:
        index = Index(archive, model=model, device=device, progress=advance)
    hits = index.search(words, image=image, place=place, like=like, unlike=unlike, options=options)
    if output:
        hits = replace(hits, notes=(*hits.notes, *hits.save(output, overwrite=overwrite)))
    if sheet and hits.hits:
        hits.sheet(sheet, overwrite=overwrite)
    elif sheet:
        reserve(sheet, run, overwrite, inputs).finish_without({"query": hits.query, "searched": hits.searched})
    shared.emit(hits.to_json(), as_json, describe(hits, {"hits": output, "sheet": sheet if hits.hits else None}))


def describe(hits: Hits, files: dict[str, Path | None]) -> str:
    """The hits for people, a line each."""
    from geoglot.scene.absence import round_presence

    rows = []
    for hit in hits.hits:
        place = "" if hit.bounds is None else "  ({:.5f}, {:.5f}, {:.5f}, {:.5f})".format(*hit.bounds)
        day = "" if hit.time is None else f"  {hit.time:%Y-%m-%d}"
        also = f"  and {hit.also} more there" if hit.also else ""
        rows.append(f"{hit.rank:>4}  {hit.scores}  {hit.source}{day}{place}{also}")
    sure = "" if hits.present is None else f" (probability that it is here: {round_presence(hits.present, 2):.2f})"
    return "\n".join([f"{hits.summary}{sure}", *rows, *shared.result_lines(files, hits.notes)])
