"""What the manifest beside a map tells an audit: its scenes and their shifts, and what its changes lead from and to."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

from geoglot.errors import SourceError
from geoglot.outputs.legend import Legend
from geoglot.outputs.made import named_by, record_of
from geoglot.sources.raster_guard import is_local
from geoglot.tables import parse_json, read_text

_DOORS = ("segment", "change")
_FARTHEST = 1000.0  # pixels of a shift; alignment finds at most some tens


class Shown(NamedTuple):
    """A scene that the pictures show."""

    uri: str
    down: float = 0.0
    """Pixels of the map from a place on the map to the same place in the scene."""
    right: float = 0.0


def read_map_facts(path: Path) -> Mapping[str, Any]:
    """What decided the run that made a map, and its result, from the manifest beside it; empty if there is none."""
    for door in _DOORS:
        try:
            manifest = parse_json(read_text(record_of(named_by(door, path))).body)
        except (SourceError, ValueError):
            continue
        if isinstance(manifest, Mapping) and isinstance(manifest.get("run"), Mapping):
            return {**manifest, **manifest["run"]}
    return {}


def missing_of(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The scenes of a map that are no files here, such as those that were moved since."""
    there = scenes_of(facts)
    return tuple(uri for uri in _sources_of(facts) if uri not in there)


def scenes_of(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The scenes of a map that are still there, the oldest date first."""
    return tuple(uri for uri in _sources_of(facts) if is_local(uri) and Path(uri).is_file())


def with_shifts(scenes: Sequence[str], facts: Mapping[str, Any]) -> tuple[Shown, ...]:
    """The scenes with the shifts by which `geoglot change` aligned them; none for a scene that it did not move."""
    entries, shifts = facts.get("alignment"), dict[Path, tuple[float, float]]()
    # An entry holds the name as the user wrote it, which means another file from another folder.
    for uri, entry in zip(_sources_of(facts), entries if isinstance(entries, list) else [], strict=False):
        match entry:
            case {"shift_applied": True, "shift_px": [float(right), float(down)]}:
                if math.hypot(down, right) < _FARTHEST:
                    shifts[_path_of(uri)] = down, right
    return tuple(Shown(scene, *shifts.get(_path_of(scene), (0.0, 0.0))) for scene in scenes)


def _sources_of(facts: Mapping[str, Any]) -> list[str]:
    """The scenes that a map was made of, by their full paths."""
    sources = facts.get("sources", [facts.get("source")])
    known = sources if isinstance(sources, list) else []
    return [source["uri"] for source in known if isinstance(source, Mapping) and isinstance(source.get("uri"), str)]


def _path_of(uri: str) -> Path:
    path = Path(uri)
    return path.resolve() if path.is_file() else path.absolute()


def transitions_of(facts: Mapping[str, Any], names: Collection[str]) -> dict[str, tuple[str, str]]:
    """From what to what each class of a map of change leads, by its name; empty for a map of one date."""
    entries = facts.get("classes", [])
    classes = [entry["name"] for entry in entries if isinstance(entry, Mapping) and isinstance(entry.get("name"), str)]
    ends = permutations((Legend(tuple(classes)).rest, *classes), 2)
    return {name: pair for pair in ends if (name := f"{pair[0]} to {pair[1]}") in names}
