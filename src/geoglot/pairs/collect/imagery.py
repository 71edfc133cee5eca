"""Stage `imagery`: the pixels of every tile, from the scene that suits it best.

Scenes are looked for by neighbourhood, not by tile. Of those that cover a tile, the newest comes first, or the nearest
in time to its photos; the first with few enough clouds and gaps in the tile itself is taken.
Kept: `scenes/` (what was found around a neighbourhood), `pixels/` (a tile's pixels and what is known of them; for one
that no scene suits, a sentence that says why), imagery.parquet.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
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
from geoglot.pairs.collect.stage import Collection, Outcome, in_parallel, resume
from geoglot.pairs.collect.tiles import grid_of
from geoglot.sources.areas import Box, boxes_between
from geoglot.sources.imagery.scene import Imagery, Scene
from geoglot.sources.tile import Tile

NONE = ".none"
_NEIGHBOURHOOD = 0.25  # degrees
_DAY_S = 86_400.0
Place = tuple[int, int]  # of a neighbourhood, in its own units of longitude and latitude


@dataclass(frozen=True)
class Wanted:
    """A tile to be filled."""

    id: str
    grid: Grid
    time: str
    """Of its photos; empty where that is not known."""
    path: Path
    """Where its pixels lie, or will."""


def fetch_imagery(collection: Collection) -> Outcome:
    """Find scenes, read tiles."""
    tiles, asked = collection.table("tiles"), collection.recipe.imagery
    with imagery_source(collection.recipe) as imagery:
        identity = imagery.identity()  # once: a folder is listed for it
        wanted = _wanted(collection, tiles, imagery.newest, identity)
        groups = _groups(tiles, wanted)
        questions = {where: _question(imagery, asked, group) for where, group in groups.items()}
        found = {
            where: collection.piece("scenes", f"{identity} {question}", ".json")
            for where, question in questions.items()
        }
        failed, unused = list(imagery.failed()), tuple(imagery.unused())
        failed += _find(collection, imagery, questions, found)
        failed += _read(collection, imagery, groups, found)
    facts = [_facts(one) for one in wanted]
    failed += [line for one in facts for line in one["unread"]]
    frame = pd.DataFrame(facts, columns=["scene", "time", "cloud", "nodata", "uri", "why"])
    frame.insert(0, "tile", [one.id for one in wanted])
    frame["piece"] = [one.path.relative_to(collection.folder).as_posix() for one in wanted]
    collection.keep_table("imagery", frame)
    counts = {"tiles with pixels": int((frame["why"] == "").sum())}
    reasons = frame["why"][frame["why"] != ""].value_counts()
    counts |= {f"left: {why}": int(number) for why, number in sorted(reasons.items())}
    counts |= {"scenes": int(frame["scene"].replace("", np.nan).nunique())}
    return Outcome(counts, tuple(dict.fromkeys(failed)), unused)


def bands_of(collection: Collection) -> tuple[str, ...]:
    """Of the source."""
    with imagery_source(collection.recipe) as imagery:
        return imagery.bands


def load_pixels(path: Path) -> np.ndarray:
    """The pixels of a tile, (band, row, col)."""
    with np.load(path, allow_pickle=False) as stored:
        pixels: np.ndarray = stored["pixels"]
        return pixels


def _wanted(collection: Collection, tiles: Any, newest: bool, identity: str) -> list[Wanted]:
    tiling, rules, found = collection.recipe.tiles, collection.recipe.imagery, []
    how = f"{tiling.side} {tiling.resolution} {identity} {rules}"
    for tile in tiles.itertuples():
        time = "" if newest else tile.time
        piece = collection.piece("pixels", f"{tile.id} {time} {how}", ".npz")
        found.append(Wanted(tile.id, grid_of(tile, tiling), time, piece))
    return found


def _groups(tiles: Any, wanted: list[Wanted]) -> dict[Place, list[Wanted]]:
    """Tiles by neighbourhood."""
    groups: dict[Place, list[Wanted]] = {}
    places = np.floor(tiles[["lon", "lat"]].to_numpy() / _NEIGHBOURHOOD).astype(int)
    for place, one in zip(places.tolist(), wanted, strict=True):
        groups.setdefault((place[0], place[1]), []).append(one)
    return groups


@dataclass(frozen=True)
class Question:
    """What is asked for a neighbourhood."""

    boxes: tuple[Box, ...]
    """Two across the antimeridian: one would be the whole belt of latitude."""
    first: date | None
    last: date | None

    def scenes(self, imagery: Imagery) -> list[Scene]:
        """The answer, each scene once, in the order of their names."""
        found = {scene.id: scene for box in self.boxes for scene in imagery.scenes(box, self.first, self.last)}
        return [found[name] for name in sorted(found)]


def _question(imagery: Imagery, asked: ImageryRecipe, group: list[Wanted]) -> Question:
    corners = [one.grid.to_lonlat(*np.meshgrid([0, one.grid.shape[0]], [0, one.grid.shape[1]])) for one in group]
    lon, lat = (np.concatenate([corner[axis].ravel() for corner in corners]) for axis in (0, 1))
    lon = lon[0] + (lon - lon[0] + 180) % 360 - 180  # a neighbourhood is small: what lies far lies beyond 180
    boxes = boxes_between(*map(float, (lon.min(), lat.min(), lon.max(), lat.max())))
    days = sorted(date.fromisoformat(one.time[:10]) for one in group if one.time)
    first, last = asked.after, asked.before
    if days and not imagery.newest and len(days) == len(group):
        around = timedelta(days=asked.days)
        first = max(filter(None, (first, days[0] - around)))
        last = min(filter(None, (last, days[-1] + around)))
    return Question(tuple(boxes), first, last)


def _find(
    collection: Collection, imagery: Imagery, questions: dict[Place, Question], found: dict[Place, Path]
) -> list[str]:
    def find(where: Place) -> None:
        scenes = questions[where].scenes(imagery)
        write_bytes(found[where], json.dumps([asdict(scene) for scene in scenes]).encode())

    left = [where for where in questions if not found[where].exists()]
    return in_parallel(left, find, 1, lambda done: collection.progress("neighbourhoods", done, len(left)))


def _read(
    collection: Collection, imagery: Imagery, groups: dict[Place, list[Wanted]], found: dict[Place, Path]
) -> list[str]:
    rules = collection.recipe.imagery
    total = sum(len(group) for group in groups.values())
    work: list[tuple[Wanted, Place]] = [
        (one, where) for where, group in groups.items() if found[where].exists() for one in group if not _done(one)
    ]
    scenes = {where: _scenes(found[where]) for where in {where for _, where in work}}

    def read(one: tuple[Wanted, Place]) -> None:
        wanted, where = one
        _fill(wanted, imagery, ranked(scenes[where], wanted, imagery.newest, rules), rules)

    return resume(collection, "tiles", work, total, read)


def ranked(scenes: Sequence[Scene], wanted: Wanted, newest: bool, rules: ImageryRecipe) -> list[Scene]:
    """Scenes that cover a tile, the best first: the newest, or the nearest in time to its photos."""
    covering = [scene for scene in scenes if scene.covers(wanted.grid)]
    if newest or not wanted.time:
        return sorted(covering, key=lambda scene: (scene.time, scene.id), reverse=True)
    near = [(abs(_seconds(scene.time) - _seconds(wanted.time)), scene.id, scene) for scene in covering if scene.time]
    timely = [one for one in near if one[0] <= (rules.days + 1) * _DAY_S]
    return [scene for _, _, scene in sorted(timely, key=lambda one: one[:2])]


def _fill(wanted: Wanted, imagery: Imagery, scenes: Sequence[Scene], rules: ImageryRecipe) -> None:
    """Keep the pixels of the first scene that will do, or why there is none; ReadError if a damaged one may have done.

    A damaged file that another scene stands in for is kept in mind with the pixels, and tried again by the next run.
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
        except SourceError:  # gone from where the catalogue says it lies
            why = "no scene that can be read"
            continue
        if nodata_share(tile) > rules.most_nodata:
            why = "no scene without gaps"
        elif (cloud or 0.0) > rules.most_cloud:
            why = "no scene without clouds"
        else:
            write_bytes(wanted.path, _stored(scene, tile, cloud, unread))
            return
    if unread:
        raise unread[0]
    write_bytes(wanted.path.with_suffix(NONE), why.encode())


