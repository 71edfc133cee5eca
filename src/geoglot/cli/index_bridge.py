"""geoglot index bridge: words over vectors that know no words."""

from __future__ import annotations

import click

from geoglot.cli import shared
from geoglot.cli.progress import progress
from geoglot.figures import format_count, format_number


@click.command()
@click.argument("archive")
@click.argument("words")
@click.option("--onto", required=True, help="Archive of other vectors, as `geoglot index import` makes it.")
@click.option("--name", help="Name of the concept. Default: WORDS@bridged.")
@click.option("--background", help="Words with commas for everything else. Default: general ones, as in `find`.")
@shared.top
@shared.archive_model
@shared.device
@shared.long
def bridge(
    archive: str,
    words: str,
    onto: str,
    name: str | None,
    background: str | None,
    top: int,
    model: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Search other vectors by WORDS: the scenes of ARCHIVE are mapped, and their maps teach a probe.

    The probe is kept as a concept, so that `geoglot search` finds it again by its name.

    Example: geoglot index bridge tiles "solar farm" --onto aef
    """
    from geoglot.index.exchange.bridge import Asking
    from geoglot.index.exchange.bridge import bridge as carry
    from geoglot.index.search.index import Index
    from geoglot.index.store.archive import Archive
    from geoglot.options import SearchOptions

    with progress() as advance:
        made = carry(Archive.open(archive), Archive.open(onto), words, name=name, model=model, device=device,
                     asking=Asking(background), progress=advance)  # fmt: skip
    hits = Index(onto).search(made.concept.word, options=SearchOptions(top=top))
    text = (
        f"{made.concept.word} learned from {format_count(made.labelled, 'chip')} ({made.share:.1%} of {onto}); "
        f"it agrees with our maps by a correlation of {format_number(made.fit)}\n{hits.summary}"
    )
    shared.emit(made.to_json() | hits.to_json(), as_json, text)
    if made.failed:
        shared.exit_partly(f"{format_count(len(made.failed), 'scene')} could not be read: {made.failed[0]}")
