"""What the map may open: scenes and archives that were given when it started, files that were dropped onto it, and
models. Everything else on this machine is out of its reach: a request names an id, and never a path."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from geoglot.aliases import PathLike
from geoglot.errors import GeoglotError, InputError, ModelError, SourceError
from geoglot.models.stored import find_model
from geoglot.sources.listing import SUFFIXES, file_state, list_files, shortest_ends, split_utf8_names

log = logging.getLogger(__name__)

Kind = Literal["scene", "archive", "folder"]
#: Scenes that the map lists
MOST_SCENES = 1000
#: Pictures to search by that are kept
MOST_PICTURES = 100
_INDEX = "archive.json"
_PICTURES = ", ".join(sorted(SUFFIXES))
_DIGEST = re.compile(r"-[a-p]{8}(?=\.\w+$)")  # that tells dropped files of one name apart
_AS_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")  # digits of a digest may look like a date
_NAME = re.compile(r"\w[\w -]{0,59}")


class UnknownId(GeoglotError):
    """Nothing of the map has this id."""


@dataclass(frozen=True)
class Source:
    """A scene, an archive, or a folder of pictures."""

    id: str
    name: str
    place: str
    kind: Kind
    dropped: bool = False
    """Whether it was dropped onto the map, which may then forget it."""

    @property
    def state(self) -> str:
        """A text that changes when the file does; an archive changes with its manifest."""
        path = Path(self.place) / _INDEX if self.kind == "archive" else Path(self.place)
        try:
            facts = path.stat()
        except OSError:  # at a URL
            return ""
        return f"{facts.st_size}-{facts.st_mtime_ns}"

    @property
    def content(self) -> str:
        """A text that changes when anything does that a job reads of it; for a folder every picture is looked at."""
        if self.kind != "folder":
            return self.state
        with suppress(SourceError):  # which the job will say
            files = "".join(f"{path} {file_state(path)}\n" for path in list_files(Path(self.place)))
            return hashlib.sha256(os.fsencode(files)).hexdigest()
        return ""


@dataclass
class Workspace:
    """The sources by id, and the folders in which the map keeps its work."""

    folder: Path
    sources: dict[str, Source] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    """The place of each model that was given by its name or folder."""

    @classmethod
    def open(cls, folder: Path, places: Sequence[PathLike], models: Sequence[PathLike] = ("mini",)) -> Workspace:
        """List the sources; SourceError for a place where nothing is. Of models of one name, the first counts."""
        space = cls(folder)
        for place in places:
            for source in _sources_at(str(place)):
                space.sources[source.id] = source
        space.sources = {source.id: source for source in _tell_apart(list(space.sources.values()))}
        for model in models:
            space.models.setdefault(Path(model).name, str(model))
        for name in ("uploads", "pictures", "jobs", "vectors", "models"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for path in sorted((folder / "uploads").iterdir()):
            if not path.name.startswith("."):
                space.add_upload(path)
        return space

    def clear_drafts(self) -> None:
        """Remove what a server that was killed left of files that were being sent; no other may be running."""
        for name in ("uploads", "pictures"):
            for path in (self.folder / name).glob(".*"):
                path.unlink(missing_ok=True)

    def shown(self) -> dict[str, str]:
        """What stands for each place of this machine in all that is told; a place before those that it begins with."""
        names = {source.place: source.name for source in self.sources.values()} | {f"{self.folder}/": ""}
        return dict(sorted(names.items(), key=lambda each: -len(each[0])))

    def of_kind(self, *kinds: Kind) -> list[Source]:
        """The sources of some kinds, in the order in which they were given."""
        return [source for source in self.sources.values() if source.kind in kinds]

    def scene(self, name: str) -> Source:
        """A scene by its id; UnknownId."""
        return self._source(name, "scene")

    def archive(self, name: str) -> Source:
        """An archive, or a folder that can be searched, by its id; UnknownId."""
        return self._source(name, "archive", "folder")

    def _source(self, name: str, *kinds: Kind) -> Source:
        source = self.sources.get(name)
        if source is None or source.kind not in kinds:
            raise UnknownId(f"no {kinds[0]} has the id {name[:40]!r}")
        return source

    def upload_path(self, name: str, digest: str) -> Path:
        """Where a dropped file is kept; InputError for a name that no picture has."""
        suffix = Path(name).suffix.lower()
        if suffix not in SUFFIXES:
            raise InputError(f"the map opens {_PICTURES}, got a file {name[:80]!r}")
        return self.folder / "uploads" / f"{plain_stem(name)}-{digest[:8].translate(_AS_LETTERS)}{suffix}"

    def picture_path(self, name: str, digest: str) -> Path:
        """Where a picture to search by is kept; its file name is its id. InputError for a name that no picture has."""
        suffix = Path(name).suffix.lower()
        if suffix not in SUFFIXES:
            raise InputError(f"the map searches by {_PICTURES}, got a file {name[:80]!r}")
        return self.folder / "pictures" / f"{plain_stem(name)}-{digest[:16]}{suffix}"

    def picture(self, name: str) -> Path:
        """A picture to search by, by its id; UnknownId."""
        known = {path.name: path for path in (self.folder / "pictures").iterdir() if not path.name.startswith(".")}
        if name not in known:
            raise UnknownId(f"no picture has the id {name[:80]!r}")
        return known[name]

    def add_upload(self, path: Path) -> Source:
        """List a file that was dropped."""
        source = replace(_scene(str(path), dropped=True), name=_DIGEST.sub("", path.name).lstrip("."))
        self.sources[source.id] = source
        return source

    def trim_pictures(self) -> None:
        """Remove the pictures to search by that are older than the last `MOST_PICTURES`."""
        known = [path for path in (self.folder / "pictures").iterdir() if not path.name.startswith(".")]
        for path in sorted(known, key=lambda path: path.stat().st_mtime_ns)[:-MOST_PICTURES]:
            path.unlink(missing_ok=True)

    def forget(self, name: str) -> None:
        """Remove a file that was dropped; InputError for a scene of the user's own."""
        source = self.scene(name)
        if not source.dropped:
            raise InputError(f"{source.name} was given when the map was started; only dropped files are removed")
        Path(source.place).unlink(missing_ok=True)
        del self.sources[name]

    def model(self, name: str) -> tuple[str, str]:
        """The place of a model, and a text that changes with it; UnknownId."""
        if name in self.models:
            return self.models[name], _state_of(self.models[name])
        folder = self.taught_folder(name)
        if not folder.is_dir():
            raise UnknownId(f"no model is called {name[:60]!r}")
        return str(folder), _state_of(str(folder))

    def taught_folder(self, name: str) -> Path:
        """The folder of a model that is taught here; InputError for a name that is no plain word."""
        if not _NAME.fullmatch(name) or name in self.models:
            raise InputError("the name of a model must be letters, digits, spaces, - and _, and not that of another")
        return self.folder / "models" / name

    def list_models(self) -> list[str]:
        """The names of all models."""
        taught = [path.name for path in (self.folder / "models").iterdir() if _NAME.fullmatch(path.name)]
        return [*self.models, *sorted(taught)]


