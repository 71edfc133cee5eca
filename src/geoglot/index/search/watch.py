"""Where did something appear? Cells whose score for a word rose between dates, ranked, with both chips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import shapely
from jaxtyping import Float

from geoglot.index.store.archive import Archive
from geoglot.index.store.chip_table import WINDOW
from geoglot.index.store.live import chip_facts, gather, live_blocks, rows_that_count
from geoglot.lonlat import west_east_bounds
from geoglot.times import to_utc

_FLOOR = 4.0  # robust standard deviations above the usual rise: less happens somewhere by chance
_LEAST_CELLS = 20  # that a date must share with others, to tell its light from what is there
_PASSES = 3
_BLOCK = 65_536  # chips
_FACTS = ("cell", "geometry", "source", "time", *WINDOW)


@dataclass(frozen=True)
class Chip:
    """A place at a time."""

    source: str
    window: tuple[int, int, int, int] | None
    """Row, column, height and width in pixels of the source."""
    time: datetime
    score: float
    """Cosine with the word."""
    reading: str = ""
    """JSON of the options that its source was read by."""

    def to_json(self) -> dict[str, Any]:
        return {"source": self.source, "window": self.window and list(self.window), "time": self.time.isoformat(),
                "score": self.score}  # fmt: skip


@dataclass(frozen=True)
class Rise:
    """A cell in which a word fits better since a date than it ever did before."""

    cell: str
    bounds: tuple[float, float, float, float]
    """West, south, east and north in degrees, west > east across the antimeridian."""
    rise: float
    """The lowest score since then less the highest before, both without what all cells share on a date."""
    surprise: float
    """The rise in robust standard deviations of the rises of all cells."""
    before: Chip
    """The last one before."""
    after: Chip
    """The first one since."""

    def to_json(self) -> dict[str, Any]:
        return {"cell": self.cell, "bounds": list(self.bounds), "rise": self.rise, "surprise": self.surprise,
                "before": self.before.to_json(), "after": self.after.to_json()}  # fmt: skip


@dataclass(frozen=True)
class Watched:
    """The rises, the highest first, and how many cells could be compared."""

    rises: tuple[Rise, ...]
    compared: int
    """Cells with a chip before and one since."""
    searched: int
    """Chips with a cell and a time."""


def watch(archive: Archive, word: Float[np.ndarray, " dim"], since: datetime, top: int = 20) -> Watched:
    """Cells whose score for the unit vector `word` rose at a date that is not before `since`.

    What all cells share on a date, such as its light, is taken off first: dates are compared by the cells that they
    have in common. A cell's rise is the most by which all its scores since some date exceed all those before. Rises
    that are no more than the usual scatter are left out. Takes 30 bytes of memory a chip.
    """
    seen = _scores(archive, word)
    if len(seen):
        seen["level"] = seen["score"] - seen["date"].map(_offsets(seen))
    steps = _steps(seen, since) if len(seen) else seen.iloc[:0]
    if not len(steps):
        return Watched((), 0, len(seen))
    usual = float(steps["rise"].median())
    spread = max(1.4826 * float((steps["rise"] - usual).abs().median()), 1e-6)
    steps = steps.assign(surprise=(steps["rise"] - usual) / spread)
    best = steps[(steps["surprise"] >= _FLOOR) & (steps["rise"] > 0)].sort_values(
        ["rise", "row"], ascending=[False, True]
    )
    return Watched(tuple(_describe(archive, best.head(top), seen)), len(steps), len(seen))


def _scores(archive: Archive, word: Float[np.ndarray, " dim"]) -> pd.DataFrame:
    """A row per cell and time, in the order of both; of several chips the first counts, by the mean of their scores."""
    parts, first = [], 0
    for vectors, table in live_blocks(archive, ("cell", "time")):
        starts = range(0, len(vectors), _BLOCK)
        scores = np.concatenate([vectors[at : at + _BLOCK].astype(np.float32) @ word for at in starts])
        cells = table["cell"].to_numpy(zero_copy_only=False)
        dates = table["time"].to_numpy().astype("datetime64[us]").astype(np.int64)
        known = np.array([cell is not None for cell in cells], bool) & ~table["time"].is_null().to_numpy()
        keys = pd.util.hash_array(cells[known].astype(object), categorize=False)
        rows = first + np.flatnonzero(known)
        parts.append(pd.DataFrame({"cell": keys, "date": dates[known], "row": rows, "score": scores[known]}))
        first += len(vectors)
    if not parts:
        return pd.DataFrame(columns=["cell", "date", "row", "score"])
    return pd.concat(parts).groupby(["cell", "date"], as_index=False).agg(row=("row", "min"), score=("score", "mean"))


def _offsets(seen: pd.DataFrame) -> pd.Series:
    """For each date what its scores have in common, by median polish over the cells that dates share."""
    repeated = seen[seen.groupby("cell")["date"].transform("size") > 1]
    offsets = pd.Series(0.0, index=seen["date"].unique())
    enough = repeated["date"].value_counts()
    trusted = enough.index[enough >= _LEAST_CELLS]
    for _ in range(_PASSES):
        level = repeated["score"] - repeated["date"].map(offsets)
        left = repeated["score"] - level.groupby(repeated["cell"]).transform("median")
        found = left.groupby(repeated["date"]).median().reindex(trusted)
        offsets.loc[trusted] = found - found.mean()
    return offsets


def _steps(seen: pd.DataFrame, since: datetime) -> pd.DataFrame:
    """For each cell its highest step at a date that is not before `since`: the rise, and the rows around it."""
    limit = int(to_utc(since).timestamp() * 1e6)
    ordered = seen.sort_values(["cell", "date"], kind="stable", ignore_index=True)
    level = ordered.groupby("cell")["level"]
    ordered["before"] = level.cummax().groupby(ordered["cell"]).shift()
    backwards = ordered.iloc[::-1]
    ordered["since"] = backwards.groupby("cell")["level"].cummin()
    ordered["row_before"] = ordered.groupby("cell")["row"].shift()
    ordered["rise"] = ordered["since"] - ordered["before"]
    steps = ordered[ordered["before"].notna() & (ordered["date"] >= limit)]
    return steps.loc[steps.groupby("cell")["rise"].idxmax()]


def _describe(archive: Archive, best: pd.DataFrame, seen: pd.DataFrame) -> Iterator[Rise]:
    """The rises with the facts of their chips."""
    wanted = sorted({int(row) for row in (*best["row"], *best["row_before"])})
    rows = rows_that_count(archive)[wanted]
    found = gather(archive, rows, lambda shard, some: chip_facts(shard, some, _FACTS))
    facts = dict(zip(wanted, found, strict=True))
    scores = seen.set_index("row")["score"]
    for step in best.itertuples():
        row, earlier = int(step.row), int(step.row_before)
        now = facts[row]
        box = west_east_bounds(shapely.from_wkb(now["geometry"]))
        before, after = (_chip(facts[each], float(scores[each])) for each in (earlier, row))
        yield Rise(now["cell"], box, float(step.rise), float(step.surprise), before, after)


def _chip(facts: dict[str, Any], score: float) -> Chip:
    window = tuple(facts[name] for name in WINDOW)
    return Chip(facts["source"], None if window[0] is None else window, facts["time"], score, facts["reading"])
