"""Finds what to index: rasters, folders, globs, and lists of these in a file, each with a hash of its content."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from geoglot.aliases import PathLike, Progress, not_utf8
from geoglot.errors import GeoglotError, SourceError
from geoglot.hashing import sha256_of
from geoglot.index.build.units import PREFIX, Source
from geoglot.sources.listing import file_state, find_images
from geoglot.sources.raster_guard import is_local, no_file
from geoglot.sources.sidecars import Sidecars
from geoglot.tables import parse_number, read_table, read_text
from geoglot.times import to_utc

_LISTS, _CATALOGUES = (".txt", ".csv"), (".json", ".geojson")
_ELSEWHERE = 100_000_000  # bytes that a source on another machine is assumed to have, for the time that is left


@dataclass(frozen=True)
class Wanted:
    """A source before its content is known."""

    uri: str
    time: str | None = None
    cloud: float | None = None
    scene: dict[str, Any] | None = None
    """As `Source.scene`."""


def list_sources(sources: Sequence[PathLike]) -> tuple[list[Wanted], list[tuple[str, str]]]:
    """Every source once, in the order given, and (source, reason) of those that cannot be listed.

    A source is a raster or picture here or elsewhere, a folder, a pattern such as "scenes/**/*.tif", scenes of STAC as
    `stac_scenes` reads them, or a file that lists sources: a .txt with one a line, or a .csv with a column `source`
    and, if known, `time` (ISO 8601) and `cloud` (share, 0..1). Paths in a list are relative to its folder.
    """
    found, failed = dict[str, Wanted](), list[tuple[str, str]]()
    for source in sources:
        try:
            for wanted in _expand(str(source)):
                found[wanted.uri] = _joined(found.get(wanted.uri, wanted), wanted)
        except GeoglotError as error:
            failed.append((str(source), str(error)))
    return list(found.values()), failed


def _joined(first: Wanted, again: Wanted) -> Wanted:
    """A source that is named twice, such as by its folder and by a list, which alone knows its time."""
    return replace(first, time=first.time or again.time, cloud=again.cloud if first.cloud is None else first.cloud)


def _expand(source: str) -> Iterator[Wanted]:
    path = Path(source)
    if source.startswith(PREFIX):
        from geoglot.index.build.stac_scenes import search_scenes  # this and rasterio are not needed for files here

        for found, scene in search_scenes(source):
            cloud = None if scene.cloud is None else scene.cloud / 100
            yield Wanted(next(iter(scene.assets.values())), _utc(scene.time), cloud, found)
    elif not is_local(source):
        yield Wanted(source)
    elif path.suffix.lower() in _LISTS and path.is_file():
        yield from _read_list(path)
    elif path.suffix.lower() in _CATALOGUES and path.is_file():
        from geoglot.index.build.stac_scenes import read_catalogue

        for name, time, cloud in read_catalogue(path):
            yield replace(_local(name), time=time, cloud=cloud)
    else:
        yield from map(_local, find_images([source]))


def _local(uri: str) -> Wanted:
    return Wanted(os.path.realpath(uri))


def _read_list(path: Path) -> Iterator[Wanted]:
    """The sources that a file lists, with their times and clouds."""
    if path.suffix.lower() == ".txt":
        rows: list[Mapping[str, str]] = [{"source": line.strip()} for line in read_text(path).body.split("\n")]
    else:
        rows = list(read_table(path, ("source",)).rows)
    for number, row in enumerate(rows, 1):
        if not (name := row["source"]) or name.startswith("#"):
            continue
        try:
            time = _utc(row["time"]) if row.get("time") else None
            cloud = _share(row["cloud"]) if row.get("cloud") else None
        except ValueError as error:
            raise SourceError(f"row {number} of {path} has a time or cloud that cannot be read ({error})") from error
        is_path = is_local(name) and not name.startswith(PREFIX)
        for wanted in _expand(str(path.parent / name) if is_path else name):
            yield replace(wanted, time=time or wanted.time, cloud=wanted.cloud if cloud is None else cloud)


def _share(text: str) -> float:
    if not 0 <= (share := parse_number(text)) <= 1:
        raise ValueError(f"cloud must be a share from 0 to 1, got {text}")
    return share


def _utc(text: str) -> str:
    return to_utc(datetime.fromisoformat(text)).isoformat()


def hash_sources(
    wanted: Sequence[Wanted], known: Mapping[tuple[str, str], str], progress: Progress | None = None
) -> tuple[list[Source], list[tuple[str, str]]]:
    """The sources with the hashes of their content, and (source, reason) of those that cannot be read.

    `known` gives hashes by (uri, state), so that a file that has not changed is not read.
    """
    found, failed = list[Source](), list[tuple[str, str]]()
    for done, each in enumerate(wanted, 1):
        try:
            found.append(_identify(each, known))
        except (GeoglotError, OSError) as error:
            failed.append((each.uri, str(error)))
        if progress:
            progress("sources found", done, len(wanted))
    return found, failed


def each_content_once(sources: Iterable[Source]) -> list[Source]:
    """Of sources with the same content the first."""
    first = dict[str, Source]()
    for source in sources:
        first.setdefault(source.sha, source)
    return list(first.values())


def _identify(wanted: Wanted, known: Mapping[tuple[str, str], str]) -> Source:
    uri = wanted.uri
    if shown := not_utf8(uri):
        raise SourceError(f"the name {shown!r} is not UTF-8; rename the file")
    if wanted.scene is not None:
        from geoglot.index.build.stac_scenes import scene_sha

        return Source(uri, scene_sha(wanted.scene), "", _ELSEWHERE, wanted.time, wanted.cloud, wanted.scene)
    if not is_local(uri):
        from geoglot.sources.raster import open_raster

        with open_raster(uri) as raster:
            sha = hashlib.sha256(repr(sorted(raster.fingerprint().items())).encode()).hexdigest()
        return Source(uri, sha, "", _ELSEWHERE, wanted.time, wanted.cloud)
    path = Path(uri)
    if not path.is_file():
        raise no_file(uri)
    files, state = look_at(uri)
    sha = known.get((uri, state)) or hash_files(files)
    return Source(uri, sha, state, path.stat().st_size, wanted.time, wanted.cloud)


def look_at(uri: str) -> tuple[list[Path], str]:
    """A file with those beside it that say where it lies and what is masked, and their sizes and times."""
    masks = (Path(f"{uri}{ending}") for ending in (".msk", ".MSK"))
    files = [Path(uri), *Sidecars.of(uri), *(mask for mask in masks if mask.is_file())]
    return files, ", ".join(file_state(file) for file in files)


def hash_files(files: Iterable[Path]) -> str:
    """Hash of a file and those beside it that `look_at` finds."""
    whole = hashlib.sha256()
    for path in files:
        whole.update(bytes.fromhex(sha256_of(path)))
    return whole.hexdigest()
