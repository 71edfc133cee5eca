"""geoglot pairs: collect geotagged photos and satellite tiles into pair sets, and inspect these."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geoglot.cli import shared
from geoglot.cli.progress import progress
from geoglot.figures import format_count

if TYPE_CHECKING:
    from geoglot.pairs.collect.collect_run import Collected
    from geoglot.pairs.pair_store import PairSet

_SHOWN = 10  # messages about failures; manifest.json has all
_STAGES = ("places", "photos", "filters", "tiles", "imagery", "split", "report")


@click.group()
def command() -> None:
    """Pair sets: satellite tiles and the ground photos taken inside them, which GRAFT learns from."""


@command.command()
@click.argument("recipe", type=shared.PATH)
@click.option("--until", type=click.Choice(_STAGES), default="report", show_default=True, help="The last stage to run.")
@click.option("--redo", type=click.Choice(_STAGES), help="Run this stage and those after it again.")
@shared.long
def collect(recipe: Path, until: str, redo: str | None, as_json: bool) -> None:
    """Collect a pair set as RECIPE says, a TOML file; see recipes/pairs and docs/pairs.md.

    The stages are places, photos, filters, tiles, imagery, split, report. The same command resumes an interrupted run.
    Exit code 3: something was not available; the same command tries it again. The keys of services are read from
    GEOGLOT_FLICKR_KEY and GEOGLOT_MAPILLARY_TOKEN.

    Example: geoglot pairs collect recipes/pairs/sentinel2.toml
    """
    from geoglot.pairs.collect.collect_run import collect_pairs

    with progress() as advance:
        collected = collect_pairs(recipe, until, redo, advance)
    shared.emit(collected.to_json(), as_json, _describe(collected))
    if collected.failed:
        shared.exit_partly()


@command.command()
@click.argument("sets", nargs=-1, required=True)
@shared.long
def info(sets: tuple[str, ...], as_json: bool) -> None:
    """Summarise pair sets: tiles, photos, users, licences, times, and the models whose embeddings they hold.

    SETS are folders, or URLs such as s3://bucket/pairs.

    Example: geoglot pairs info pairs/train pairs/validation
    """
    from geoglot.pairs.pair_store import PairSet
    from geoglot.pairs.summary import describe

    found = [describe(PairSet.open(one)) for one in sets]
    lines = [f"{name:<12}{value}" for one in found for name, value in one.lines()]
    shared.emit({"sets": [one.to_json() for one in found]}, as_json, "\n".join(lines))


@command.command()
@click.argument("sets", nargs=-1, required=True)
@shared.long
def validate(sets: tuple[str, ...], as_json: bool) -> None:
    """Check every tile, link and place of pair sets. Several sets must also share no photo and no ground.

    Example: geoglot pairs validate pairs/train pairs/validation pairs/test
    """
    from geoglot.pairs.pair_store import PairSet
    from geoglot.pairs.validate import check_disjoint
    from geoglot.pairs.validate import validate as check

    opened = [PairSet.open(one) for one in sets]
    for one in opened:
        check(one)
    check_disjoint(opened)
    document = {"sets": [{"set": one.place, "tiles": one.tiles, "photos": one.photos} for one in opened]}
    lines = [f"{_size_of(one)}, all valid" for one in opened]
    shared.emit(
        document, as_json, "\n".join([*lines, *(["the sets share no photo and no ground"] if len(sets) > 1 else [])])
    )


@command.command()
@click.argument("pairs")
@click.option("-o", "--output", required=True, type=shared.PATH, help="Folder of the archives.")
@click.option("--tiles", type=click.IntRange(min=1), default=1000, show_default=True, help="Tiles per archive.")
@shared.long
def export(pairs: str, output: Path, tiles: int, as_json: bool) -> None:
    """Write a pair set as WebDataset archives: one sample per tile, with its photos.

    Example: geoglot pairs export pairs/train -o train-tars
    """
    from geoglot.pairs.pair_store import PairSet
    from geoglot.pairs.webdataset import export as write

    with progress() as advance:
        written = write(PairSet.open(pairs), output, tiles, advance)
    shared.emit({"archives": [str(path) for path in written]}, as_json, "\n".join(map(str, written)))


@command.command("import")
@click.argument("offsets", type=shared.PATH)
@click.option("--tiles", required=True, type=shared.PATH, help="Folder of the tiles that rows name.")
@click.option("--photos", required=True, type=shared.PATH, help="Folder of the photos that rows name.")
@click.option("--metadata", required=True, type=shared.PATH, help="Folder of the photos' CSV tables.")
@click.option("-o", "--output", required=True, type=shared.PATH, help="Folder of the pair set.")
@click.option(
    "--half-width", type=float, default=0.0021, show_default=True, help="Degrees from a tile's centre to its edge."
)
@click.option(
    "--side",
    type=click.IntRange(min=32),
    default=288,
    show_default=True,
    help="Side of a tile in pixels.",
)
@click.option(
    "--gsd",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Metres per pixel.",
)
@shared.long
def import_released(
    offsets: Path,
    tiles: Path,
    photos: Path,
    metadata: Path,
    output: Path,
    half_width: float,
    side: int,
    gsd: float,
    as_json: bool,
) -> None:
    """Make a pair set from the output of the GRAFT authors' released code. OFFSETS is its pixel_offset.csv.

    Its tiles are squares in degrees; they become squares in metres here. Photos are placed by their coordinates.

    Example: geoglot pairs import pixel_offset.csv tiles/ photos/ metadata.csv -o pairs/released
    """
    from geoglot.pairs.released import Released
    from geoglot.pairs.released import import_released as read

    files = Released(offsets, tiles, photos, metadata, half_width)
    with progress() as advance:
        made = read(files, output, side, gsd, advance)
    lines = [_size_of(made.pairs)]
    lines += [f"left: {why}: {number:,}" for why, number in made.left.items()]
    counts = {"tiles": made.pairs.tiles, "photos": made.pairs.photos, "left": dict(made.left)}
    shared.emit({"output": str(output), **counts}, as_json, "\n".join(lines))


def _size_of(pairs: PairSet) -> str:
    return f"{pairs.place}: {format_count(pairs.tiles, 'tile')}, {format_count(pairs.photos, 'link')}"


def _describe(collected: Collected) -> str:
    """Counts by stage, the paths of the results, and what failed."""
    lines = [
        f"{stage if index == 0 else '':<9} {number:>10,}  {what}"
        for stage, outcome in collected.outcomes.items()
        for index, (what, number) in enumerate(outcome.counts.items())
    ]
    document = collected.to_json()
    lines += ["", *document["sets"], *([document["report"]] if document["report"] else [])]
    lines += [f"note: {line}" for line in collected.notes]
    if collected.unused:
        lines += [f"{len(collected.unused):,} could not be used:", *collected.unused[:_SHOWN]]
    if collected.failed:
        lines += [
            f"{len(collected.failed):,} failed; run the same command again:",
            *collected.failed[:_SHOWN],
        ]
    return "\n".join(lines)
