"""Stage `photos`: every place asked of every source, what is of no use left out, the pictures of the rest fetched.

Kept: `found/` (the photos of a place, as JSON), `pictures/` (JPEG, short side 256; beside one that cannot be had, a
sentence that says why), photos.parquet (all photos that are known, in the order of their keys), and why each was left.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from geoglot.errors import ServiceError, SourceError
from geoglot.outputs.atomic import write_bytes
from geoglot.pairs.collect.prefilters import check_some_left, prefilter
from geoglot.pairs.collect.recipe_sources import photo_sources
from geoglot.pairs.collect.stage import Collection, Outcome, resume
from geoglot.sources.photos.decoding import shrink
from geoglot.sources.photos.photo import Photo, PhotoSource, Query

_COLUMNS = [one.name for one in fields(Photo)]
_TYPES = {"str": pa.string(), "float": pa.float64(), "int": pa.int64()}
_SCHEMA = pa.schema([(one.name, _TYPES[str(one.type)]) for one in fields(Photo)])
GONE = ".gone"
_NOT_YET = "picture not fetched yet"


def collect_photos(collection: Collection) -> Outcome:
    """Search, leave out, fetch."""
    with photo_sources(collection.recipe) as sources:
        searches = _searches(collection, sources)
        unused = tuple(line for source in sources.values() for line in source.unused())
        failed = _search(collection, sources, searches)
        frame = known_photos(path for *_, path in searches)
        frame["left"] = prefilter(frame, collection.recipe)
        wanted = frame[frame["left"] == ""]
        failed += _fetch(collection, sources, wanted)
    frame["left"] = frame["left"].where(frame["left"] != "", [_why(collection, name) for name in frame["picture"]])
    collection.keep_table("photos", frame)
    if not failed:
        check_some_left(frame["left"])
    counts = {"searches": len(searches), "photos found": len(frame)}
    counts |= {f"left: {why}": int(number) for why, number in _counted(frame["left"])}
    counts |= {"photos with a picture": int((frame["left"] == "").sum())}
    return Outcome(counts, tuple(failed), unused)


def picture_path(collection: Collection, picture: str) -> Path:
    """Where the picture of a photo lies, or will; by the column `picture` of photos.parquet."""
    return collection.piece("pictures", picture, ".jpg")


def _searches(collection: Collection, sources: dict[str, PhotoSource]) -> list[tuple[str, Query, Path]]:
    """Source, query, and where its answer is kept."""
    asked = collection.recipe.photos
    places = collection.table("places")[["lon", "lat"]].to_numpy() if collection.recipe.places else np.zeros((0, 2))
    found = []
    for source in sources.values():
        where = places if source.by_place else np.zeros((1, 2))
        identity = source.identity()
        for lon, lat in where.tolist():
            query = Query(lon, lat, asked.radius_m, asked.after, asked.before)
            found.append((source.name, query, collection.piece("found", f"{identity} {query}", ".json")))
    return found


def _search(
    collection: Collection, sources: dict[str, PhotoSource], searches: list[tuple[str, Query, Path]]
) -> list[str]:
    def search(one: tuple[str, Query, Path]) -> None:
        name, query, path = one
        photos = [asdict(photo) for photo in sources[name].search(query)]
        write_bytes(path, json.dumps({"query": asdict(query), "photos": photos}, default=str).encode())

    left = [one for one in searches if not one[2].exists()]
    return resume(collection, "searches", left, len(searches), search)


def known_photos(found: Iterable[Path]) -> Any:
    """All photos that searches have found, each once, in the order of their keys; a search without an answer has none.

    They are held in columns of Arrow: a million as values of Python take some gigabytes.
    """
    frame = pa.Table.from_batches(_batches(found), _SCHEMA).to_pandas()
    frame.insert(0, "key", frame["source"] + "-" + frame["id"])
    frame = frame.drop_duplicates("key").sort_values("key", ignore_index=True)
    frame["picture"] = (frame["key"] + " " + frame["state"].fillna("")).str.rstrip(" ")
    return frame


def _batches(found: Iterable[Path]) -> Iterator[pa.RecordBatch]:
    for path in found:
        if path.exists():
            yield pa.RecordBatch.from_pylist(json.loads(path.read_bytes())["photos"], schema=_SCHEMA)


def _fetch(collection: Collection, sources: dict[str, PhotoSource], wanted: Any) -> list[str]:
    """Pictures that are not there yet; in an order that spreads over the hosts' disks and our places alike."""
    pictures = wanted["picture"].tolist()

    def fetch(row: int) -> None:
        photo, path = Photo(**wanted[_COLUMNS].iloc[row].to_dict()), picture_path(collection, pictures[row])
        try:
            small = shrink(sources[photo.source].picture(photo))
        except ServiceError:
            raise
        except (SourceError, OSError) as error:  # it will not be had; OSError: a file here that is no picture
            write_bytes(path.with_suffix(GONE), " ".join(str(error).split()).encode())
            return
        write_bytes(path, small)

    left = [row for row, name in enumerate(pictures) if _why(collection, name) == _NOT_YET]
    left.sort(key=lambda row: hashlib.sha256(pictures[row].encode()).digest())
    return resume(collection, "pictures", left, len(wanted), fetch)


def _why(collection: Collection, picture: str) -> str:
    """Why there is no picture; empty where there is one."""
    path = picture_path(collection, picture)
    if path.exists():
        return ""
    return "no picture to be had" if path.with_suffix(GONE).exists() else _NOT_YET


def _counted(reasons: Iterable[str]) -> list[tuple[str, int]]:
    """How often each reason is given, in the order of the alphabet."""
    counts = pd.Series([why for why in reasons if why], dtype=object).value_counts()
    return sorted(counts.items())
