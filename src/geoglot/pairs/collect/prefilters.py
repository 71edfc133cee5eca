"""Filters that need no picture: place, time, licence, precision of the geotag, and photos that were posted twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from geoglot.errors import InputError
from geoglot.pairs.collect.collect_recipe import PairsRecipe
from geoglot.pairs.collect.spatial_hash import is_usable
from geoglot.sources.photos.licences import licence_name

_SAME_PLACE = 5  # decimals: a metre
_AHEAD = timedelta(days=1)  # no photo is from tomorrow, whatever the time zone


def prefilter(frame: Any, recipe: PairsRecipe) -> Any:
    """Why each photo is left out, the first reason that holds; empty for those that stay.

    Photos are looked at in the order of their keys; of two that are one, the earlier stays.
    """
    asked, filters = recipe.photos, recipe.filters
    why = pd.Series("", index=frame.index, dtype=object)

    def leave(which: Any, reason: str) -> None:
        why[(why == "") & np.asarray(which, dtype=bool)] = reason

    lon, lat = frame["lon"].to_numpy(float), frame["lat"].to_numpy(float)
    leave(~is_usable(lon, lat), "no place")
    if asked.licences:
        leave(~frame["licence"].isin([licence_name(one) for one in asked.licences]), "licence")
    leave(_outside_days(frame["time"], recipe), "taken on another day")
    leave(_coarse(lon, filters.decimals) & _coarse(lat, filters.decimals), "geotag not precise")
    leave((frame["accuracy"] > 0) & (frame["accuracy"] < filters.accuracy), "geotag not precise")
    leave(_posted_twice(frame, lon, lat, why == ""), "same user, title and place")
    return why


def check_some_left(reasons: Any) -> None:
    """InputError that says why, if every photo has a reason to be left out."""
    if reasons.empty:
        raise InputError("no photo was found; more places, a larger photos.radius_m, or more sources")
    if (reasons != "").all():
        told = ", ".join(f"{why}: {number:,}" for why, number in sorted(reasons.value_counts().items()))
        raise InputError(f"no photo is left of {len(reasons):,} ({told}); other photos, or filters that ask for less")


def _coarse(degrees: np.ndarray, decimals: int) -> np.ndarray:
    """Whether a number has fewer decimals than asked."""
    return np.asarray(np.isclose(degrees, np.round(degrees, max(0, decimals - 1)), rtol=0, atol=1e-9)) & (decimals > 0)


def _outside_days(times: Any, recipe: PairsRecipe) -> Any:
    """Photos of other days, and of days to come, whose camera's clock is wrong. Unknown times are not told."""
    days = times.str[:10]
    latest = (datetime.now(UTC) + _AHEAD).date().isoformat()
    outside = (days != "") & (days > latest)
    if recipe.photos.after:
        outside |= (days != "") & (days < recipe.photos.after.isoformat())
    if recipe.photos.before:
        outside |= (days != "") & (days > recipe.photos.before.isoformat())
    return outside


def _posted_twice(frame: Any, lon: np.ndarray, lat: np.ndarray, eligible: Any) -> Any:
    """The second and later photos of a user with one title at one place (to a metre); no title is none."""
    posts = pd.DataFrame({
        "user": frame["source"] + " " + frame["user"], "title": frame["title"].str.strip().str.lower(),
        "lon": np.round(lon, _SAME_PLACE), "lat": np.round(lat, _SAME_PLACE),
    })  # fmt: skip
    told = eligible & (frame["user"] != "") & (posts["title"] != "")
    again = pd.Series(False, index=frame.index)
    again[told] = posts[told].duplicated()
    return again
