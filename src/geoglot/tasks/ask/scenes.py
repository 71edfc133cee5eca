"""A raster as a scene for questions. The model encodes it once, when a question first looks for an object."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
import torch
from jaxtyping import Float
from shapely.geometry.base import BaseGeometry

from geoglot.aliases import PathLike, Progress
from geoglot.errors import AnswerError, InputError
from geoglot.geo import Grid, Window
from geoglot.lonlat import to_map
from geoglot.models.zoo import Model
from geoglot.options import FindOptions, ReadOptions
from geoglot.scene.absence import BARELY_ABSENT
from geoglot.scene.area import read_area
from geoglot.scene.class_words import ClassWords
from geoglot.scene.dense import model_of, reads_words
from geoglot.scene.embed import embed, pad, zero_shot
from geoglot.scene.encoded_scene import EncodedScene, encode_scene
from geoglot.scene.read import check_bands, open_scene, pixel_size, reading_notes
from geoglot.scene.text_vectors import text_vectors
from geoglot.scene.visible import crowded, why_not_seen
from geoglot.scene.wording import word_notes
from geoglot.sources.raster import Raster
from geoglot.sources.scene_day import day_of
from geoglot.sources.tile import Tile
from geoglot.tasks.ask.looked_at import average_blocks, frame_of
from geoglot.tasks.ask.scene_things import SceneObject, Sighting
from geoglot.tasks.find.find import find
from geoglot.tasks.refine.refiner import Refiner

_READ = 2048  # pixels a side that are read at full resolution; larger windows come from a reduced picture


@dataclass(frozen=True)
class SceneOptions:
    """How a scene is read, and how objects are found in it."""

    read: ReadOptions = ReadOptions()
    find: FindOptions = field(default_factory=lambda: FindOptions(overlay=False))
    progress: Progress | None = None
    refiner: Refiner | None = None
    """Moves the outlines of objects to the edges in the picture."""


class RasterScene(AbstractContextManager["RasterScene"]):
    """A raster of any size as a `Scene`; a context manager."""

    def __init__(
        self,
        source: PathLike | Raster | EncodedScene,
        model: Model,
        options: SceneOptions | None = None,
        crs: pyproj.CRS | None = None,
    ) -> None:
        """`crs` is that of another date: the scene is read in it, unless it has no CRS or is encoded already."""
        self._options, self._stack = options or SceneOptions(), ExitStack()
        self._encoded: EncodedScene | None = None
        area: BaseGeometry | None = None
        if isinstance(source, EncodedScene):
            narrow = source.narrow(ReadOptions(), self._options.find.area, None)
            # Objects are cut at the area, not left out.
            area, self._encoded = narrow.area, replace(narrow, area=None)
            model, source = model_of(source.dense), source.raster
        self._read: ReadOptions = self._encoded.read if self._encoded else self._options.read
        self._model, card = model, model.card
        self.model, self.sha256 = card.name, card.sha256
        self._raster = self._stack.enter_context(open_scene(source, self._read, card.resolution))
        if crs is not None and not self._encoded and self._raster.grid.crs not in (None, crs):
            resolution = self._raster.grid.resolution_m
            assert resolution is not None, "a grid with a CRS has a resolution"
            self._raster = replace(self._raster, grid=self._raster.grid.covering(crs, resolution))
        check_bands(self._raster, card.bands, self.model)
        self.uri, self.grid = self._raster.uri, self._raster.grid
        outline, self._frame = self._raster.footprint.outline, self.grid.whole
        if self._options.find.area and self._encoded is None:
            area = read_area(Path(self._options.find.area), self.grid)
        self._area = area
        self.is_encoded_in_part = self._encoded is not None and area is not None
        """Whether it was encoded within an area only, and before."""
        if area is not None:
            rows, cols = self.grid.shape
            outline = shapely.intersection(area, shapely.box(0, 0, cols, rows) if outline is None else outline)
            self._frame = frame_of(outline, self.grid)
        self.outline = None if outline is None else to_map([outline], self.grid)[0]
        self.pixel_m = self._read.resolution if self.grid.crs is None else None
        self.refiner = self._options.refiner.name if self._options.refiner else "none"
        self.encodings = 0
        """How often the model encoded the scene: at most once."""
        self.notes = list(reading_notes(self._raster, card, self._read))
        self._known: dict[str, Sighting] = {}
        self._names: dict[str, torch.Tensor] = {}

    @property
    def raster(self) -> Raster:
        """The scene as it is read."""
        return self._raster

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def cost(self, name: str) -> int:
        return 0 if name in self._known else int(np.prod(self.grid.shape))

    def find(self, name: str) -> Sighting:
        """Find objects as `geoglot find` does."""
        if name in self._known:
            return self._known[name]
        self._check_visible([name])
        scene, own = self._encode(), self._options
        search = partial(
            find, names={name: [name]}, options=replace(own.find, area=None), refiner=own.refiner, progress=own.progress
        )
        result = search(scene)
        threshold = result.thresholds[name]
        rows = zip(result.objects["id"], result.objects["score"], result.objects.geometry, strict=True)
        things = tuple(
            SceneObject(int(index), name, float(score), part)
            for index, score, shape in rows
            if (part := self._cut(shape)).area  # else it touches the area of interest from without
        )
        doubtful = sum(thing.score < threshold.line for thing in things)
        presence = result.presence[name]
        if not things and self._area is not None:  # whether it lies in the area, not beyond
            result = search(replace(scene, area=self._area))
            presence = min(BARELY_ABSENT, result.presence[name])
        self.notes += [note for note in result.notes if note not in self.notes]
        crowd = crowded(pixel_size(self._raster, self._read), _as_classes([name])).get(name, "")
        self._known[name] = Sighting(things, threshold.line, doubtful, crowd, presence)
        return self._known[name]

    def _cut(self, shape: shapely.Geometry) -> shapely.Geometry:
        """The part of an object in the area of interest, so that counts and shares are of the same ground."""
        return shape if self._area is None else shapely.intersection(shape, self.outline)

    def _check_visible(self, names: Sequence[str]) -> None:
        """AnswerError if the scene can show none of the names, unless a least score insists."""
        hidden = why_not_seen(self._model, self._raster, self._read, _as_classes(names))
        if len(hidden) == len(names) and self._options.find.min_score is None:
            raise AnswerError(hidden[names[0]])

    def _encode(self) -> EncodedScene:
        if self._encoded is None:
            self.encodings += 1
            options, area, vectors = self._options, self._options.find.area, self._options.find.vectors
            encoding = encode_scene(
                self._raster, self._model, read=options.read, area=area, vectors=vectors, progress=options.progress
            )
            self._encoded = replace(self._stack.enter_context(encoding), area=None)  # objects are cut, not left out
            failed = self._encoded.failed
            self.notes += [f"the model could not see {len(failed)} windows: {failed[0].reason}"] if failed else []
        return self._encoded

    @property
    def facts(self) -> dict[str, Any]:
        options = {**self._options.read.facts(), **asdict(self._options.find), "vectors": None}
        area = {} if self._area is None else {"area": self._area.wkt}
        return {**self._raster.fingerprint(), "model": self.sha256, "options": options, **area}

    @property
    def failed(self) -> int:
        return len(self._encoded.failed) if self._encoded else 0

    @torch.inference_mode()
    def classify(self, names: Sequence[str], window: Window) -> dict[str, float]:
        """Softmax over the names for the window, reduced to the image size of the model's training."""
        model = self._model
        if not reads_words(model):
            raise AnswerError(f"{self.model} has classes of its own and reads no words; ask a model that does")
        self._check_visible(names)
        card = model.card
        tile = self.look(window.intersection(self._frame) or window, card.tile_size)
        if not tile.valid.any():
            raise AnswerError("there is no data in this part of the scene")
        new = [name for name in names if name not in self._names]
        if new:
            templates = self._options.find.templates
            vectors = text_vectors(model, new, templates)
            self.notes += word_notes(model, _as_classes(new), vectors, templates=templates)
            self._names |= dict(zip(new, vectors, strict=True))
        embeddings, failed = embed(model, [pad(tile.pixels, card.patch_size, card.tile_size)])
        if failed:
            raise AnswerError(f"this part of the scene cannot be classified: {failed[0]}")
        texts = torch.stack([self._names[name] for name in names]).cpu().numpy()
        probabilities = zero_shot(embeddings, texts, card.logit_scale)[0].tolist()
        return dict(zip(names, probabilities, strict=True))

    def look(self, window: Window, side: int) -> Tile:
        """Average the window, or cut it from a reduced picture of the scene if it is large."""
        longest = max(window.height, window.width)
        if longest <= _READ:
            return average_blocks(self._raster.read(window), -(-longest // side))
        whole = self._raster.thumbnail(-(-max(self.grid.shape) * side // longest))
        down, across = (small / large for small, large in zip(whole.grid.shape, self.grid.shape, strict=True))
        top, left = int(window.row * down), int(window.col * across)
        bottom = max(top + 1, round((window.row + window.height) * down))
        right = max(left + 1, round((window.col + window.width) * across))
        part = whole.grid.window(Window(top, left, bottom - top, right - left))
        block = np.s_[top:bottom, left:right]
        return replace(whole, pixels=whole.pixels[:, *block], valid=whole.valid[block], grid=part)

    @property
    def day(self) -> date | None:
        return day_of(self.uri, self._raster.time)

    def picture(self, side: int) -> tuple[Float[np.ndarray, "3 rows cols"], Grid]:
        tile = self._raster.thumbnail(side)
        return tile.pixels[:3], tile.grid


def _as_classes(names: Sequence[str]) -> list[ClassWords]:
    return [ClassWords(name, (name,)) for name in names]


def check_pair(before: RasterScene, after: RasterScene) -> None:
    """InputError unless two scenes show the same place on the same kind of grid."""
    without = [scene.uri for scene in (before, after) if scene.grid.crs is None]
    if len(without) == 1:
        raise InputError(
            f"{without[0]} must have a CRS as the other date has, got none; assign it with: "
            "rio edit-info --crs --transform"
        )
    if before.grid.crs != after.grid.crs:
        raise InputError(f"{before.uri} is encoded in another CRS than that of {after.uri}; give its file instead")
    if before.grid.crs is None and before.grid.shape != after.grid.shape:
        raise InputError("two pictures without a CRS are compared pixel by pixel, so they must have the same size")
    boxes = [shapely.box(*scene.grid.bounds) for scene in (before, after)]
    if not boxes[0].intersection(boxes[1]).area:
        raise InputError(f"{before.uri} and {after.uri} show different places")