def nodata_share(tile: Tile) -> float:
    """Share of the pixels that are no data, 0..1."""
    return float(1 - tile.valid.mean())


def to_uint8(tile: Tile) -> UInt8[np.ndarray, "band rows cols"]:
    """Pixels as pair sets store them: 0..255, 0 where there is no data."""
    return np.asarray((tile.pixels * 255).round().astype(np.uint8))


def _stored(scene: Scene, tile: Tile, cloud: float | None, unread: Sequence[ReadError]) -> bytes:
    facts = {
        "scene": scene.id, "time": scene.time, "cloud": cloud, "nodata": nodata_share(tile),
        "uri": next(iter(scene.assets.values())), "unread": [str(error) for error in unread],
    }  # fmt: skip
    file = io.BytesIO()
    np.savez_compressed(file, pixels=to_uint8(tile), facts=np.array(json.dumps(facts)))
    return file.getvalue()


def _done(wanted: Wanted) -> bool:
    return wanted.path.with_suffix(NONE).exists() or (wanted.path.exists() and not _facts(wanted)["unread"])


def _facts(wanted: Wanted) -> dict[str, Any]:
    """What is known of a tile's pixels; why there are none."""
    if wanted.path.exists():
        with np.load(wanted.path, allow_pickle=False) as stored:
            return {"unread": [], **json.loads(str(stored["facts"])), "why": ""}
    none = wanted.path.with_suffix(NONE)
    nothing: dict[str, Any] = {"scene": "", "time": "", "cloud": None, "nodata": None, "uri": "", "unread": []}
    return {**nothing, "why": none.read_text() if none.exists() else "not read yet"}


def _scenes(path: Path) -> list[Scene]:
    try:
        return [Scene(**one) for one in json.loads(path.read_bytes())]
    except (ValueError, TypeError) as error:
        raise SourceError(f"{path} cannot be read ({error}); remove it, and it is made anew") from error


def _seconds(time: str) -> float:
    moment = datetime.fromisoformat(time.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
