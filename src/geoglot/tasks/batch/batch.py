"""One door over many scenes, in this process or in several."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from geoglot.aliases import ClassesLike, PathLike, Progress
from geoglot.errors import InputError, OutputError
from geoglot.figures import format_some
from geoglot.outputs.made import Made
from geoglot.outputs.vector_names import check_format
from geoglot.tasks.ask.ask_scene import ask_scene
from geoglot.tasks.batch.batch_result import Batch
from geoglot.tasks.batch.batch_table import to_csv
from geoglot.tasks.batch.one_layer import check_layer, write_layer
from geoglot.tasks.batch.processes import EACH_MB, fit_memory, run_processes
from geoglot.tasks.batch.scenes import Scene, list_scenes, pair_dates
from geoglot.tasks.batch.work import Outcome, Work

#: The doors, and how the file of a scene ends; the last two make none
_ENDINGS = {
    "segment": ".tif", "find": ".gpkg", "change": ".tif", "inspect_raster": ".bands.png", "classify": "", "ask": "",
}  # fmt: skip
_SLOW_S = 10.0  # that a scene takes before its own progress is shown
_MOST_JOBS = 256


def batch(
    door: Callable[..., Any],
    sources: PathLike | Sequence[PathLike],
    words: ClassesLike | None = None,
    output: PathLike | None = None,
    *,
    jobs: int = 1,
    device: str | None = None,
    table: PathLike | None = None,
    together: PathLike | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Batch:
    """Run a door over many scenes: `batch(geoglot.segment, "scenes/", "trees, water", "maps/")`.

    `door` is `segment`, `find`, `change`, `inspect_raster`, which takes no words and whose `output` gets pictures,
    `classify`, or `ask`, whose words are one or more questions; the last two have no `output`.
    `sources` are files, folders and patterns such as "scenes/**/*.tif"; for `change` a folder or a pattern for each
    date, in which scenes of one name show one place. `words` are the door's classes or names. `output` is a folder,
    made if it is missing, in which each result has the name of its scene; `find` can do without. `settings` are the
    door's own arguments, such as `read` and `options`, with two differences: `polygons` is an ending such as ".gpkg",
    and a `model` given by its name or folder is loaded once in each process, with precision "auto" as the commands load
    it, where the doors in Python take float32. `table` is a .csv with a row for each scene; `together` is a vector file
    with the polygons that `segment` or `find` made of all scenes, in degrees and with a column "scene".

    `jobs` processes share the scenes, the threads and the memory. A scene that cannot be read or done does not stop the
    others. When the same call is repeated, scenes whose results are complete are passed over, and half ones go on.
    `progress` is called with ("scenes", done, total), and with the steps of scenes that take long.

    Raises InputError, SourceError, ModelError or OutputError for what is wrong with all scenes, such as the classes.
    """
    started, name = time.monotonic(), getattr(door, "__name__", "")
    _check_call(name or repr(door), jobs, output, settings.get("model", ""))
    given = [sources] if isinstance(sources, PathLike) else list(sources)
    folder = None if output is None else _check_folder(Path(output))
    polygons = _ending_of(settings.pop("polygons", None))
    if name == "change":
        scenes, notes = pair_dates(given, folder)
    else:  # pictures of bands are known by their ending, so they may lie among the scenes
        scenes, notes = list_scenes(given, folder, _ENDINGS[name] if name == "inspect_raster" else "")
    ending = _ENDINGS[name] if name == "find" else polygons
    files = {scene.name: folder / f"{scene.name}{ending}" for scene in scenes} if folder and ending else {}
    uris = [uri for scene in scenes for uri in scene.sources]
    if table is not None:
        _open_table(Path(table), name, uris)
    if together is not None:
        check_layer(name, ending, folder)
        _open_layer(Path(together), name, files, uris)
    if folder:
        folder.mkdir(exist_ok=True)
    works = [_work_of(scene, door, words, folder, polygons, device, settings) for scene in scenes]

    outcomes, also = _run(works, jobs, progress)
    left = () if any(each.document for each in outcomes) else _already_there(table, together)
    also += tuple(f"no scene has a result, so {path} is left as an earlier run made it" for path in left)
    # The layer and the table are opened again, so that their manifests leave the names of those that exist by now.
    if together is not None and together not in left:
        also = (*also, *write_layer(_open_layer(Path(together), name, files, uris), name, outcomes, files))
    result = Batch(
        door=name,
        outcomes=tuple(outcomes),
        table=None if table is None else Path(table),
        together=None if together is None else Path(together),
        seconds=round(time.monotonic() - started, 2),
        notes=(*notes, *also),
    )
    if table is not None and table not in left:
        _write_table(_open_table(Path(table), name, uris), result)
    return result


def _write_table(made: Made, result: Batch) -> None:
    with made.writing(made.output) as draft:
        draft.write_text(to_csv(result.door, result.outcomes), encoding="utf-8")
    made.finish(result.to_json())


def _already_there(*paths: PathLike | None) -> tuple[PathLike, ...]:
    return tuple(path for path in paths if path is not None and Path(path).exists())


def _check_call(name: str, jobs: int, output: PathLike | None, model: object) -> None:
    """InputError for a door that runs over no batch, for what it does not make, and for what jobs cannot do."""
    if name not in _ENDINGS:
        raise InputError(f"a batch runs {format_some(list(_ENDINGS))}, got {name}")
    if output is not None and not _ENDINGS[name]:
        raise InputError(f"{name} writes no file for a scene, got the folder {output}; leave it out")
    if not 1 <= jobs <= _MOST_JOBS:
        raise InputError(f"jobs must be from 1 to {_MOST_JOBS}, got {jobs}")
    if jobs > 1 and not isinstance(model, PathLike):
        raise InputError("with several jobs each process loads the model itself: give its name or its folder")


def _work_of(
    scene: Scene,
    door: Callable[..., Any],
    words: Any,
    folder: Path | None,
    polygons: str | None,
    device: str | None,
    settings: dict[str, Any],
) -> Work:
    """What is to be done with one scene, with the files of its own."""
    name = door.__name__
    place = None if folder is None else folder / f"{scene.name}{_ENDINGS[name]}"
    if name == "inspect_raster":
        return Work(scene, door, (), settings | {"picture": place}, None, looks_only=True)
    settings = {"model": "mini"} | settings
    if not _ENDINGS[name]:
        return Work(scene, ask_scene if name == "ask" else door, (words,), settings, device)
    if folder and polygons:
        settings["polygons"] = folder / f"{scene.name}{polygons}"
    return Work(scene, door, (words, place), settings, device, name == "change")


def _run(works: Sequence[Work], jobs: int, progress: Progress | None) -> tuple[list[Outcome], tuple[str, ...]]:
    """Outcomes in the order of the works, and a note if fewer processes ran than were asked for."""
    outcomes, total = dict[str, Outcome](), len(works)
    began: dict[int, float] = {}

    def told(outcome: Outcome) -> None:
        outcomes[outcome.scene.name] = outcome
        if progress:
            progress("scenes", len(outcomes), total)

    def tell(number: int, what: str, done: int, of: int) -> None:
        now = time.monotonic()
        if progress and now - began.setdefault(number, now) >= _SLOW_S:
            progress(what if jobs == 1 else f"{what}, process {number}", done, of)

    if progress:
        progress("scenes", 0, total)
    notes = tuple[str, ...]()
    if min(jobs, total) == 1:
        for work in works:
            began.clear()
            told(work.do(lambda what, done, of: tell(1, what, done, of)))
    else:
        most = min(jobs, total)
        if (at_once := fit_memory(most)) < most:
            notes = (f"{at_once} processes at once and not {most}, as each may need {EACH_MB / 1000:g} GB of memory",)
        run_processes(works, at_once, jobs, told, tell)
    return [outcomes[work.scene.name] for work in works], notes


def _check_folder(folder: Path) -> Path:
    """The folder of the results, which may be missing if its own folder is there."""
    if not folder.is_dir() and (folder.suffix or os.path.lexists(folder)):
        raise InputError(
            f"several scenes, or one with a table, need a folder for their results, got {folder}; give one, such as "
            "-o maps/"
        )
    if not folder.parent.is_dir():
        raise OutputError(f"the folder {folder.parent} does not exist; create it with: mkdir -p {folder.parent}")
    return folder


def _ending_of(polygons: PathLike | None) -> str | None:
    """The ending of files of polygons, with its dot; InputError for a name, as each scene has its own file."""
    if polygons is None:
        return None
    if not (ending := str(polygons)).startswith(".") or "/" in ending:
        raise InputError(f"with several scenes polygons must be an ending, such as .gpkg, got {ending!r}")
    check_format(Path(f"polygons{ending}"))
    return ending


def _open_table(path: Path, door: str, uris: Sequence[str]) -> Made:
    """The file of the table, which may replace the table of an earlier batch."""
    if path.suffix.lower() != ".csv":
        raise InputError(f"the table must end in .csv, got {path.name!r}")
    return _open_own(f"{door} table", path, uris)


def _open_layer(path: Path, door: str, files: Mapping[str, Path], uris: Sequence[str]) -> Made:
    """The file of all polygons, which may replace that of an earlier batch; `files` are those of the scenes."""
    check_format(path)
    if own := [scene for scene, file in files.items() if file.resolve() == path.resolve()]:
        raise InputError(f"{path} is the file of the scene {own[0]}; give the layer of all scenes another name")
    return _open_own(f"{door} together", path, uris)


def _open_own(what: str, path: Path, uris: Sequence[str]) -> Made:
    """A file of a batch, which may replace one that an earlier batch made; OutputError for one of somebody else."""
    made = Made(what, path)
    made.check(*uris)
    made.start("batch", overwrite=True)
    return made
