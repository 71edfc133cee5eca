"""Jobs on archives: facts, search, pictures of chips, and the sources as items. Runs in a child."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geoglot.app.bodies import SearchBody, parse_body
from geoglot.app.child import Done, Report
from geoglot.app.of_areas import write_area
from geoglot.app.pictures import encode_png
from geoglot.errors import InputError, SourceError
from geoglot.index.build.chip_pixels import read_chip
from geoglot.index.exchange.facts import source_uri
from geoglot.index.search.hits import Hits
from geoglot.index.search.index import Index
from geoglot.index.store.archive import Archive, is_archive
from geoglot.index.store.chip_shard import Shard
from geoglot.index.store.chip_table import BOX
from geoglot.index.store.coverage import cover
from geoglot.index.store.live import chip_facts, gather
from geoglot.lonlat import ground_of
from geoglot.outputs.panels import to_bytes
from geoglot.times import utc_text

_OPEN = 4  # archives that stay open
_FACTS = ("cell", "source")
_ROW_BITS = 24  # of the number of a chip; those before name its shard, and all are a whole number of JavaScript
_LAST_ROW = (1 << _ROW_BITS) - 1


@lru_cache(_OPEN)
def _index(place: str, model: str, _state: str) -> Index:
    return Index(place, model=model or None)


def _opened(task: dict[str, Any]) -> Index:
    return _index(task["source"], task.get("model_place", ""), task["state"])


def describe_archive(body: dict[str, Any], _: Report) -> Done:
    """What an archive covers; of a folder of pictures nothing, before it is searched."""
    if not Path(body["source"]).is_dir():
        raise SourceError(f"{body['source']} is not there any more")
    if not is_archive(body["source"]):
        return {"chips": None, "scenes": None, "bounds": None, "model": None, "first": None, "last": None}, b""
    covered = cover(Archive.open(body["source"]))
    facts = covered.to_json()
    return {
        "chips": covered.chips, "scenes": covered.sources, "bounds": covered.bounds, "model": covered.model,
        "first": facts["first"], "last": facts["last"],
    }, b""  # fmt: skip


def do_search(task: dict[str, Any], report: Report) -> Done:
    """Search an archive, and write what was found."""
    body, folder = parse_body(SearchBody, task["body"]), Path(task["folder"])
    report(done=0, total=1)
    if not (body.text or "").strip() and body.image is None and not body.like:
        raise InputError("a search needs words, a picture, or chips that are like what is meant")
    index = _opened(task)
    options = replace(body.options, area=write_area(body.area, folder))
    like, unlike = (_places(index, rows) for rows in (body.like, body.unlike))
    hits = index.search(body.text, image=task["image"], like=like, unlike=unlike, options=options)
    document = hits.to_json()
    for line, hit in zip(document["hits"] or document["nearest"], hits.hits, strict=True):
        line["chip"] = _number_of(index.archive, hit.row)
    return document | {"summary": hits.summary, "files": _write_hits(hits, folder)}, b""


def _key(shard: Shard) -> int:
    return int(hashlib.sha256(shard.name.encode()).hexdigest()[:7], 16)


def _number_of(archive: Archive, row: int) -> int:
    """The number of a chip for as long as its shard exists; rows shift when other shards come and go."""
    [shard], [place] = archive.locate(np.array([row]))
    return _key(archive.shards[shard]) << _ROW_BITS | int(place)


def _row_of(archive: Archive, number: int) -> int | None:
    """The row of a chip by its number; None if it is not there any more."""
    key, place = number >> _ROW_BITS, number & _LAST_ROW
    found = [
        int(start) + place
        for start, shard in zip(archive.starts, archive.shards, strict=False)
        if _key(shard) == key and place < shard.rows
    ]
    return found[0] if len(found) == 1 else None


def _places(index: Index, chips: list[int]) -> list[str]:
    """Chips as a search takes them: their cells, or the files of pictures that lie nowhere."""
    if not chips:
        return []
    rows = [row for number in chips if (row := _row_of(index.archive, number)) is not None]
    if len(rows) < len(chips):
        raise InputError("a chip of an earlier search is not in the archive any more; search again without it")
    facts = gather(index.archive, np.array(rows), lambda shard, some: chip_facts(shard, some, _FACTS))
    return [fact["cell"] or fact["source"] for fact in facts]


def _write_hits(hits: Hits, folder: Path) -> list[str]:
    names = ["hits.csv"]
    if hits.hits and not hits.table.geometry.isna().any():
        names += ["hits.geojson", "hits.gpkg", "hits.parquet"]
    for name in names:
        hits.save(folder / name, overwrite=True)
    return names


def chip_picture(task: dict[str, Any], _: Report) -> Done:
    """A PNG of a chip."""
    archive = _opened(task).archive
    if (row := _row_of(archive, task["chip"])) is None:
        _index.cache_clear()  # a search may have indexed a folder anew
        archive = _opened(task).archive
        if (row := _row_of(archive, task["chip"])) is None:
            return {}, b""
    [fact] = gather(
        archive, np.array([row]), lambda shard, some: chip_facts(shard, some, ("cell", "source", "reading"))
    )
    tile = read_chip(fact["source"], fact["cell"], task["side"], fact["reading"])
    return {}, encode_png(to_bytes(tile.pixels[:3]))


def list_items(task: dict[str, Any], _: Report) -> Done:
    """The parts of the sources of an archive, as items of STAC without links."""
    archive = Archive.open(task["source"])
    columns = ("source", "source_sha", "scale_m", "bbox", "time", "chips")
    items = []
    for shard in archive.shards:
        gone = set(shard.removed)
        for number, row in enumerate(shard.sources(columns).to_pylist()):
            if number not in gone and row["bbox"]:
                items.append(_item(f"{shard.name[:12]}-{number}", row))
    return {}, json.dumps(items).encode()


def _item(name: str, row: dict[str, Any]) -> dict[str, Any]:
    west, south, east, north = (row["bbox"][edge] for edge in BOX)
    shape = ground_of((west, south, east, north))
    moment = row["time"]
    times = {"datetime": utc_text(moment)} if moment else {
        "datetime": None, "start_datetime": "1900-01-01T00:00:00Z", "end_datetime": "2100-01-01T00:00:00Z",
    }  # fmt: skip
    return {
        "id": name,
        "bbox": [west, south, east, north],
        "geometry": json.loads(shapely.to_geojson(shape)),
        "properties": {
            **times, "title": Path(row["source"]).name, "geoglot:chips": row["chips"], "geoglot:scale_m": row["scale_m"]
        },
        "assets": {"data": {"href": source_uri(row["source"]), "roles": ["data"]}},
    }  # fmt: skip
