"""`geoglot pairs collect`: run the stages of a recipe and resume each where it stopped."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from geoglot.aliases import PathLike, Progress
from geoglot.errors import InputError, OutputError
from geoglot.outputs.atomic import disk_errors, hold, write_json
from geoglot.outputs.own import LOCK, discard, is_marked, mark
from geoglot.pairs.collect.collect_recipe import PairsRecipe
from geoglot.pairs.collect.filters import filter_photos
from geoglot.pairs.collect.imagery import NONE, fetch_imagery
from geoglot.pairs.collect.photos import GONE, collect_photos
from geoglot.pairs.collect.places import collect_places
from geoglot.pairs.collect.recipe_sources import imagery_source, photo_sources
from geoglot.pairs.collect.report import RECORDS, write_report
from geoglot.pairs.collect.split import SETS, split_tiles
from geoglot.pairs.collect.stage import Collection, Outcome, Stage
from geoglot.pairs.collect.tiles import place_tiles
from geoglot.recipe import read_recipe

MANIFEST = "manifest.json"


def _decide_photos(recipe: PairsRecipe) -> Any:
    with photo_sources(recipe) as sources:
        states = [source.identity() for source in sources.values()]
    return recipe.photos, recipe.filters.decimals, recipe.filters.accuracy, states


def _decide_imagery(recipe: PairsRecipe) -> Any:
    with imagery_source(recipe) as imagery:
        return recipe.imagery, recipe.tiles, imagery.identity()


def _decide_kept(recipe: PairsRecipe) -> Any:
    return recipe.filters, recipe.tiles.spacing_m


def _parquet(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}.parquet" for name in names)


_SPLIT_FROM, _REPORT_FROM = ("kept", "tiles", "links", "imagery"), ("places", "photos", "left", "split")
STAGES = (
    Stage("places", collect_places, lambda recipe: recipe.places, (), _parquet("places")),
    Stage("photos", collect_photos, _decide_photos, _parquet("places"), _parquet("photos")),
    Stage("filters", filter_photos, _decide_kept, _parquet("photos"), _parquet("kept", "left")),
    Stage("tiles", place_tiles, lambda recipe: recipe.tiles, _parquet("kept"), _parquet("tiles", "links")),
    Stage("imagery", fetch_imagery, _decide_imagery, _parquet("tiles"), _parquet("imagery")),
    Stage("split", split_tiles, lambda recipe: recipe.split, _parquet(*_SPLIT_FROM), _parquet("split")),
    Stage("report", write_report, lambda recipe: recipe.name, (*_parquet(*_REPORT_FROM), *RECORDS), ("report.html",)),
)
NAMES = tuple(stage.name for stage in STAGES)


@dataclass(frozen=True)
class Collected:
    """Result of a collection."""

    output: Path
    outcomes: Mapping[str, Outcome]
    """By the name of the stage, for the stages that ran or were finished."""
    seconds: float

    @property
    def failed(self) -> list[str]:
        return [line for outcome in self.outcomes.values() for line in outcome.failed]

    @property
    def unused(self) -> list[str]:
        return [line for outcome in self.outcomes.values() for line in outcome.unused]

    @property
    def notes(self) -> list[str]:
        return [line for outcome in self.outcomes.values() for line in outcome.notes]

    def to_json(self) -> dict[str, Any]:
        return {
            "output": str(self.output),
            "stages": {name: dict(outcome.counts) for name, outcome in self.outcomes.items()},
            "sets": [str(self.output / name) for name in SETS if (self.output / name).is_dir()],
            "report": str(self.output / "report.html") if "report" in self.outcomes else None,
            "failed": self.failed,
            "unused": self.unused,
            "notes": self.notes,
            "seconds": self.seconds,
        }


def collect_pairs(
    recipe: PathLike, until: str = NAMES[-1], redo: str | None = None, progress: Progress | None = None
) -> Collected:
    """Run the stages of a recipe up to `until`; skip those that are finished, except from `redo` on.

    InputError for a faulty recipe, before any request; OutputError for a full disk. `failed` of the result says what
    the next run tries again.
    """
    for name in filter(None, (until, redo)):
        if name not in NAMES:
            raise InputError(f"stage must be one of {', '.join(NAMES)}, got {name!r}")
    recipe = Path(recipe)
    pairs_recipe, start = read_recipe(recipe, PairsRecipe), time.perf_counter()
    collection = Collection(pairs_recipe, recipe.parent, progress or (lambda what, done, total: None))
    with photo_sources(pairs_recipe), imagery_source(pairs_recipe), _hold_own(pairs_recipe.output):
        if redo is not None:
            _forget(collection, redo)
        outcomes = _run(collection, until)
        collected = Collected(pairs_recipe.output, outcomes, round(time.perf_counter() - start, 2))
        write_json(pairs_recipe.output / MANIFEST, {"recipe": asdict(pairs_recipe), **collected.to_json()})
    return collected


def _run(collection: Collection, until: str) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    for stage in STAGES[: NAMES.index(until) + 1]:
        outcome = stage.outcome(collection)
        if outcome is None:
            try:
                made_from = stage.made_from(collection)
                outcome = stage.run(collection)
            except InputError:
                if any(earlier.failed for earlier in outcomes.values()):
                    break  # an earlier failure left the stage without input
                raise
            stage.keep(collection, outcome, made_from)
        outcomes[stage.name] = outcome
    return outcomes


def _forget(collection: Collection, redo: str) -> None:
    """Make a stage and those after it run again.

    `photos` and `imagery` also repeat their searches and try again what was missing, since there may be more by now;
    pictures and pixels stay.
    """
    for stage in STAGES[NAMES.index(redo) :]:
        stage.forget(collection)
    again = {"photos": ("found/*/*.json", f"pictures/*/*{GONE}"), "imagery": ("scenes/*/*.json", f"pixels/*/*{NONE}")}
    for path in (path for pieces in again.get(redo, ()) for path in collection.folder.glob(pieces)):
        path.unlink()


@contextmanager
def _hold_own(folder: Path) -> Iterator[None]:
    """Lock the folder of a collection; OutputError if it holds other files."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        is_own = is_marked(folder) or all(path.name.startswith(".") for path in folder.iterdir())
        is_own = is_own or (folder / LOCK).exists()  # collections from before the mark have only the lock
    if not is_own:
        raise OutputError(f"{folder} holds files that no collection made; give a new folder as output")
    with hold(folder):
        with disk_errors(folder):
            mark(folder)
            if links := [path for path in (*folder.iterdir(), *folder.glob("*/*/")) if path.is_symlink()]:
                raise OutputError(f"{links[0]} is a link, and a collection keeps its own files; put the folder there")
        for draft in folder.rglob(".*.part"):  # a killed run left them, some for files that are never written again
            discard(draft)
        yield
