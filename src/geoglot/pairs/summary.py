"""What a pair set holds, in figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow.compute as pc

from geoglot.pairs.pair_store import PairSet


@dataclass(frozen=True)
class Description:
    """Figures of a pair set."""

    set: str
    tiles: int
    links: int
    photos: int
    """Each counted once, however many tiles it lies in."""
    users: int
    side: int
    resolution: float
    bands: tuple[str, ...]
    shards: int
    times: tuple[str, str] | None
    """Of the oldest and the newest photo; None where they are not known."""
    licences: dict[str, int]
    """Links by licence; empty where the set does not tell."""
    vectors: tuple[str, ...]
    """Ground towers whose vectors are there, by the first letters of the hash of their weights."""

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    def lines(self) -> Iterator[tuple[str, str]]:
        """For people."""
        yield "set", self.set
        yield (
            "tiles",
            f"{self.tiles:,} of {self.side} px, {self.resolution:g} m ({', '.join(self.bands)}), {self.shards} shards",
        )
        by = f" by {self.users:,} users" if self.users else ""
        yield "photos", f"{self.photos:,}{by}, {self.links:,} links"
        if self.times:
            yield "taken", f"{self.times[0]} to {self.times[1]}"
        if self.licences:
            yield "licences", ", ".join(f"{name or 'not known'} {number:,}" for name, number in self.licences.items())
        yield "vectors", ", ".join(self.vectors) or "none yet; geoglot train align makes them"


def describe(pairs: PairSet) -> Description:
    """Count; a shard's tables at a time."""
    photos: set[str] = set()
    users: set[str] = set()
    licences: dict[str, int] = {}
    times: list[str] = []
    for shard in pairs.shards:
        table = shard.photo_table()
        photos.update(table["photo"].to_pylist())
        users.update(table["user"].to_pylist())
        if "licence" in table.column_names:
            for count in pc.value_counts(table["licence"]).to_pylist():
                licences[count["values"]] = licences.get(count["values"], 0) + count["counts"]
        if "time" in table.column_names:
            known = [time for time in table["time"].to_pylist() if time]
            times += [min(known), max(known)] if known else []
    vectors = {
        path.stem.removeprefix("vectors-") for shard in pairs.shards for path in shard.folder.glob("vectors-*.npy")
    }
    return Description(
        set=pairs.place,
        tiles=pairs.tiles,
        links=pairs.photos,
        photos=len(photos),
        users=len(users - {""}),
        side=pairs.side,
        resolution=pairs.resolution,
        bands=pairs.bands,
        shards=len(pairs.shards),
        times=(min(times), max(times)) if times else None,
        licences=dict(sorted(licences.items(), key=lambda one: (-one[1], one[0]))),
        vectors=tuple(sorted(vectors)),
    )
