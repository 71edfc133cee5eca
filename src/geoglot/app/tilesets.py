"""OGC API Tiles: pictures of scenes, scores and maps, as tiles of the grid of web maps."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from geoglot.app.features import find_collection
from geoglot.app.mercator import DEEPEST, SIDE, WIDTH
from geoglot.app.routes_jobs import map_tile, score_tile
from geoglot.app.routes_scenes import scene_tile
from geoglot.app.select_features import link
from geoglot.app.state import Base, TheState, TilePlace
from geoglot.app.workspace import UnknownId

router = APIRouter(prefix="/ogc", tags=["OGC API"])
_QUAD = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
_MERCATOR = "http://www.opengis.net/def/crs/EPSG/0/3857"


@router.get("/collections/{name}/map/tiles")
async def tilesets(name: str, state: TheState, base: Base) -> dict[str, Any]:
    """The sets of tiles of a collection: one."""
    return {"tilesets": [await tileset(name, state, base)]}


@router.get("/collections/{name}/map/tiles/WebMercatorQuad")
async def tileset(name: str, state: TheState, base: Base) -> dict[str, Any]:
    """The tiles of a collection on the grid of web maps."""
    found = await find_collection(name, state)
    own = f"{base}/ogc/collections/{name}/map/tiles/WebMercatorQuad"
    template = link("item", f"{own}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}", "image/png", templated=True)
    return {
        "title": found.title, "dataType": "map", "crs": _MERCATOR, "tileMatrixSetURI": _QUAD,
        "links": [link("self", own), template,
                  link("http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme",
                        f"{base}/ogc/tileMatrixSets/WebMercatorQuad")],
    }  # fmt: skip


@router.get("/collections/{name}/map/tiles/WebMercatorQuad/{z}/{y}/{x}", response_class=Response)
async def tile(name: str, place: TilePlace, state: TheState) -> Response:
    """A tile; row before column, as OGC has it."""
    found = await find_collection(name, state)
    if found.scene is not None:
        return await scene_tile(found.id, place, state)
    if found.job is not None and found.index is not None:
        return await score_tile(found.job.id, found.index, place, state)
    if found.job is None or found.has_features:
        raise UnknownId(f"{name} has features, and no tiles")
    return await map_tile(found.job.id, place, state)


@router.get("/tileMatrixSets")
async def tile_matrix_sets(base: Base) -> dict[str, Any]:
    """The grids of tiles: one."""
    own = f"{base}/ogc/tileMatrixSets/WebMercatorQuad"
    return {"tileMatrixSets": [{"id": "WebMercatorQuad", "uri": _QUAD, "links": [link("self", own)]}]}


@router.get("/tileMatrixSets/WebMercatorQuad")
async def web_mercator_quad() -> dict[str, Any]:
    """The grid of web maps."""
    matrices = [
        {
            "id": str(z), "cellSize": WIDTH / SIDE / 2**z, "scaleDenominator": WIDTH / SIDE / 2**z / 0.00028,
            "pointOfOrigin": [-WIDTH / 2, WIDTH / 2], "tileWidth": SIDE, "tileHeight": SIDE,
            "matrixWidth": 2**z, "matrixHeight": 2**z,
        }
        for z in range(DEEPEST + 1)
    ]  # fmt: skip
    return {
        "id": "WebMercatorQuad",
        "uri": _QUAD,
        "crs": _MERCATOR,
        "orderedAxes": ["X", "Y"],
        "tileMatrices": matrices,
    }
