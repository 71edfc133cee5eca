"""geoglot index teach: a concept from chips, which is a word from then on."""

from __future__ import annotations

from pathlib import Path

import click

from geoglot.cli import shared
from geoglot.figures import format_count


@click.command()
@click.argument("archive")
@click.argument("concept")
@click.option("--yes", type=shared.PATH, multiple=True, help="File that marks chips of what it is; may be repeated.")
@click.option("--no", type=shared.PATH, multiple=True, help="File that marks chips of what it is not.")
@click.option("--words", help="The words to start from. Default: the concept's name.")
@shared.archive_model
@shared.device
@shared.short
def teach(
    archive: str,
    concept: str,
    yes: tuple[Path, ...],
    no: tuple[Path, ...],
    words: str | None,
    model: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Teach CONCEPT, such as airstrip@mine, by chips of ARCHIVE. It is then a word for search, find and segment.

    A file that marks chips holds points or polygons, or hits that a search saved, or names of pictures, one a line.
    Taught again, a concept learns from the new examples beside those it had.

    Example: geoglot index teach tiles airstrip@mine --yes right.geojson --no wrong.geojson
    """
    from geoglot.index.concepts.teach import teach as learn
    from geoglot.scene.concept_names import concept_path

    taught = learn(archive, concept, yes, no, words=words, model=model, device=device)
    counts = {kind: len(vectors) for kind, vectors in taught.examples.items()}
    place = concept_path(taught.word)
    document = {"concept": taught.word, "model": taught.model.name, "examples": counts, "file": str(place)}
    text = (
        f"{taught.word} learned from {format_count(counts['yes'], 'example')} and "
        f"{format_count(counts['no'], 'counterexample')}; search by it: geoglot search {archive} {taught.word!r}"
    )
    shared.emit(document, as_json, text)
