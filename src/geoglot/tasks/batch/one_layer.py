"""The polygons of all scenes of a batch as one layer, in which a column names the scene."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely

from geoglot.crs import LONLAT
from geoglot.errors import InputError
from geoglot.lonlat import project_to_lonlat
from geoglot.outputs.legend import Legend
from geoglot.outputs.made import Made
from geoglot.outputs.styles import make_style
from geoglot.outputs.vector_files import write_frames
from geoglot.outputs.vector_names import explain_format
from geoglot.sources.vectors import read_vectors
from geoglot.tasks.batch.work import Outcome

_ENDINGS = (".gpkg", ".geojson", ".fgb", ".parquet", ".shp")  # of files of polygons that can be read again
#: For each door that makes polygons of names: the layer, and where its document has the names
_LAYERS: dict[str, tuple[str, str]] = {"segment": ("classes", "classes"), "find": ("objects", "counts")}


def check_layer(door: str, ending: str | None, folder: Path | None) -> None:
    """Before any work, InputError if scenes would have no polygons of their own that can be joined."""
    if door not in _LAYERS:
        raise InputError(f"one layer of all scenes is for {' and '.join(_LAYERS)}, got {door}")
    if folder is None:
        raise InputError("one layer of all scenes joins the files of each; give a folder for these, such as -o found/")
    if ending not in _ENDINGS:
        raise InputError(
            f"one layer of all scenes joins the polygons of each, which must end in {', '.join(_ENDINGS)}, got "
            f"{ending or 'none'}; give --polygons .gpkg"
        )


def write_layer(made: Made, door: str, outcomes: Sequence[Outcome], files: Mapping[str, Path]) -> tuple[str, ...]:
    """Write the polygons of all scenes in degrees, as their CRSs may differ; returns notes on what is not in it.

    `files` are those of the scenes by name.
    """
    layer, key = _LAYERS[door]
    documents = {each.scene.name: each.document for each in outcomes if each.document}
    names = tuple(dict.fromkeys(name for document in documents.values() for name in _names(document[key])))
    notes, columns = list[str](), dict[str, None]()

    def tell(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        columns.update(dict.fromkeys(frame.columns.drop("geometry")))
        return frame

    frames = map(tell, _frames({name: files[name] for name in documents}, made.output.name, notes))
    with made.writing(made.output) as draft:
        write_frames(frames, draft, layer, make_style(Legend(names), range(1, len(names) + 1)))
    made.finish({"scenes": list(documents)})
    return (*notes, *explain_format(made.output, columns, names))


def _names(listed: Any) -> list[str]:
    return [each["name"] if isinstance(each, dict) else each for each in listed]


def _has_place(polygons: gpd.GeoDataFrame) -> bool:
    """Whether polygons have a CRS of their own: GeoJSON is read in degrees, even if it holds pixels, without areas."""
    return polygons.crs is not None and bool(polygons["area_m2"].notna().any())


def _frames(files: Mapping[str, Path], target: str, notes: list[str]) -> Iterator[gpd.GeoDataFrame]:
    """The polygons of each scene; if there are none at all, a frame without any."""
    some = False
    for scene, path in files.items():
        try:
            frame = read_vectors(path)
            if len(frame) and not _has_place(frame):
                raise InputError("it has no CRS, so its polygons have no place among the others")
        except InputError as error:
            notes.append(f"{scene} is not in {target}: {error}")
            continue
        if len(frame):
            some = True
            places = project_to_lonlat(frame.geometry.to_numpy(), frame.crs)
            whole = [shapely.multipolygons(shapely.get_parts([place])) for place in places]  # one type for all
            named = frame.drop(columns=frame.geometry.name)
            named.insert(0, "scene", scene)
            yield gpd.GeoDataFrame(named, geometry=whole, crs=LONLAT)
    if not some:
        yield gpd.GeoDataFrame({"scene": [], "name": []}, geometry=[], crs=LONLAT)
