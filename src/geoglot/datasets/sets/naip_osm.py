"""NAIP-OSM: NAIP tiles at 1 m, labelled with OpenStreetMap features; GRAFT was scored on it.

Its authors never published the files, so the layout is ours: georeferenced images/NAME.tif, and osm/NAME.geojson or
.gpkg, OSM features in any CRS with their tags as columns. The tag rules are those of class_functions.py in github
ShreelekhaR/scale-aware (ICLR 2025, which credits GRAFT), including the odd ones: a residential landuse counts only on a
building, restaurants never count as commercial. Its 40 classes are the 33 of GRAFT and seven more. Also from there:
lines are buffered by 0.00012 degrees, and houses whose centres lie within 0.00163 degrees become one convex area. Two
rules are ours: where areas overlap, the smallest is on top; a pixel without a class is ignored.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from jaxtyping import Int32

from geoglot.datasets.dataset import DataSet, Mapped, Mask
from geoglot.datasets.image_files import open_native
from geoglot.errors import InputError, SourceError
from geoglot.scene.class_words import ClassWords

#: Patterns that all tags must match; of a tuple, one pattern must match
Tags = Mapping[str, str | tuple[str, ...]]

_HOUSES = (
    "apartments", "barracks", "bungalow", "cabin", "detached", "dormitory", "farm", "ger", "hotel", "house",
    "houseboat", "residential", "semidetached_house", "static_caravan", "stilt_house", "terrace", "tree_house",
)  # fmt: skip
_HOLY = ("church", "mosque", "cathedral", "synagogue", "temple", "chapel", "shrine")
_RAILS = (
    "abandoned", "construction", "disused", "funicular", "light_rail", "miniature", "monorail", "narrow_gauge",
    "preserved", "rail", "subway", "tram",
)  # fmt: skip
_GROUNDS = ("pitch", "sports_centre", "stadium")

#: Name, class word, and alternative sets of tags
RULES: tuple[tuple[str, str, tuple[Tags, ...]], ...] = (
    ("tennis", "tennis court", ({"leisure": "pitch", "sport": "*tennis*"},)),
    ("skate", "skate park", ({"leisure": "pitch", "sport": "*skateboard*"},)),
    ("amfootball", "american football field", ({"leisure": "pitch", "sport": "*american_football*"},)),
    ("swimming", "swimming pool", ({"leisure": "swimming_pool"},)),
    ("cemetery", "cemetery", ({"landuse": "cemetery"},)),
    ("garage", "multi-storey car park", ({"amenity": "parking", "parking": "multi-storey"},)),
    ("golf", "golf course", ({"leisure": "golf_course"},)),
    ("roundabout", "roundabout", ({"junction": "roundabout"},)),
    ("parkinglot", "parking lot", ({"parking": "surface"}, {"amenity": "parking"})),
    ("supermarket", "supermarket", ({"shop": "supermarket"}, {"amenity": "pharmacy"}, {"building": "retail"})),
    ("school", "school", ({"amenity": "school"},)),
    ("marina", "marina", ({"leisure": "marina"},)),
    ("baseball", "baseball field", ({"leisure": "pitch", "sport": "*baseball*"},)),
    ("fall", "waterfall", ({"waterway": "waterfall"},)),
    ("pond", "pond", ({"water": "pond"},)),
    ("airport", "airport", ({"aeroway": "aerodrome"}, {"aeroway": "runway", "surface": "paved"})),
    ("beach", "beach", ({"natural": "beach"},)),
    ("bridge", "bridge", ({"bridge": "yes"}, {"man_made": "bridge"})),
    ("religious", "religious building", ({"amenity": "place_of_worship"}, {"building": _HOLY})),
    ("residential", "residential area", ({"building": _HOUSES}, {"building": "*", "landuse": "residential"})),
    ("warehouse", "warehouse", ({"building": "warehouse"},)),
    ("office", "office building", ({"building": "office"},)),
    ("farmland", "farmland", ({"landuse": "farmland"},)),
    ("university", "university building", ({"building": "university"},)),
    ("forest", "forest", ({"landuse": "forest"}, {"natural": "wood"})),
    ("lake", "lake", ({"water": "lake"},)),
    ("naturereserve", "nature reserve", ({"leisure": "nature_reserve"},)),
    ("park", "park", ({"leisure": "park"},)),
    ("sand", "sand", ({"natural": "sand"},)),
    ("soccer", "soccer field", ({"leisure": _GROUNDS, "sport": "soccer"},)),
    ("equestrian", "equestrian ground", ({"leisure": "pitch", "sport": "equestrian"},)),
    ("shooting", "shooting range", ({"leisure": "pitch", "sport": "shooting"},)),
    ("icerink", "ice rink", ({"leisure": _GROUNDS, "sport": ("ice_skating", "ice_hockey")},)),
    ("commercialarea", "commercial area", ({"amenity": ("bar", "pub", "bank")}, {"leisure": "fitness_center"})),
    ("garden", "garden", ({"leisure": "garden"},)),
    ("dam", "dam", ({"waterway": "dam"},)),
    ("railroad", "railroad", ({"railway": _RAILS},)),
    ("highway", "highway", ({"highway": ("motorway", "trunk", "primary", "secondary", "tertiary")},)),
    ("river", "river", ({"water": "river"}, {"waterway": "river"})),
    ("wetland", "wetland", ({"natural": "wetland"},)),
)
_LINES, _MERGED = frozenset({"railroad", "highway", "river"}), "residential"
_LINE_BUFFER, _MERGE_RADIUS = 0.00012, 0.00163  # degrees


def classes_of(tags: Mapping[str, str]) -> list[str]:
    """All classes whose rule the tags of an OSM feature match."""

    def match(key: str, value: str | tuple[str, ...]) -> bool:
        patterns = (value,) if isinstance(value, str) else value
        return key in tags and any(fnmatchcase(tags[key], pattern) for pattern in patterns)

    return [
        name
        for name, _, alternatives in RULES
        if any(all(match(key, value) for key, value in wanted.items()) for wanted in alternatives)
    ]


class NaipOsm(DataSet):
    """Tiles and the OSM features in them."""

    tasks = ("segmentation",)

    def read(self, data: Path, split: str) -> Mapped:
        """All tiles by name."""
        images = sorted((data / "images").glob("*.tif"))
        if not images:
            raise self.missing("tiles images/*.tif (with their features in osm/NAME.geojson)", data)
        masks, absent = list[Mask](), list[str]()
        for image in images:
            paths = (data / "osm" / f"{image.stem}{suffix}" for suffix in (".geojson", ".gpkg"))
            if path := next((path for path in paths if path.is_file()), None):
                masks.append(partial(osm_mask, image, path))
            else:
                absent.append(image.stem)
        if absent:
            raise self.missing(f"OSM of {len(absent)} tiles, the first osm/{absent[0]}.geojson,", data)
        return Mapped(tuple(ClassWords(name, (word,)) for name, word, _ in RULES), images, masks)


def osm_mask(image: Path, features: Path) -> Int32[np.ndarray, "rows cols"]:
    """The class of each pixel of a tile as an index in RULES; -1 if it has none."""
    from rasterio.features import rasterize

    from geoglot.sources.vectors import read_vectors

    with open_native(image) as raster:
        grid = raster.grid
    if grid.crs is None:
        raise SourceError(f"{image} has no CRS, so OSM cannot be laid over it; assign one with rio edit-info")
    try:
        frame = read_vectors(features)
    except InputError as error:
        raise SourceError(f"{features} cannot be read as OSM features: {error}") from error
    if frame.crs is None:
        raise SourceError(f"{features} has no CRS; save it with one")
    shapes = areas(frame.to_crs(4326)).to_crs(grid.crs)
    shapes = shapes.iloc[np.argsort(-shapes.area.to_numpy(), kind="stable")]
    drawn = [(shape, index + 1) for shape, index in zip(shapes.geometry, shapes["class"], strict=True)]
    if not drawn:
        return np.full(grid.shape, -1, np.int32)
    mask: np.ndarray = rasterize(drawn, out_shape=grid.shape, transform=grid.transform, dtype="int32")
    return mask - 1


def areas(frame: Any) -> Any:
    """The areas of all classes, a GeoDataFrame with `class`, an index in RULES; `frame` are features in degrees."""
    import geopandas as gpd

    keys = [name for name in frame.columns if name != frame.geometry.name]
    classed: list[tuple[int, Any]] = []
    order = {name: index for index, (name, _, _) in enumerate(RULES)}
    houses = []
    for shape, values in zip(frame.geometry, frame[keys].to_dict("records"), strict=True):
        for name in classes_of({key: value for key, value in values.items() if isinstance(value, str)}):
            if name == _MERGED:
                houses.append(shape)
            elif name in _LINES:
                classed.append((order[name], shape.buffer(_LINE_BUFFER)))
            elif shape.geom_type.endswith("Polygon"):
                classed.append((order[name], shape))
    classed += [(order[_MERGED], hull) for hull in _neighbourhoods(houses)]
    indices, shapes = [index for index, _ in classed], [shape for _, shape in classed]
    return gpd.GeoDataFrame({"class": indices}, geometry=shapes, crs=4326)


def _neighbourhoods(houses: list[Any]) -> list[Any]:
    """Convex hulls of groups of houses. Houses are in one group if a chain of near centres joins them."""
    if not houses:
        return []
    points = shapely.centroid(np.array(houses, object))
    groups = shapely.get_parts(shapely.union_all(shapely.buffer(points, _MERGE_RADIUS / 2)))
    tree = shapely.STRtree(points)
    members = [tree.query(group, predicate="intersects") for group in groups]
    return [shapely.convex_hull(shapely.union_all([houses[index] for index in inside])) for inside in members]


NAIP_OSM = NaipOsm(
    name="naip-osm",
    title="NAIP-OSM",
    page="https://graft.cs.cornell.edu (not published; NAIP and OSM themselves are free)",
    resolution=(1.0, 1.0),
    splits={"all": None},
)
