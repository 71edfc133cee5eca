"""geoglot: say it in words, see it on the map.

The public names are loaded when they are first used, so that importing geoglot costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from geoglot.errors import GeoglotError
    from geoglot.geo import Grid, Window
    from geoglot.models.zoo import load_model
    from geoglot.scene.encode import Encoded, encode
    from geoglot.scene.seen import EncodedScene, encode_scene
    from geoglot.sources.raster import open_raster
    from geoglot.sources.tile import Tile
    from geoglot.tasks.ask.answer import Answer
    from geoglot.tasks.ask.ask import Asker, AskOptions, ask
    from geoglot.tasks.classify import ClassifyOptions, classify
    from geoglot.tasks.find.find import find
    from geoglot.tasks.find.find_options import FindOptions
    from geoglot.tasks.find.find_result import FindResult
    from geoglot.tasks.inspection import RasterInfo, inspect_raster
    from geoglot.tasks.segment.segment import SegmentOptions, segment

_HOMES = {
    "Answer": "geoglot.tasks.ask.answer",
    "AskOptions": "geoglot.tasks.ask.ask",
    "Asker": "geoglot.tasks.ask.ask",
    "ClassifyOptions": "geoglot.tasks.classify",
    "Encoded": "geoglot.scene.encode",
    "EncodedScene": "geoglot.scene.seen",
    "FindOptions": "geoglot.tasks.find.find_options",
    "FindResult": "geoglot.tasks.find.find_result",
    "GeoglotError": "geoglot.errors",
    "Grid": "geoglot.geo",
    "RasterInfo": "geoglot.tasks.inspection",
    "SegmentOptions": "geoglot.tasks.segment.segment",
    "Tile": "geoglot.sources.tile",
    "Window": "geoglot.geo",
    "ask": "geoglot.tasks.ask.ask",
    "classify": "geoglot.tasks.classify",
    "encode": "geoglot.scene.encode",
    "encode_scene": "geoglot.scene.seen",
    "find": "geoglot.tasks.find.find",
    "inspect_raster": "geoglot.tasks.inspection",
    "load_model": "geoglot.models.zoo",
    "open_raster": "geoglot.sources.raster",
    "segment": "geoglot.tasks.segment.segment",
}

__all__ = [
    "Answer",
    "AskOptions",
    "Asker",
    "ClassifyOptions",
    "Encoded",
    "EncodedScene",
    "FindOptions",
    "FindResult",
    "GeoglotError",
    "Grid",
    "RasterInfo",
    "SegmentOptions",
    "Tile",
    "Window",
    "__version__",
    "ask",
    "classify",
    "encode",
    "encode_scene",
    "find",
    "inspect_raster",
    "load_model",
    "open_raster",
    "segment",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"geoglot has no {name!r}")
    return getattr(import_module(_HOMES[name]), name)
