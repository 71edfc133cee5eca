"""Stage `imagery`: read the pixels of every tile from the scene that suits it best.

Scenes are searched by neighbourhood, not by tile. Among those that cover a tile the newest comes first, or the nearest
in time to its photos; the first with few enough clouds and gaps inside the tile is taken.
Keeps `scenes/` (the scenes of a neighbourhood), `pixels/` (a tile's pixels and facts; for a tile that no scene suits, a
sentence why) and imagery.parquet.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
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
from geoglot.pairs.collect.stage import Collection, Outcome, resume, run_parallel
from geoglot.pairs.collect.tiles import grid_of
from geoglot.sources.areas import Box, boxes_between
from geoglot.sources.imagery.scene import Imagery, Scene
from geoglot.sources.tile import Tile

NONE = ".none"
_NEIGHBOURHOOD = 0.25  # degrees
_DAY_S = 86_400.0
_Place = tuple[int, int]
"""Longitude and latitude of a neighbourhood, in steps of `_NEIGHBOURHOOD`."""


@dataclass(frozen=True)
class Wanted:
    """A tile to read."""

    id: str
    grid: Grid
    time: str
    """Of its photos; empty if unknown."""
    path: Path
    """File of its pixels."""


def fetch_imagery(collection: Collection) -> Outcome:
    """Run the stage."""
    tiles, asked = collection.table("tiles"), collection.recipe.imagery
    with imagery_source(collection.recipe) as imagery:
        identity = imagery.identity()  # only once, since it may list a folder
        wanted = _wanted_tiles(collection, tiles, imagery.newest, identity)
        groups: dict[_Place, list[Wanted]] = {}
        places = np.floor(tiles[["lon", "lat"]].to_numpy() / _NEIGHBOURHOOD).astype(int)
        for (lon, lat), tile in zip(places.tolist(), wanted, strict=True):
            groups.setdefault((lon, lat), []).append(tile)
        questions = {place: _question(imagery, asked, group) for place, group in groups.items()}
        keys = {place: f"{identity} {question}" for place, question in questions.items()}
        answers = {place: collection.piece("scenes", key, ".json") for place, key in keys.items()}
        failed, unused = list(imagery.failed()), tuple(imagery.unused())
        failed += _search(collection, imagery, questions, answers)
        failed += _read(collection, imagery, groups, answers)
    facts = [_facts(tile) for tile in wanted]
    failed += [line for row in facts for line in row["unread"]]
    frame = pd.DataFrame(facts, columns=["scene", "time", "cloud", "nodata", "uri", "why"])
    frame.insert(0, "tile", [tile.id for tile in wanted])
    frame["piece"] = [tile.path.relative_to(collection.folder).as_posix() for tile in wanted]
    collection.keep_table("imagery", frame)
    counts = {"tiles with pixels": int((frame["why"] == "").sum())}
    reasons = frame["why"][frame["why"] != ""].value_counts()
    counts |= {f"left: {why}": int(number) for why, number in sorted(reasons.items())}
    counts |= {"scenes": int(frame["scene"].replace("", np.nan).nunique())}
    return Outcome(counts, tuple(dict.fromkeys(failed)), unused)


def load_pixels(path: Path) -> np.ndarray:
    """Pixels of a tile, (band, row, col)."""
    with np.load(path, allow_pickle=False) as stored:
        pixels: np.ndarray = stored["pixels"]
        return pixels


def _wanted_tiles(collection: Collection, tiles: Any, newest: bool, identity: str) -> list[Wanted]:
    tiling = collection.recipe.tiles
    how = f"{tiling.side} {tiling.resolution} {identity} {collection.recipe.imagery}"
    wanted = []
    for tile in tiles.itertuples():
        time = "" if newest else tile.time
        piece = collection.piece("pixels", f"{tile.id} {time} {how}", ".npz")
        wanted.append(Wanted(tile.id, grid_of(tile, tiling), time, piece))
    return wanted


@dataclass(frozen=True)
class Question:
    """A search for the scenes of a neighbourhood."""

    boxes: tuple[Box, ...]
    """Two at the antimeridian, where one box would go around the Earth."""
    first: date | None
    last: date | None

    def scenes(self, imagery: Imagery) -> list[Scene]:
        """The scenes, each once, ordered by name."""
        scenes = {scene.id: scene for box in self.boxes for scene in imagery.scenes(box, self.first, self.last)}
        return [scenes[name] for name in sorted(scenes)]


def _question(imagery: Imagery, asked: ImageryRecipe, group: list[Wanted]) -> Question:
    corners = [tile.grid.to_lonlat(*np.meshgrid([0, tile.grid.shape[0]], [0, tile.grid.shape[1]])) for tile in group]
    lon, lat = (np.concatenate([corner[axis].ravel() for corner in corners]) for axis in (0, 1))
    lon = lon[0] + (lon - lon[0] + 180) % 360 - 180  # a neighbourhood is small: what seems far lies beyond 180
    boxes = boxes_between(*map(float, (lon.min(), lat.min(), lon.max(), lat.max())))
    days = sorted(date.fromisoformat(tile.time[:10]) for tile in group if tile.time)
    first, last = asked.after, asked.before
    if days and not imagery.newest and len(days) == len(group):
        around = timedelta(days=asked.days)
        first = max(filter(None, (first, days[0] - around)))
        last = min(filter(None, (last, days[-1] + around)))
    return Question(tuple(boxes), first, last)


def _search(
    collection: Collection, imagery: Imagery, questions: Mapping[_Place, Question], answers: Mapping[_Place, Path]
) -> list[str]:
    def search(place: _Place) -> None:
        scenes = questions[place].scenes(imagery)
        write_bytes(answers[place], json.dumps([asdict(scene) for scene in scenes]).encode())

    left = [place for place in questions if not answers[place].exists()]
    return run_parallel(left, search, 1, lambda done: collection.progress("neighbourhoods", done, len(left)))


def _read(
    collection: Collection, imagery: Imagery, groups: Mapping[_Place, list[Wanted]], answers: Mapping[_Place, Path]
) -> list[str]:
    rules, total = collection.recipe.imagery, sum(len(group) for group in groups.values())
    searched = {place: group for place, group in groups.items() if answers[place].exists()}
    left = [(tile, place) for place, group in searched.items() for tile in group if not _done(tile)]
    scenes = {place: _read_scenes(answers[place]) for place in {place for _, place in left}}

    def read(work: tuple[Wanted, _Place]) -> None:
        tile, place = work
        _fill(tile, imagery, ranked(scenes[place], tile, imagery.newest, rules), rules)

    return resume(collection, "tiles", left, total, read)


def _read_scenes(path: Path) -> list[Scene]:
    try:
        return [Scene(**facts) for facts in json.loads(path.read_bytes())]
    except (ValueError, TypeError) as error:
        raise SourceError(f"{path} cannot be read ({error}); remove it, and the next run makes it again") from error


def ranked(scenes: Sequence[Scene], wanted: Wanted, newest: bool, rules: ImageryRecipe) -> list[Scene]:
    """Scenes that cover a tile, the best first: the newest, or the nearest in time to its photos."""
    covering = [scene for scene in scenes if scene.covers(wanted.grid)]
    if newest or not wanted.time:
        return sorted(covering, key=lambda scene: (scene.time, scene.id), reverse=True)
    taken = datetime.fromisoformat(wanted.time)
    taken = taken if taken.tzinfo else taken.replace(tzinfo=UTC)
    gaps = {scene.id: abs((scene.moment - taken).total_seconds()) for scene in covering if scene.moment}
    near = [scene for scene in covering if gaps.get(scene.id, np.inf) <= (rules.days + 1) * _DAY_S]
    return sorted(near, key=lambda scene: (gaps[scene.id], scene.id))


def _fill(wanted: Wanted, imagery: Imagery, scenes: Sequence[Scene], rules: ImageryRecipe) -> None:
    """Keep the pixels of the first suitable scene, or why there is none.

    A damaged file that another scene stands in for is noted with the pixels, so that the next run tries it again.
    ReadError if no scene suits but a damaged one might.
    """
    why, unread = "no scene covers it", list[ReadError]()
    for scene in scenes[: rules.tries]:
        try:
            cloud, tile = imagery.read_cloud(scene, wanted.grid), imagery.read(scene, wanted.grid)
        except ServiceError:
            raise
        except ReadError as error:
            unread.append(error)
            continue
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
    """Pixels as pair sets store them: 0..255, 0 where there is no data."""
    return np.asarray((tile.pixels * 255).round().astype(np.uint8))


def _done(wanted: Wanted) -> bool:
    return wanted.path.with_suffix(NONE).exists() or (wanted.path.exists() and not _facts(wanted)["unread"])


def _facts(wanted: Wanted) -> dict[str, Any]:
    """Facts of a tile's pixels, or why there are none."""
    if wanted.path.exists():
        with np.load(wanted.path, allow_pickle=False) as stored:
            return {"unread": [], **json.loads(str(stored["facts"])), "why": ""}
    none = wanted.path.with_suffix(NONE)
    nothing: dict[str, Any] = {"scene": "", "time": "", "cloud": None, "nodata": None, "uri": "", "unread": []}
    return {**nothing, "why": none.read_text() if none.exists() else "not read yet"}
