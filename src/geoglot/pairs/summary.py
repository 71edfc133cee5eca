"""Describe a pair set in figures."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from geoglot.figures import format_count
from geoglot.pairs.pair_store import PairSet


@dataclass(frozen=True)
class Description:
    """Figures of a pair set."""

    set: str
    """Folder or URL."""
    tiles: int
    links: int
    photos: int
    """Number of different photos; a photo in several tiles counts once."""
    users: int
    side: int
    resolution: float
    bands: tuple[str, ...]
    shards: int
    times: tuple[str, str] | None
    """When the oldest and the newest photo were taken; None if unknown."""
    licences: dict[str, int]
    """Number of links of each licence; empty if the set records none."""
    vectors: tuple[str, ...]
    """First 16 digits of the sha256 of every ground tower whose embeddings are stored."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> Iterator[tuple[str, str]]:
        """Label and text of each line to print."""
        bands = ", ".join(self.bands)
        yield "set", self.set
        shards = format_count(self.shards, "shard")
        yield "tiles", f"{self.tiles:,} of {self.side} px, {self.resolution:g} m ({bands}), {shards}"
        by = f" by {format_count(self.users, 'user')}" if self.users else ""
        yield "photos", f"{self.photos:,}{by}, {format_count(self.links, 'link')}"
        if self.times:
            yield "taken", f"{self.times[0]} to {self.times[1]}"
        if self.licences:
            yield "licences", ", ".join(f"{name or 'not known'} {number:,}" for name, number in self.licences.items())
        yield "vectors", ", ".join(self.vectors) or "none yet; geoglot train align makes them"


def describe(pairs: PairSet) -> Description:
    """Count what a pair set holds, one shard's tables at a time."""
    photos, users, licences, times = set[str](), set[str](), Counter[str](), list[str]()
    for shard in pairs.shards:
        table = shard.photo_table()
        photos.update(table["photo"].to_pylist())
        users.update(table["user"].to_pylist())
        if "licence" in table.column_names:
            licences.update(licence or "" for licence in table["licence"].to_pylist())
        if "time" in table.column_names:
            known = [time for time in table["time"].to_pylist() if time]
            times += [min(known), max(known)] if known else []
    files = (path.stem for shard in pairs.shards for path in shard.folder.glob("vectors-*.npy"))
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
        licences=dict(sorted(licences.items(), key=lambda item: (-item[1], item[0]))),
        vectors=tuple(sorted({stem.removeprefix("vectors-") for stem in files})),
    )
