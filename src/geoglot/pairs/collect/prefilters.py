"""Filters that need no picture: coordinates, day, licence, precision of the geotag, and repeated posts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from geoglot.errors import InputError
from geoglot.pairs.collect.collect_recipe import PairsRecipe
from geoglot.pairs.collect.spatial_hash import is_usable
from geoglot.sources.photos.photo import licence_name

_SAME_PLACE = 5  # decimals: a metre
_AHEAD = timedelta(days=1)  # the farthest that a time zone can be ahead of UTC


def prefilter(frame: Any, recipe: PairsRecipe) -> Any:
    """The first reason why each photo is left out; empty for photos that stay.

    Photos are in the order of their keys; of repeated posts the first stays.
    """
    asked, filters = recipe.photos, recipe.filters
    why = pd.Series("", index=frame.index, dtype=object)

    def leave(which: Any, reason: str) -> None:
        why[(why == "") & np.asarray(which, dtype=bool)] = reason

    lon, lat = frame["lon"].to_numpy(float), frame["lat"].to_numpy(float)
    leave(~is_usable(lon, lat), "no place")
    if asked.licences:
        leave(~frame["licence"].isin([licence_name(name) for name in asked.licences]), "licence")
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
