"""The labels of a user: points, boxes, lines and polygons with a class, drawn in any program, in any CRS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj

from geoglot.datasets.polygons import CLASS_COLUMNS, class_text, columns_by_name
from geoglot.errors import InputError
from geoglot.figures import format_count, format_some
from geoglot.models.taught import REST, plain
from geoglot.outputs.legend import check_names
from geoglot.scene.class_words import parse_words
from geoglot.scene.vector_features import read_features

#: Names of a column of classes, the likeliest first
_COLUMNS = (*CLASS_COLUMNS, "name", "labels", "kind", "land_cover", "cover")
_REST = {"other", "others", "background", "rest", "none", "nothing", "no", "negative", "unlabelled", "unlabeled"}
_SOURCE = ("source", "scene", "image")
_NUMBERS = {"id", "fid", "gid", "ogc_fid", "objectid", "globalid", "uuid", "osm_id"}  # which tell labels apart
_MOST_CLASSES = 200


@dataclass(frozen=True)
class LabelSet:
    """All labels of some files, in one CRS."""

    features: gpd.GeoDataFrame
    """Columns `class`, `source` (the scene that a label is of, "" for any) and geometry, in the order of the files."""
    column: str
    """Where the classes stood."""
    notes: tuple[str, ...]

    def on_scene(self, uri: str) -> gpd.GeoDataFrame:
        """The labels that may be of a scene."""
        ending = f"/{uri}"
        mine = [not name or ending.endswith(f"/{name.lstrip('/')}") for name in self.features["source"]]
        return self.features[np.array(mine, bool)]

    def nowhere(self, uris: Sequence[str]) -> InputError:
        """The error for labels of which none lies on a scene."""
        if not any(len(self.on_scene(uri)) for uri in uris):
            named = format_some(sorted(set(self.features["source"])))
            why = f"their column of sources names {named}, and no scene given has such a name"
        elif self.features.crs is None:
            why = "they have no CRS, so they are taken to be in the coordinates of the scene; save them with their CRS"
        else:
            why = (
                "is the CRS of the labels right, or do they lie on another scene? On a scene without a CRS they must "
                "be in its pixels"
            )
        return InputError(f"no label lies on a scene; {why}")


def read_labels(paths: Sequence[Path], column: str | None = None) -> LabelSet:
    """Read the labels of files; `column` names their column of classes, which is found otherwise.

    Classes that mean nothing in particular, such as "background", become REST. InputError without labels or classes.
    """
    if not paths:
        raise InputError("there are no labels to learn from; give a file of points, boxes or polygons: --labels FILE")
    frames, columns, nameless = list[gpd.GeoDataFrame](), list[str](), 0
    for path in paths:
        frame = read_features(path)
        own = _column_of(frame, path, column)
        named = frame[frame[own].map(lambda value: not pd.isna(value) and bool(_name(class_text(value))))]
        nameless += len(frame) - len(named)
        sources = [name for name in frame.columns if str(name).lower() in _SOURCE and name != own]
        source = named[sources[0]].fillna("").map(str) if sources else ""
        classes = named[own].map(lambda value: _name(class_text(value)))
        frames.append(gpd.GeoDataFrame({"class": classes, "source": source}, geometry=named.geometry, crs=named.crs))
        columns.append(own)
    features = gpd.GeoDataFrame(pd.concat(_in_one_crs(frames, paths), ignore_index=True))
    if features.empty:
        raise InputError(f"no label of {format_some([str(path) for path in paths])} has a class in {columns[0]!r}")
    features["class"], alike = _one_name(features["class"])
    found = sorted(set(features["class"]))
    _check_names(found)
    if len(found) > _MOST_CLASSES:
        raise InputError(f"{columns[0]!r} has {len(found):,} classes, and at most {_MOST_CLASSES} are learned; "
                         "name the column of classes: --class-column")  # fmt: skip
    note = f"{format_count(nameless, 'label')} without a class passed over"
    notes = (*((note,) if nameless else ()), *alike, *_hard_to_ask(found))
    return LabelSet(features, ", ".join(dict.fromkeys(columns)), notes)


def _check_names(found: Sequence[str]) -> None:
    """InputError or ClassesError for names that no class can have, or if nothing but the rest was drawn."""
    check_names(found)
    if found == [REST]:
        raise InputError(f"all labels are of {REST!r}; draw labels of what is to be found, too")
    if others := [name for name in found if "@" in name]:
        raise InputError(
            f"the class {others[0]!r} cannot be taught: a name with @ means a class of another model; rename it"
        )


def _hard_to_ask(found: Sequence[str]) -> Iterator[str]:
    """A sentence on names that would be read as several."""
    if several := [name for name in found if set(name) & set(",;:")]:
        yield (
            f"commas, semicolons and colons divide the words of --classes, so {format_some(several)} can only be "
            "mapped together with all classes, by leaving out --classes; rename it to ask for it alone"
        )


def _column_of(frame: gpd.GeoDataFrame, path: Path, asked: str | None) -> str:
    """The column of classes: the one that was asked for, one with a usual name, or the only one with texts."""
    by_name = columns_by_name(frame)
    names = [str(name) for name in frame.columns.drop(frame.geometry.name)]
    there = f"{path} has the columns {format_some(names)}" if names else f"{path} has no columns"
    if asked is not None:
        if asked.lower() not in by_name:
            raise InputError(f"{there} and no {asked!r}; name the column of classes: --class-column")
        return by_name[asked.lower()]
    usual = [by_name[name] for name in _COLUMNS if name in by_name]
    filled = [name for name in usual if frame[name].notna().any()]
    texts = [
        name
        for name in names
        if name.lower() not in _NUMBERS and frame[name].map(lambda value: isinstance(value, str)).any()
    ]
    if likely := filled or (texts if len(texts) == 1 else usual):
        return likely[0]
    if not names:
        raise InputError(
            f"{there}; write the class of each label into one called class, or name the column of classes: "
            "--class-column"
        )
    raise InputError(
        f"{there}, and none that holds a text or a number for each label is called class, label or name; name the "
        "column of classes: --class-column"
    )


def _name(text: str) -> str:
    """A class as every door reads it when it is asked for: low_vegetation is low vegetation, 'shed' has no quotes."""
    spoken = " ".join(parse_words([text.replace("_", " ")]))
    return REST if spoken.lower() in _REST else spoken


def _one_name(classes: pd.Series[str]) -> tuple[pd.Series[str], tuple[str, ...]]:
    """Names that mean one class, such as Lawn and lawns, as the one that most labels have; and which these are."""
    names = {plain(name): name for name in reversed(list(classes.value_counts().index))}
    own = {name: names[plain(name)] for name in classes.unique()}
    return classes.map(own), tuple(f"{name!r} is read as {one!r}" for name, one in own.items() if name != one)


def _in_one_crs(frames: list[gpd.GeoDataFrame], paths: Sequence[Path]) -> list[gpd.GeoDataFrame]:
    first: pyproj.CRS | None = frames[0].crs
    if any((frame.crs is None) != (first is None) for frame in frames):
        raise InputError(f"some of {format_some([str(path) for path in paths])} have a CRS and others have none")
    return frames if first is None else [frame.to_crs(first) for frame in frames]