def _state_of(model: str) -> str:
    """A text that changes when a model is made anew, as it may be outside of the map; empty if it is not there."""
    with suppress(ModelError, OSError):
        return str(max((path.stat().st_mtime_ns for path in find_model(model).iterdir()), default=0))
    return ""


def plain_stem(name: str) -> str:
    """The name of a file without its ending, in letters, digits, - and _."""
    return re.sub(r"[^\w-]+", "-", Path(name).stem)[:60].strip("-") or "scene"


def workspace_folder(cache: Path, places: Sequence[PathLike]) -> Path:
    """The folder that a map of the same sources always has, in which it goes on after it was killed."""
    named = "\n".join(sorted(str(place) if "://" in str(place) else str(Path(place).resolve()) for place in places))
    return cache / "serve" / hashlib.sha256(named.encode()).hexdigest()[:16]


def _sources_at(place: str) -> list[Source]:
    path = Path(place)
    if "://" in place or path.is_file() or place.startswith("/vsi"):
        return [_scene(place)]
    if not path.is_dir():
        raise SourceError(f"there is no file, folder or archive {place}")
    whole = str(path.resolve())
    if (path / _INDEX).is_file():
        return [Source(_id(whole), path.name, whole, "archive")]
    files, unused = split_utf8_names(each for each in list_files(path) if each.suffix.lower() in SUFFIXES)
    for sentence in unused:
        log.warning("%s", sentence)
    found = [each for each in files if each.resolve().is_relative_to(whole)]
    if not found:
        raise SourceError(f"the folder {place} holds no archive and no picture ({_PICTURES})")
    return [Source(_id(whole), path.name, whole, "folder"), *(_scene(str(each)) for each in found[:MOST_SCENES])]


def _tell_apart(sources: Sequence[Source]) -> list[Source]:
    """Sources with names that differ: of several files of one name, each has as many of its folders as that takes."""
    known = Counter(source.name for source in sources)
    alike = [source for source in sources if known[source.name] > 1]
    names = shortest_ends([re.split(r"[\\/]", source.place) for source in alike], "/")
    longer = dict(zip((source.id for source in alike), names, strict=True))
    return [replace(source, name=longer.get(source.id, source.name)) for source in sources]


def _scene(place: str, *, dropped: bool = False) -> Source:
    whole = place if "://" in place or place.startswith("/vsi") else str(Path(place).resolve())
    return Source(_id(whole), Path(place).name, whole, "scene", dropped)


def _id(whole: str) -> str:
    return hashlib.sha256(whole.encode()).hexdigest()[:12]
