"""Tiles that were made before, in bounded memory."""

from collections import OrderedDict
from collections.abc import Hashable

_MOST_BYTES = 64 * 2**20


class TileCache:
    """The bytes of tiles; the one that was not asked for longest goes first."""

    def __init__(self, most: int = _MOST_BYTES) -> None:
        self._most, self._bytes = most, 0
        self._tiles: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable) -> bytes | None:
        """A tile, if it is kept."""
        if key in self._tiles:
            self._tiles.move_to_end(key)
        return self._tiles.get(key)

    def put(self, key: Hashable, tile: bytes) -> None:
        """Keep a tile."""
        self._bytes += len(tile) - len(self._tiles.get(key, b""))
        self._tiles[key] = tile
        self._tiles.move_to_end(key)
        while self._bytes > self._most:
            _, dropped = self._tiles.popitem(last=False)
            self._bytes -= len(dropped)
