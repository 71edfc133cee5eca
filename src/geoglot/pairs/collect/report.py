"""Stage `report`: one HTML file, which loads no other, with what was collected and what was left out."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from geoglot.figures import format_count
from geoglot.outputs.atomic import write_bytes
from geoglot.pairs.collect.contact_sheet import CARDS, contact_sheet
from geoglot.pairs.collect.split import BORDER, SETS
from geoglot.pairs.collect.stage import Collection, Outcome
from geoglot.pairs.collect.svg_figures import histogram, point_map
from geoglot.pairs.pair_store import PairSet

_MOST_LINES = 50  # shown of each list
#: Records of the stages that the report covers
RECORDS = tuple(f"stages/{name}.json" for name in ("places", "photos", "filters", "tiles", "imagery", "split"))
_COLOURS = {"train": "#2f8f4e", "validation": "#d98a00", "test": "#c0392b"}
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:940px;margin:2em auto;padding:0 1em;color:#222}"
    "h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}table{border-collapse:collapse}"
    "td,th{padding:.15em .8em .15em 0;text-align:left;vertical-align:top}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}"
    "img,svg{max-width:100%;height:auto}small{color:#666}"
)


def write_report(collection: Collection) -> Outcome:
    """Run the stage."""
    sets = {name: PairSet.open(collection.folder / name) for name in SETS if (collection.folder / name).is_dir()}
    links = pd.concat([_read_links(pairs) for pairs in sets.values()], ignore_index=True)
    per_tile = links.groupby("id").size().to_numpy()
    sheet = base64.b64encode(contact_sheet(sets)).decode()
    parts = [
        f"<h1>Pairs: {escape(collection.recipe.name)}</h1><p>{_sentence(sets, links)}</p>",
        "<h2>Where</h2>", _map(collection),
        "<h2>Counts at every stage</h2>", _stages(collection),
        "<h2>Photos a tile</h2>", histogram(per_tile, (1, 2, 3, 4, 6, 11, 16, 21, 26)),
        "<h2>Days between photo and scene</h2>", _gaps(links),
        "<h2>Licences</h2>", _licences(links),
        f'<h2>Tiles and their photos</h2><img alt="tiles with their photos" src="data:image/jpeg;base64,{sheet}">',
        "<p><small>A number on a tile is where the photo of that number was taken. Photos may be used as their "
        "licences say; photos.parquet names author, licence and page of each.</small></p>",
    ]  # fmt: skip
    title = f"<title>{escape(collection.recipe.name)}</title>"
    head = f'<!doctype html><html lang="en"><meta charset="utf-8">{title}<style>{_STYLE}</style><body>'
    write_bytes(collection.folder / "report.html", f"{head}{''.join(parts)}</body></html>\n".encode())
    return Outcome({"cards": min(CARDS, sum(pairs.tiles for pairs in sets.values()))})


def _read_links(pairs: PairSet) -> Any:
    parts = []
    for shard in pairs.shards:
        tiles, photos = shard.tile_table().to_pandas(), shard.photo_table().to_pandas()
        scene = tiles[["id", "scene_time", "cloud"]].iloc[photos["tile"]].reset_index(drop=True)
        parts.append(pd.concat([photos, scene], axis=1))
    return pd.concat(parts, ignore_index=True)


def _sentence(sets: Mapping[str, PairSet], links: Any) -> str:
    some = next(iter(sets.values()))
    sizes = ", ".join(f"{pairs.tiles:,} for {name}" for name, pairs in sets.items())
    tiles, users = sum(pairs.tiles for pairs in sets.values()), links[links["user"] != ""]["user"].nunique()
    by = f" by {format_count(users, 'user')}" if users else ""
    return (
        f"{format_count(tiles, 'tile')} ({sizes}) of {some.side} px at {some.resolution:g} m, with "
        f"{format_count(links['photo'].nunique(), 'photo')}{by} in {format_count(len(links), 'link')}. "
        "No photo and no ground is in two of the sets."
    )


def _map(collection: Collection) -> str:
    places, tiles = collection.table("places"), collection.table("tiles").merge(collection.table("split"), on="id")
    layers = {"places searched": ("#bbb", 1.5, places[["lon", "lat"]].to_numpy())} if len(places) else {}
    titles = {name: (f"{name} tiles", colour) for name, colour in _COLOURS.items()}
    for name, (title, colour) in (titles | {BORDER: ("on a border", "#8e44ad")}).items():
        members = tiles[tiles["set"] == name]
        if len(members):
            layers[title] = (colour, 2.5, members[["lon", "lat"]].to_numpy())
    return point_map(layers)


def _stages(collection: Collection) -> str:
    rows, failed, unused = [], [], []
    for path in (collection.folder / name for name in RECORDS):
        record = json.loads(path.read_bytes())
        rows += [(path.stem, name, f"{number:,}") for name, number in record["counts"].items()]
        failed += record["failed"]
        unused += record.get("unused", [])
    lists = _list("Failures that the next run tries again", failed) + _list("Inputs that cannot be used", unused)
    return _table(("stage", "", ""), rows) + lists


def _list(head: str, lines: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines[:_MOST_LINES])
    return f"<p>{head} ({len(lines):,}):</p><ul>{items}</ul>" if lines else ""


def _gaps(links: Any) -> str:
    taken, seen = (pd.to_datetime(links[name].str[:19], errors="coerce") for name in ("time", "scene_time"))
    days = np.asarray((seen - taken).abs().dt.total_seconds() / 86_400)
    known = days[np.isfinite(days)]
    spans = histogram(known, (0, 8, 31, 91, 181, 366, 731, 1826))
    median = f"The median is {np.median(known):,.0f} days." if len(known) else ""
    return f"{spans}<p>{median} It is unknown for {len(days) - len(known):,} of {format_count(len(days), 'link')}.</p>"


def _licences(links: Any) -> str:
    photos = links.drop_duplicates("photo")
    columns = {"licence": photos["licence"].replace("", "not known"), "source": photos["source"]}
    counts = [(column, values.value_counts()) for column, values in columns.items()]
    rows = [(column, str(name), f"{number:,}") for column, names in counts for name, number in names.items()]
    return _table(("", "photos of", ""), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """An HTML table whose last column holds numbers."""
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row[:-1]) + f"<td class=n>{escape(row[-1])}</td></tr>"
        for row in rows
    )
    return f"<table><tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>{body}</table>"
