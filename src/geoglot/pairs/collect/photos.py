"""Stage `photos`: search every source around every place, apply the filters that need no picture, fetch pictures.

The stage keeps `found/` (the photos around a place, as JSON), `pictures/` (JPEG, short side 256, or a sentence why a
picture is missing) and photos.parquet (all photos in the order of their keys, with the reason why each was left out).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pandas as pd
import pyarrow as pa

from geoglot.errors import InputError, ServiceError, SourceError
from geoglot.outputs.atomic import write_bytes
from geoglot.pairs.collect.collect_recipe import PairsRecipe
from geoglot.pairs.collect.recipe_sources import photo_sources
from geoglot.pairs.collect.spatial_hash import is_usable
from geoglot.pairs.collect.stage import Collection, Outcome, count_reasons, resume
from geoglot.sources.photos.decoding import shrink
from geoglot.sources.photos.photo import Photo, PhotoSource, Query, licence_name

_COLUMNS = [column.name for column in fields(Photo)]
_TYPES = {str: pa.string(), float: pa.float64(), int: pa.int64()}
_SCHEMA = pa.schema([(name, _TYPES[kind]) for name, kind in get_type_hints(Photo).items()])
_Search = tuple[PhotoSource, Query, Path]  # the path is of the file that keeps the photos
GONE = ".gone"
_SAME_PLACE = 5  # decimals: a metre
_AHEAD = timedelta(days=1)  # the farthest that a time zone can be ahead of UTC
_NOT_YET = "picture not fetched yet"


def collect_photos(collection: Collection) -> Outcome:
    """Run the stage."""
    with photo_sources(collection.recipe) as sources:
        searches = list(_searches(collection, sources.values()))
        unused = tuple(line for source in sources.values() for line in source.unused())
        failed = _run_searches(collection, searches)
        frame = read_photos(path for *_, path in searches)
        frame["left"] = prefilter(frame, collection.recipe)
        failed += _fetch(collection, sources, frame[frame["left"] == ""])
    missing = [_why_missing(collection, name) for name in frame["picture"]]
    frame["left"] = frame["left"].where(frame["left"] != "", missing)
    collection.keep_table("photos", frame)
    if not failed:
        check_some_left(frame["left"])
    counts = {"searches": len(searches), "photos found": len(frame)}
    counts |= count_reasons(frame["left"])
    counts |= {"photos with a picture": int((frame["left"] == "").sum())}
    return Outcome(counts, tuple(failed), unused)


def picture_path(collection: Collection, picture: str) -> Path:
    """Path of the picture that photos.parquet names in its column `picture`."""
    return collection.piece("pictures", picture, ".jpg")


def _searches(collection: Collection, sources: Iterable[PhotoSource]) -> Iterator[_Search]:
    rules = collection.recipe.photos
    places = collection.table("places")[["lon", "lat"]].to_numpy() if collection.recipe.places else np.zeros((0, 2))
    for source in sources:
        identity = source.identity()
        for lon, lat in (places if source.by_place else np.zeros((1, 2))).tolist():
            query = Query(lon, lat, rules.radius_m, rules.after, rules.before)
            yield source, query, collection.piece("found", f"{identity} {query}", ".json")


def _run_searches(collection: Collection, searches: Sequence[_Search]) -> list[str]:
    def search(wanted: _Search) -> None:
        source, query, path = wanted
        photos = [asdict(photo) for photo in source.search(query)]
        write_bytes(path, json.dumps({"query": asdict(query), "photos": photos}, default=str).encode())

    left = [(source, query, path) for source, query, path in searches if not path.exists()]
    return resume(collection, "searches", left, len(searches), search)


def read_photos(answers: Iterable[Path]) -> Any:
    """A data frame of all photos, each once, in the order of their keys; a search that failed has no file.

    It is built from Arrow columns, since a million photos as Python values take gigabytes.
    """
    batches = (
        pa.RecordBatch.from_pylist(json.loads(path.read_bytes())["photos"], schema=_SCHEMA)
        for path in answers
        if path.exists()
    )
    frame = pa.Table.from_batches(batches, _SCHEMA).to_pandas()
    frame.insert(0, "key", frame["source"] + "-" + frame["id"])
    frame = frame.drop_duplicates("key").sort_values("key", ignore_index=True)
    frame["picture"] = (frame["key"] + " " + frame["state"].fillna("")).str.rstrip(" ")
    return frame


def _fetch(collection: Collection, sources: Mapping[str, PhotoSource], wanted: Any) -> list[str]:
    """Fetch missing pictures, in an order that spreads the load over hosts and folders."""
    pictures = wanted["picture"].tolist()

    def fetch(row: int) -> None:
        photo, path = Photo(**wanted[_COLUMNS].iloc[row].to_dict()), picture_path(collection, pictures[row])
        try:
            small = shrink(sources[photo.source].picture(photo))
        except ServiceError:
            raise
        except (SourceError, OSError) as error:  # another run cannot help; OSError if a local file is no picture
            write_bytes(path.with_suffix(GONE), " ".join(str(error).split()).encode())
            return
        write_bytes(path, small)

    left = [row for row, name in enumerate(pictures) if _why_missing(collection, name) == _NOT_YET]
    left.sort(key=lambda row: hashlib.sha256(pictures[row].encode()).digest())
    return resume(collection, "pictures", left, len(wanted), fetch)


def _why_missing(collection: Collection, picture: str) -> str:
    """Why there is no picture; empty if it was fetched."""
    path = picture_path(collection, picture)
    if path.exists():
        return ""
    return "no picture to be had" if path.with_suffix(GONE).exists() else _NOT_YET


def prefilter(frame: Any, recipe: PairsRecipe) -> Any:
    """The first reason why each photo is left out; empty for photos that stay.

    Photos are in the order of their keys; of repeated posts the first stays.
    """
    photos, filters = recipe.photos, recipe.filters
    why = pd.Series("", index=frame.index, dtype=object)

    def leave(which: Any, reason: str) -> None:
        why[(why == "") & np.asarray(which, dtype=bool)] = reason

    lon, lat = frame["lon"].to_numpy(float), frame["lat"].to_numpy(float)
    leave(~is_usable(lon, lat), "no place")
    if photos.licences:
        leave(~frame["licence"].isin([licence_name(name) for name in photos.licences]), "licence")
    leave(_is_outside_days(frame["time"], recipe), "taken on another day")
    leave(_is_rounded(lon, filters.decimals) & _is_rounded(lat, filters.decimals), "geotag not precise")
    leave((frame["accuracy"] > 0) & (frame["accuracy"] < filters.accuracy), "geotag not precise")
    leave(_is_repeated(frame, lon, lat, why == ""), "same user, title and place")
    return why


def check_some_left(reasons: Any) -> None:
    """InputError, with the reasons, if every photo is left out."""
    if reasons.empty:
        raise InputError("no photo was found; more places, a larger photos.radius_m, or more sources")
    if (reasons != "").all():
        counts = ", ".join(f"{why}: {number:,}" for why, number in sorted(reasons.value_counts().items()))
        raise InputError(f"no photo is left of {len(reasons):,} ({counts}); other photos, or filters that ask for less")


def _is_rounded(degrees: np.ndarray, decimals: int) -> np.ndarray:
    """Whether numbers have fewer decimals than `decimals`."""
    return np.asarray(np.isclose(degrees, np.round(degrees, max(0, decimals - 1)), rtol=0, atol=1e-9)) & (decimals > 0)


def _is_outside_days(times: Any, recipe: PairsRecipe) -> Any:
    """Whether photos are from other days, or from the future by a wrong camera clock; False for unknown times."""
    days, latest = times.str[:10], (datetime.now(UTC) + _AHEAD).date()
    outside = days > min(filter(None, (recipe.photos.before, latest))).isoformat()
    if recipe.photos.after:
        outside |= days < recipe.photos.after.isoformat()
    return outside & (days != "")


def _is_repeated(frame: Any, lon: np.ndarray, lat: np.ndarray, eligible: Any) -> Any:
    """Whether the user posted an earlier photo with the same title, not empty, at the same place, to a metre."""
    posts = pd.DataFrame({
        "user": frame["source"] + " " + frame["user"], "title": frame["title"].str.strip().str.lower(),
        "lon": np.round(lon, _SAME_PLACE), "lat": np.round(lat, _SAME_PLACE),
    })  # fmt: skip
    comparable = eligible & (frame["user"] != "") & (posts["title"] != "")
    repeated = pd.Series(False, index=frame.index)
    repeated[comparable] = posts[comparable].duplicated()
    return repeated
