"""The scenes of a batch: files, folders and patterns as a list in which each has a name of its own."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from geoglot.aliases import PathLike
from geoglot.errors import InputError
from geoglot.figures import format_count, format_list
from geoglot.sources.listing import SUFFIXES, find_images, fits_files, is_pattern, shortest_ends
from geoglot.sources.raster_guard import is_local

_QUERY = re.compile(r"[?#].*$")


@dataclass(frozen=True)
class Scene:
    """One scene of a batch, or the dates of one place."""

    name: str
    """The name of its results, which no other scene of the batch has."""
    sources: tuple[str, ...]
    missing: str = ""
    """Why it cannot be asked anything."""


def list_scenes(
    sources: Sequence[PathLike], output: Path | None, ending: str = ""
) -> tuple[list[Scene], tuple[str, ...]]:
    """The scenes that files, folders and patterns name, each once; and a note on those that are results.

    What lies in the folder `output` and ends with `ending` is no scene: a second run would map the maps of the first.
    SourceError for a folder without images and for a pattern that nothing fits; InputError if nothing is left.
    """
    uris, notes = _leave_out_results(_each_once(find_images(sources)), output, ending)
    return [Scene(name, (uri,)) for name, uri in zip(name_apart(uris), uris, strict=True)], notes


def _each_once(uris: Iterable[str]) -> list[str]:
    """The sources without those that are there already in other words, such as ./a.tif beside a.tif."""
    first = dict[str, str]()
    for uri in uris:
        folder, name = os.path.split(uri)
        first.setdefault(os.path.join(os.path.realpath(folder), name) if is_local(uri) else uri, uri)  # noqa: PTH118
    return list(first.values())


def _leave_out_results(uris: Iterable[str], output: Path | None, ending: str = "") -> tuple[list[str], tuple[str, ...]]:
    """The sources that are no results, and a note on the others."""
    found, folder = list(uris), output.resolve() if output else None
    results = {
        uri
        for uri in found
        if folder and uri.endswith(ending) and is_local(uri) and folder in Path(uri).resolve().parents
    }
    if results and len(results) == len(found):
        raise InputError(f"all scenes lie in {output}, the folder of the results; give the results another folder")
    notes = (f"{format_count(len(results), 'file')} in {output} left out, as results lie there",) if results else ()
    return [uri for uri in found if uri not in results], notes


def name_apart(uris: Sequence[str]) -> list[str]:
    """A name for each source: its file name without the ending.

    Sources that would share a name get those of their folders in front, as far as these tell them apart, or else a
    number from their path. Names that differ in case alone are one name on some disks.
    """
    parts = [_parts(uri) for uri in uris]
    names = shortest_ends(parts, "_", str.casefold)
    counts = Counter(map(str.casefold, names))
    return [
        name
        if counts[name.casefold()] == 1
        else f"{parts[at][-1]}_{hashlib.sha256(os.fsencode(uris[at])).hexdigest()[:8]}"
        for at, name in enumerate(names)
    ]


def _parts(uri: str) -> tuple[str, ...]:
    """The folders of a source, and its name without the ending."""
    path = PurePosixPath(Path(uri).absolute().as_posix() if is_local(uri) else _QUERY.sub("", uri))
    return (*(part for part in path.parts[:-1] if part not in ("/", "..")), path.stem)


def pair_dates(dates: Sequence[PathLike], output: Path | None) -> tuple[list[Scene], tuple[str, ...]]:
    """The places of a comparison of dates, and notes on files that are results, as for `list_scenes`.

    A folder or a pattern is given for each date; scenes of one name are one place. A place that a date lacks is there,
    and says so.
    """
    if len(dates) < 2:
        raise InputError(f"give a folder or a pattern for each date, got {format_list([str(date) for date in dates])}")
    found = [_leave_out_results(find_images([date]), output) for date in dates]
    by_name = [_by_name(date, uris) for date, (uris, _) in zip(dates, found, strict=True)]
    names = list(dict.fromkeys(name for scenes in by_name for name in scenes))
    places = []
    for name in names:
        there = [scenes.get(name) for scenes in by_name]
        without = [str(date) for date, uri in zip(dates, there, strict=True) if uri is None]
        missing = f"{format_list(without)} has no scene of this name" if without else ""
        places.append(Scene(name, tuple(uri for uri in there if uri), missing))
    return places, tuple(dict.fromkeys(note for _, notes in found for note in notes))


def _by_name(date: PathLike, uris: Iterable[str]) -> dict[str, str]:
    """The scenes of a date by name: in a folder with the names of its subfolders."""
    found = dict[str, str]()
    for uri in uris:
        path = Path(uri)
        own = path.relative_to(date) if os.path.isdir(date) else Path(path.name)  # noqa: PTH112
        name = "_".join(own.with_suffix("").parts)
        if name in found:
            raise InputError(f"{date} has two scenes called {name}: {found[name]} and {uri}; take one of them away")
        found[name] = uri
    return found


def is_many(source: PathLike) -> bool:
    """Whether a source is a folder or a pattern."""
    return is_pattern(source) or (is_local(str(source)) and os.path.isdir(source))  # noqa: PTH112


def split_sources(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Arguments that begin with one or more sources, as the sources and the rest, such as names.

    The first is a source. Further ones are rasters and pictures that exist, URIs, patterns that something fits, and
    folders with a / in their name, as `scenes/`: a name to find may also be that of a folder.
    """
    count = next((at for at, text in enumerate(arguments) if at and not _looks_like_source(text)), len(arguments))
    return list(arguments[:count]), list(arguments[count:])


def _looks_like_source(text: str) -> bool:
    if not is_local(text) or fits_files(text):
        return True
    is_folder = os.path.isdir(text)  # noqa: PTH112 - Path raises for names that no file can have
    return ("/" in text) if is_folder else (Path(text).suffix.lower() in SUFFIXES and os.path.isfile(text))  # noqa: PTH113
