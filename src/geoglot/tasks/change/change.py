"""What changed between two or more dates of one place, by words: maps, polygons, areas on every date, a manifest.

The dates are brought onto one grid (`align`). The model sees them in one stream (`stack`), which gives probabilities of
the classes at every pixel of every date (`posterior`). A rule for all dates decides what changed (`decide`), region by
region (`history`), and what is left is measured (`measure`, `objects`) and written (`change_files`).
"""

import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from geoglot.aliases import ClassesLike, PathLike, Progress
from geoglot.errors import ClassesError, InputError
from geoglot.hashing import fingerprint
from geoglot.models.taught import REST, Taught
from geoglot.options import ChangeOptions, ReadOptions
from geoglot.outputs.journal import Journal
from geoglot.outputs.vector_names import check_placed
from geoglot.scene.class_words import ClassWords, parse_classes
from geoglot.scene.dense import Dense, ModelLike, WordDense, dense_of
from geoglot.scene.taught_question import as_taught
from geoglot.tasks.change.align.align import align_dates
from geoglot.tasks.change.asked import Asked
from geoglot.tasks.change.change_files import ChangeFiles
from geoglot.tasks.change.change_run import ChangeRun
from geoglot.tasks.change.history import History
from geoglot.tasks.change.result import ChangeResult

_MOST = 254  # classes: a state is a byte, and one number stands for what is not known


def change(
    sources: Sequence[PathLike],
    classes: ClassesLike | None,
    output: PathLike | None = None,
    *,
    model: ModelLike = "mini",
    polygons: PathLike | None = None,
    table: PathLike | None = None,
    read: ReadOptions = ReadOptions(),
    options: ChangeOptions = ChangeOptions(),
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ChangeResult:
    """Compare two or more dates of one place, oldest first, by words.

    `classes` is "water, forest", a list, a mapping of names to words, or a .txt or .json file; None takes all classes
    of a model that has classes of its own or was taught some. `output` is the map of changes, a .tif; without it,
    nothing is kept but the result, which then holds the polygons. `polygons` is a vector file: .gpkg, .geojson, .fgb,
    .parquet, .shp, .zip or .pmtiles. `table` is a .csv: the areas of all classes in one unit, a row for each date.

    Only ground that every date shows is compared, so that the areas of the dates differ by what was gained and lost.
    With three or more dates each is compared with the one before, and the map compares the first with the last.

    A killed run resumes and gives the same bytes. `overwrite` allows to replace the result of another run. Raises
    InputError, ClassesError, SourceError or OutputError; windows that fail are listed in the result.
    """
    started = time.monotonic()
    if isinstance(sources, PathLike) or len(sources) < 2:
        raise InputError("change compares two or more dates; give one raster a date, oldest first")
    if output is None and (polygons or table):
        raise InputError("polygons and a table are written beside a map; give an output, too")
    dense = dense_of(model)
    words = _words(dense, classes)
    with ExitStack() as stack:
        folder = output is None and stack.enter_context(tempfile.TemporaryDirectory(prefix="geoglot-"))
        files = ChangeFiles.of(
            Path(output) if output is not None else Path(folder or "") / "change.tif",
            Path(polygons) if polygons else None,
            Path(table) if table else None,
            options,
            len(sources),
            [entry.name for entry in words],
        )
        files.made.check(*sources, options.area, classes if isinstance(classes, PathLike) else None)
        aligned = stack.enter_context(
            align_dates(sources, read, dense.card.resolution, Path(options.area) if options.area else None)
        )
        check_placed(files.polygons, aligned.grid.crs)
        asked = Asked.of(dense, words, aligned, read, options)
        files.made.start(run := fingerprint(asked.facts), overwrite)
        journal = stack.enter_context(closing(Journal(files.map, run)))
        work = ChangeRun(
            asked, files, History(journal, aligned.grid.shape, len(sources), progress), output is not None, progress
        )
        result = work.finish(*work.compute(), started)
        journal.clear()
        return result


def _words(dense: Dense, classes: ClassesLike | None) -> tuple[ClassWords, ...]:
    """The classes that are compared; ClassesError or InputError for none, too many, or one that is what is left."""
    model = dense.model if isinstance(dense, WordDense) else None
    if classes is None:
        own = model.classes if isinstance(model, Taught) else dense.labels
        if not own:
            raise InputError(f'{dense.card.name} compares words: give them as --classes "water, forest, building"')
        words = tuple(ClassWords(label, (label,)) for label in own)
    else:
        words = as_taught(model, parse_classes(classes))
    if any(entry.name.lower() == REST for entry in words):
        raise ClassesError('"other" is what is none of the classes; give that class another name')
    if len(words) > _MOST:
        raise ClassesError(f"a comparison holds at most {_MOST} classes, got {len(words):,}; give fewer")
    return words
