"""Reads the names and wavelengths of bands and the satellite from metadata, wherever a writer may put them.

Names come from the bands' descriptions, else from their tags, else from a list for the whole file, as in rioxarray
(long_name), ENVI headers (band_names, wavelength) and TIFFTAG_IMAGEDESCRIPTION.
"""

import json
import math
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from geoglot.sources.bands.band_names import (
    parse_band_number,
    parse_colour,
    parse_wavelength,
    split_capitals,
    to_micrometres,
)

_NAMES = ("bandname", "band_name", "name", "long_name", "common_name", "description", "band")
_LISTS = ("long_name", "band_names", "bands", "band_order", "tifftag_imagedescription", "description")
_LENGTHS = ("central_wavelength_um", "wavelength", "wavelengths", "center_wavelength", "central_wavelength")
_MAX_NAME = 80  # letters of a name that are read; a longer text is no name
_MISSION_TAG = re.compile(
    r"sat|spacecraft|platform|mission|constellation|sensor|instrument|product|scene|title|description"
)


def read_descriptions(dataset: Any) -> tuple[str, ...]:
    """Names of the bands in lower case; empty where the file gives none."""
    names = [(text or "").strip() for text in dataset.descriptions]
    if not any(names):
        names = [_first(_band_tags(dataset, index), _NAMES) for index in dataset.indexes]
    if not any(names):
        names = _find_listed_names(dataset) or names
    return tuple(split_capitals(name[:_MAX_NAME]).lower() for name in names)


def read_wavelengths(dataset: Any) -> tuple[float | None, ...]:
    """Wavelengths of the bands in micrometres; None where the file gives none."""
    own = [_wavelength(_first(_band_tags(dataset, index), _LENGTHS)) for index in dataset.indexes]
    if not any(own):
        listed = _items(_first(_file_tags(dataset), _LENGTHS))
        own = [_wavelength(item) for item in listed] if len(listed) == dataset.count else own
    if not any(own):
        own = [parse_wavelength(text or "") for text in dataset.descriptions]
    return tuple(own)


def read_mission_hints(dataset: Any) -> tuple[str, ...]:
    """The name of the file, and its tags that may name the satellite."""
    tags = [text for key, text in _file_tags(dataset).items() if _MISSION_TAG.search(key)]
    return (PurePosixPath(dataset.name.replace("\\", "/")).name, *tags)


def _find_listed_names(dataset: Any) -> list[str]:
    """The names of all bands in one tag, if it has one for each band and all are colours or numbers."""
    tags = _file_tags(dataset)
    for key in _LISTS:
        items = _items(tags.get(key, ""))
        if len(items) == dataset.count and all(parse_colour(item) or parse_band_number(item) for item in items):
            return items
    return []


def _items(text: str) -> list[str]:
    """The items of a list: JSON, ENVI's {a, b}, Python's (a, b), or words with commas after a title and a colon."""
    text = text.strip()
    if text.startswith("[{"):
        try:
            entries = json.loads(text)
        except (ValueError, RecursionError):
            return []
        return [
            str(entry.get("common_name") or entry.get("name") or "") for entry in entries if isinstance(entry, dict)
        ]
    bare = re.sub(r"^[^:,;]*:", "", text).strip(" {}[]()")
    return [item.strip(" \"'\n") for item in re.split(r"[,;\n]", bare) if item.strip(" \"'\n")]


def _wavelength(text: str) -> float | None:
    match = re.match(r"\s*(\d+(\.\d+)?([eE][-+]?\d+)?)", text)
    return to_micrometres(float(match[1])) if match and 0 < float(match[1]) < math.inf else None


def _first(tags: Mapping[str, str], keys: tuple[str, ...]) -> str:
    return next((tags[key].strip() for key in keys if tags.get(key, "").strip()), "")


def _band_tags(dataset: Any, index: int) -> dict[str, str]:
    return _lower(dataset.tags(index) | dataset.tags(index, ns="IMAGERY"))


def _file_tags(dataset: Any) -> dict[str, str]:
    return _lower(dataset.tags() | dataset.tags(ns="ENVI") | dataset.tags(ns="IMAGERY"))


def _lower(tags: Mapping[str, str]) -> dict[str, str]:
    return {key.lower().replace(" ", "_"): text for key, text in tags.items()}
