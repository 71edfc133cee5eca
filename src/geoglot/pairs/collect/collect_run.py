"""`geoglot pairs collect`: all stages of a recipe, each from where it was."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from geoglot.aliases import Progress
from geoglot.errors import InputError, OutputError
from geoglot.outputs.atomic import disk_errors, write_json
from geoglot.outputs.lock import LOCK, hold
from geoglot.outputs.own import discard, is_marked, mark
from geoglot.pairs.collect.collect_recipe import PairsRecipe
from geoglot.pairs.collect.filters import filter_photos
from geoglot.pairs.collect.imagery import NONE, fetch_imagery
from geoglot.pairs.collect.photos import GONE, collect_photos
from geoglot.pairs.collect.places import draw_places
from geoglot.pairs.collect.recipe_sources import imagery_source, photo_sources
from geoglot.pairs.collect.report import RECORDS, write_report
from geoglot.pairs.collect.split import SETS, split_tiles
from geoglot.pairs.collect.stage import Collection, Outcome, Stage
from geoglot.pairs.collect.tiles import place_tiles
from geoglot.recipe import read_recipe

MANIFEST = "manifest.json"


def _draw(collection: Collection) -> Outcome:
    """Stage `places`."""
    if collection.recipe.places is None:
        collection.keep_table("places", pd.DataFrame({"lon": [], "lat": []}))
        return Outcome({"places": 0})
    places = draw_places(collection.recipe.places)
    collection.keep_table("places", pd.DataFrame(places, columns=["lon", "lat"]))
    return Outcome({"places": len(places)})


def _table(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}.parquet" for name in names)


def _photo_identity(recipe: PairsRecipe) -> Any:
    """Also of the files that are read here, which may change."""
    with photo_sources(recipe) as sources:
        return (
            recipe.photos,
            recipe.filters.decimals,
            recipe.filters.accuracy,
            [one.identity() for one in sources.values()],
        )


def _imagery_identity(recipe: PairsRecipe) -> Any:
    with imagery_source(recipe) as imagery:
        return recipe.imagery, recipe.tiles, imagery.identity()


STAGES = (
    Stage("places", _draw, lambda recipe: recipe.places, (), _table("places")),
    Stage("photos", collect_photos, _photo_identity, _table("places"), _table("photos")),
    Stage(
        "filters",
        filter_photos,
        lambda recipe: (recipe.filters, recipe.tiles.spacing_m),
        _table("photos"),
        _table("kept", "left"),
    ),
    Stage("tiles", place_tiles, lambda recipe: recipe.tiles, _table("kept"), _table("tiles", "links")),
    Stage("imagery", fetch_imagery, _imagery_identity, _table("tiles"), _table("imagery")),
    Stage(
        "split",
        split_tiles,
        lambda recipe: recipe.split,
        _table("kept", "tiles", "links", "imagery"),
        _table("split"),
    ),
    Stage(
        "report",
        write_report,
        lambda recipe: recipe.name,
        (*_table("places", "photos", "left", "split"), *RECORDS),
        ("report.html",),
    ),
)
NAMES = tuple(stage.name for stage in STAGES)


@dataclass(frozen=True)
class Collected:
    """What came of a collection."""

    output: Path
    outcomes: Mapping[str, Outcome]
    """By stage, as far as it went."""
    seconds: float

    @property
    def failed(self) -> list[str]:
        """What could not be had now."""
        return [line for outcome in self.outcomes.values() for line in outcome.failed]

    @property
    def unused(self) -> list[str]:
        """What was given and is of no use."""
        return [line for outcome in self.outcomes.values() for line in outcome.unused]

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        sets = [str(self.output / name) for name in SETS if (self.output / name).is_dir()]
        return {
            "output": str(self.output),
            "stages": {name: dict(outcome.counts) for name, outcome in self.outcomes.items()},
            "sets": sets,
            "report": str(self.output / "report.html") if "report" in self.outcomes else None,
            "failed": self.failed,
            "unused": self.unused,
            "seconds": self.seconds,
        }


def collect(
    recipe: Path, until: str = NAMES[-1], redo: str | None = None, progress: Progress | None = None
) -> Collected:
    """Run the stages of a recipe up to `until`; finished ones are not run again, except from `redo` on.

    InputError for what cannot be meant, before any request; OutputError for a full disk. What fails for now is in the
    result, and is tried again by the next run.
    """
    for name in filter(None, (until, redo)):
        if name not in NAMES:
            raise InputError(f"there is no stage {name!r}; they are {', '.join(NAMES)}")
    asked, start = read_recipe(recipe, PairsRecipe), time.perf_counter()
    collection = Collection(asked, recipe.parent, progress or (lambda what, done, total: None))
    with photo_sources(asked), imagery_source(asked), _alone(asked.output):
        if redo is not None:
            _forget(collection, redo)
        outcomes = _run(collection, until)
        collected = Collected(asked.output, outcomes, round(time.perf_counter() - start, 2))
        write_json(asked.output / MANIFEST, {"recipe": asdict(asked), **collected.to_json()})
    return collected


def _run(collection: Collection, until: str) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    for stage in STAGES[: NAMES.index(until) + 1]:
        found = stage.outcome(collection)
        if found is None:
            try:
                made_from = stage.made_from(collection)
                found = stage.run(collection)
            except InputError:
                if any(outcome.failed for outcome in outcomes.values()):
                    break  # what it lacks is what could not be had before
                raise
            stage.keep(collection, found, made_from)
        outcomes[stage.name] = found
    return outcomes


def _forget(collection: Collection, redo: str) -> None:
    """Make a stage run again; of `photos` and `imagery` also what was found, and not found: it may be more by now.

    Pictures and pixels that are there stay.
    """
    for stage in STAGES[NAMES.index(redo) :]:
        stage.forget(collection)
    for kind in {"photos": ("found",), "imagery": ("scenes",)}.get(redo, ()):
        shutil.rmtree(collection.folder / kind, ignore_errors=True)
    not_had = {"photos": f"pictures/*/*{GONE}", "imagery": f"pixels/*/*{NONE}"}.get(redo)
    for missing in collection.folder.glob(not_had) if not_had else ():
        missing.unlink()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder of a collection; OutputError where it is somebody else's."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        is_own = is_marked(folder) or all(path.name.startswith(".") for path in folder.iterdir())
        is_own = is_own or (folder / LOCK).exists()  # the sign of collections before the mark
    if not is_own:
        raise OutputError(f"{folder} holds files that no collection made; give a new folder as output")
    with hold(folder):
        with disk_errors(folder):
            mark(folder)
        for left in folder.rglob(".*.part"):  # of a run that was killed, some of files that are never written again
            discard(left)
        yield
