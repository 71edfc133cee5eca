"""Archives as a STAC collection with the embeddings extension v0.0.1: an item for each part of a source.

https://github.com/geo-embeddings/embeddings-stac-specification; the vectors of an item are a GeoParquet file beside it.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geoglot.index.exchange.facts import PARTS, Summary, export_blocks, group_rows, source_uri
from geoglot.index.exchange.write_geoparquet import emb_facts, write_part
from geoglot.index.store.archive import Archive
from geoglot.outputs.atomic import disk_errors, write_json
from geoglot.times import utc_text

EXTENSION = "https://stac-extensions.github.io/embeddings/v0.0.1/schema.json"
_VERSION = "1.0.0"  # which the extension's schema asks for
_KEY = ("source", "source_sha", "scale_m", *PARTS)
_PARQUET = "application/vnd.apache.parquet"


def write_stac(archive: Archive, folder: Path) -> int:
    """Write a collection, its items and their vectors to a new folder; returns the number of items."""
    with disk_errors(folder):
        folder.mkdir()
    summary, items = Summary.of(archive), list[str]()
    emb, collection = emb_facts(archive.model, summary), _collection_id(archive)
    for vectors, table in export_blocks(archive):
        for rows in group_rows([table[name].to_pylist() for name in _KEY]).values():
            part = table.take(rows)
            name = _item_id(part)
            with disk_errors(folder / name):
                (folder / name).mkdir()
            write_part(archive.model, emb, vectors[rows], part, folder / name / f"{name}.parquet")
            write_json(folder / name / f"{name}.json", _item(name, collection, part["source"][0].as_py(), part))
            items.append(name)
    write_json(folder / "collection.json", _collection(archive, collection, summary, sorted(items)))
    return len(items)


def _item_id(part: Any) -> str:
    """A name from the source's, and a hash of all that tells parts of the same name apart."""
    source, *rest = (part[name][0].as_py() for name in _KEY)
    stem = re.sub(r"[^\w-]+", "-", Path(source).stem)[:80] or "scene"
    scale = part["scale_m"][0].as_py()
    own = repr((source, *rest, part["cell"].to_pylist()[:1]))
    return f"{stem}{f'-{scale:g}m' if scale else ''}-{hashlib.sha256(own.encode()).hexdigest()[:8]}"


def _item(name: str, collection: str, source: str, table: Any) -> dict[str, Any]:
    shapes = shapely.from_wkb(table["geometry"].drop_null().to_numpy(zero_copy_only=False))
    placed = len(shapes) > 0
    box = shapely.box(*shapely.total_bounds(shapes)) if placed else None
    return {
        "type": "Feature",
        "stac_version": _VERSION,
        "stac_extensions": [EXTENSION],
        "id": name,
        "collection": collection,
        "geometry": json.loads(shapely.to_geojson(box)) if placed else None,
        **({"bbox": np.round(shapely.total_bounds(shapes), 9).tolist()} if placed else {}),
        "properties": _properties(table),
        "links": [
            {"rel": "root", "href": "../collection.json", "type": "application/json"},
            {"rel": "parent", "href": "../collection.json", "type": "application/json"},
            {"rel": "collection", "href": "../collection.json", "type": "application/json"},
            {"rel": "emb:source-data", "href": source_uri(source)},
        ],
        "assets": {"embeddings": {"href": f"./{name}.parquet", "type": _PARQUET, "roles": ["data"]}},
    }


def _properties(table: Any) -> dict[str, Any]:
    """The time of the source; without one STAC asks for an interval, which is then all of time."""
    times = sorted(time for time in table["time"].to_pylist() if time is not None)
    if not times:
        open_end = {
            "start_datetime": "1900-01-01T00:00:00Z",
            "end_datetime": utc_text(datetime(2100, 1, 1, tzinfo=UTC)),
        }
        return {"datetime": None, **open_end, "emb:spatial_coverage": "chips of the world grid"}
    return {"datetime": utc_text(times[0]), "emb:spatial_coverage": "chips of the world grid"}


def _collection_id(archive: Archive) -> str:
    stem = re.sub(r"[^\w-]+", "-", Path(archive.place).name) or "archive"
    return f"{stem}-{re.sub(r'[^A-Za-z0-9-]+', '-', archive.model.name)[:40]}"


def _collection(archive: Archive, name: str, summary: Summary, items: list[str]) -> dict[str, Any]:
    ends = [utc_text(moment) for moment in (summary.start, summary.end)]
    return {
        "type": "Collection",
        "stac_version": _VERSION,
        "stac_extensions": [EXTENSION],
        "id": name,
        "description": f"Vectors of {archive.rows:,} chips by {archive.model.name}, written by geoglot",
        "license": "proprietary",
        "extent": {"spatial": {"bbox": [list(summary.bounds)]}, "temporal": {"interval": [ends]}},
        "emb:type": "chip",
        "emb:dimensions": archive.model.dim,
        "data_type": "float32",
        "emb:chip_layout": {"layout_type": "named_grid", "chip_size": summary.chip_size, "grid_id": summary.grid_id},
        **({"gsd": summary.gsd} if summary.gsd else {}),
        "item_assets": {"embeddings": {"type": _PARQUET, "roles": ["data"]}},
        "links": [
            {"rel": "root", "href": "./collection.json", "type": "application/json"},
            {"rel": "emb:model", "href": summary.model_uri},
            *({"rel": "emb:source-data", "href": uri} for uri in summary.source_uris),
            *({"rel": "item", "href": f"./{item}/{item}.json", "type": "application/geo+json"} for item in items),
        ],
    }
