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
    from geoglot.sources.raster import open_raster
    from geoglot.sources.tile import Tile
    from geoglot.tasks.answer.answer import Answer
    from geoglot.tasks.answer.ask import Asker, AskOptions, ask
    from geoglot.tasks.classify import ClassifyOptions, classify
    from geoglot.tasks.encode import Encoded, encode
    from geoglot.tasks.inspection import RasterInfo, inspect_raster
    from geoglot.tasks.objects.find import find
    from geoglot.tasks.objects.options import FindOptions
    from geoglot.tasks.objects.result import FindResult
    from geoglot.tasks.objects.scene import EncodedScene, encode_scene
    from geoglot.tasks.segment import SegmentOptions, segment

_HOMES = {
    "Answer": "geoglot.tasks.answer.answer",
    "AskOptions": "geoglot.tasks.answer.ask",
    "Asker": "geoglot.tasks.answer.ask",
    "ClassifyOptions": "geoglot.tasks.classify",
    "Encoded": "geoglot.tasks.encode",
    "EncodedScene": "geoglot.tasks.objects.scene",
    "FindOptions": "geoglot.tasks.objects.options",
    "FindResult": "geoglot.tasks.objects.result",
    "GeoglotError": "geoglot.errors",
    "Grid": "geoglot.geo",
    "RasterInfo": "geoglot.tasks.inspection",
    "SegmentOptions": "geoglot.tasks.segment",
    "Tile": "geoglot.sources.tile",
    "Window": "geoglot.geo",
    "ask": "geoglot.tasks.answer.ask",
    "classify": "geoglot.tasks.classify",
    "encode": "geoglot.tasks.encode",
    "encode_scene": "geoglot.tasks.objects.scene",
    "find": "geoglot.tasks.objects.find",
    "inspect_raster": "geoglot.tasks.inspection",
    "load_model": "geoglot.models.zoo",
    "open_raster": "geoglot.sources.raster",
    "segment": "geoglot.tasks.segment",
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
