"""Stage `imagery`: read the pixels of every tile from the scene that suits it best.

Scenes are searched by neighbourhood, not by tile. The scenes that cover a tile are tried in order, the newest first or
the nearest in time to its photos, until one has few enough clouds and gaps inside the tile.
The stage keeps `scenes/` (the scenes of a neighbourhood), `pixels/` (pixels and facts of a tile, or a sentence why it
has none) and imagery.parquet.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from geoglot.errors import ReadError, ServiceError, SourceError
from geoglot.geo import Grid
from geoglot.outputs.atomic import write_bytes
from geoglot.pairs.collect.collect_recipe import ImageryRecipe
from geoglot.pairs.collect.recipe_sources import imagery_source
from geoglot.pairs.collect.stage import Collection, Outcome, count_reasons, resume, run_parallel
from geoglot.pairs.collect.tiles import grid_of
from geoglot.sources.areas import Box, boxes_between
from geoglot.sources.imagery.scene import Imagery, Scene
from geoglot.sources.tile import Tile
from geoglot.times import to_utc
from geoglot.web.response import HostError

NONE = ".none"
_NEIGHBOURHOOD = 0.25  # degrees


@dataclass(frozen=True)
class Wanted:
    """A tile to read, and the file in which its pixels are kept."""

    id: str
    grid: Grid
    time: str
    """Median time of its photos; empty if unknown or not needed."""
    path: Path


def fetch_imagery(collection: Collection) -> Outcome:
    """Run the stage."""
    tiles, rules = collection.table("tiles"), collection.recipe.imagery
    with imagery_source(collection.recipe) as imagery:
        identity = imagery.identity()  # only once, since it may list a folder
        wanted = _wanted_tiles(collection, tiles, imagery.newest, identity)
        groups: dict[tuple[int, ...], list[Wanted]] = {}
        places = np.floor(tiles[["lon", "lat"]].to_numpy() / _NEIGHBOURHOOD).astype(int)
        for place, tile in zip(places.tolist(), wanted, strict=True):
            groups.setdefault(tuple(place), []).append(tile)
        neighbourhoods = []
        for group in groups.values():
            question = _make_question(imagery, rules, group)
            path = collection.piece("scenes", f"{identity} {question}", ".json")
            neighbourhoods.append(_Neighbourhood(group, question, path))
        failed, unused = list(imagery.failed()), tuple(imagery.unused())
        failed += _search(collection, imagery, neighbourhoods)
        failed += _read(collection, imagery, neighbourhoods)
    facts = [_facts(tile) for tile in wanted]
    failed += [line for row in facts for line in row["unread"]]
    frame = pd.DataFrame(facts, columns=["scene", "time", "cloud", "nodata", "uri", "why"])
    frame.insert(0, "tile", [tile.id for tile in wanted])
    frame["piece"] = [tile.path.relative_to(collection.folder).as_posix() for tile in wanted]
    collection.keep_table("imagery", frame)
    counts = {"tiles with pixels": int((frame["why"] == "").sum()), **count_reasons(frame["why"])}
    counts |= {"scenes": int(frame["scene"].replace("", np.nan).nunique())}
    return Outcome(counts, tuple(dict.fromkeys(failed)), unused)


def load_pixels(path: Path) -> np.ndarray:
    """Pixels of a tile, (band, row, col)."""
    with np.load(path, allow_pickle=False) as stored:
        return np.asarray(stored["pixels"])


def _wanted_tiles(collection: Collection, tiles: Any, newest: bool, identity: str) -> list[Wanted]:
    tiling, wanted = collection.recipe.tiles, []
    rules = f"{tiling.side} {tiling.resolution} {identity} {collection.recipe.imagery}"  # alike for a million tiles
    for tile in tiles.itertuples():
        time = "" if newest else tile.time
        path = collection.piece("pixels", f"{tile.id} {time} {rules}", ".npz")
        wanted.append(Wanted(tile.id, grid_of(tile, tiling), time, path))
    return wanted


@dataclass(frozen=True)
class Question:
    """A search for the scenes of a neighbourhood."""

    boxes: tuple[Box, ...]
    """Two across the antimeridian, where one box would go around the Earth."""
    first: date | None
    last: date | None

    def scenes(self, imagery: Imagery) -> list[Scene]:
        """The scenes of all boxes, ordered by name."""
        scenes = {scene.id: scene for box in self.boxes for scene in imagery.scenes(box, self.first, self.last)}
        return [scenes[name] for name in sorted(scenes)]


def _make_question(imagery: Imagery, rules: ImageryRecipe, group: list[Wanted]) -> Question:
    corners = [tile.grid.to_lonlat(*np.meshgrid([0, tile.grid.shape[0]], [0, tile.grid.shape[1]])) for tile in group]
    lon, lat = (np.concatenate([corner[axis].ravel() for corner in corners]) for axis in (0, 1))
    lon = lon[0] + (lon - lon[0] + 180) % 360 - 180  # a neighbourhood is small: a corner that seems far lies beyond 180
    boxes = boxes_between(*map(float, (lon.min(), lat.min(), lon.max(), lat.max())))
    days = sorted(date.fromisoformat(tile.time[:10]) for tile in group if tile.time)
    first, last = rules.after, rules.before
    if days and not imagery.newest and len(days) == len(group):
        around = timedelta(days=rules.days)
        first = max(filter(None, (first, days[0] - around)))
        last = min(filter(None, (last, days[-1] + around)))
    return Question(tuple(boxes), first, last)


@dataclass(frozen=True)
class _Neighbourhood:
    """Tiles that share one search for scenes, and the file in which the scenes are kept."""

    tiles: list[Wanted]
    question: Question
    path: Path


def _search(collection: Collection, imagery: Imagery, neighbourhoods: list[_Neighbourhood]) -> list[str]:
    def search(near: _Neighbourhood) -> None:
        write_bytes(near.path, json.dumps([asdict(scene) for scene in near.question.scenes(imagery)]).encode())

    left = [near for near in neighbourhoods if not near.path.exists()]
    return run_parallel(left, search, 1, lambda done: collection.progress("neighbourhoods", done, len(left)))


def _read(collection: Collection, imagery: Imagery, neighbourhoods: list[_Neighbourhood]) -> list[str]:
    rules, left = collection.recipe.imagery, []
    for near in neighbourhoods:
        tiles = [tile for tile in near.tiles if not _is_done(tile)]
        if tiles and near.path.exists():
            scenes = _load_scenes(near.path)
            left += [(tile, scenes) for tile in tiles]

    def read(work: tuple[Wanted, list[Scene]]) -> None:
        tile, scenes = work
        _fill(tile, imagery, rank(scenes, tile, imagery.newest, rules), rules)

    return resume(collection, "tiles", left, sum(len(near.tiles) for near in neighbourhoods), read)


def _load_scenes(path: Path) -> list[Scene]:
    try:
        return [Scene(**facts) for facts in json.loads(path.read_bytes())]
    except (ValueError, TypeError) as error:
        raise SourceError(f"{path} cannot be read ({error}); remove it, and the next run makes it again") from error


def rank(scenes: Sequence[Scene], wanted: Wanted, newest: bool, rules: ImageryRecipe) -> list[Scene]:
    """The scenes that cover a tile, the best first: the newest, or the nearest in time to its photos."""
    covering = [scene for scene in scenes if scene.covers(wanted.grid)]
    if newest or not wanted.time:
        return sorted(covering, key=lambda scene: (scene.time, scene.id), reverse=True)
    taken = to_utc(datetime.fromisoformat(wanted.time))
    gaps = {scene.id: abs(scene.moment - taken) for scene in covering if scene.moment}
    near = [scene for scene in covering if gaps.get(scene.id, timedelta.max) <= timedelta(days=rules.days + 1)]
    return sorted(near, key=lambda scene: (gaps[scene.id], scene.id))


def _fill(wanted: Wanted, imagery: Imagery, scenes: Sequence[Scene], rules: ImageryRecipe) -> None:
    """Store the pixels of the first suitable scene, or the reason why there is none.

    If a better scene is damaged, or on a host that the recipe does not name, that is noted with the pixels, so that the
    next run tries it again. ReadError or HostError if none suits and such a one might.
    """
    why, unread = "no scene covers it", list[SourceError]()
    for scene in scenes[: rules.tries]:
        try:
            cloud, tile = imagery.read_cloud(scene, wanted.grid), imagery.read(scene, wanted.grid)
        except (ReadError, HostError) as error:
            unread.append(error)
            continue
        except ServiceError:
            raise
        except SourceError:  # the catalogue names a file that is gone
            why = "no scene that can be read"
            continue
        nodata = float(1 - tile.valid.mean())
        if nodata > rules.most_nodata:
            why = "no scene without gaps"
        elif (cloud or 0.0) > rules.most_cloud:
            why = "no scene without clouds"
        else:
            facts = {
                "scene": scene.id, "time": scene.time, "cloud": cloud, "nodata": nodata,
                "uri": next(iter(scene.assets.values())), "unread": [str(error) for error in unread],
            }  # fmt: skip
            file = io.BytesIO()
            np.savez_compressed(file, pixels=to_uint8(tile), facts=np.array(json.dumps(facts)))
            write_bytes(wanted.path, file.getvalue())
            return
    if unread:
        raise unread[0]
    write_bytes(wanted.path.with_suffix(NONE), why.encode())


def to_uint8(tile: Tile) -> UInt8[np.ndarray, "band rows cols"]:
    """Pixels as pair sets store them: 0..255, 0 without data."""
    return np.asarray((tile.pixels * 255).round().astype(np.uint8))


def _is_done(wanted: Wanted) -> bool:
    return wanted.path.with_suffix(NONE).exists() or (wanted.path.exists() and not _facts(wanted)["unread"])


def _facts(wanted: Wanted) -> dict[str, Any]:
    """Facts of a tile's pixels; `why` is empty, or says why there are none."""
    if wanted.path.exists():
        with np.load(wanted.path, allow_pickle=False) as stored:
            return {"unread": [], **json.loads(str(stored["facts"])), "why": ""}
    none = wanted.path.with_suffix(NONE)
    nothing: dict[str, Any] = {"scene": "", "time": "", "cloud": None, "nodata": None, "uri": "", "unread": []}
    return {**nothing, "why": none.read_text() if none.exists() else "not read yet"}
