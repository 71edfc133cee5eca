"""Join strips of rows into one Cloud-Optimised GeoTIFF, without holding the raster in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from geoglot.errors import InputError
from geoglot.geo import Grid
from geoglot.outputs.atomic import appears, check_folder, disk_errors
from geoglot.outputs.legend import Legend
from geoglot.outputs.palette import OTHER_COLOUR
from geoglot.outputs.styles import write_style
from geoglot.settings import load_settings
from geoglot.silence import ignore_library_warnings

_BLOCK_BYTES = 8_000_000
_TAG = "CLASS_"
_MOST_TAGS = 10_000  # GDAL takes n² time for n tags; the category names of the map name every class
_GDAL_TYPES = {"uint8": "Byte", "uint16": "UInt16", "float32": "Float32"}


@dataclass(frozen=True)
class Layer:
    """Everything about a raster but its pixels."""

    grid: Grid
    dtype: str
    nodata: int | float
    bands: tuple[str, ...]
    legend: Legend | None = None
    """Colours and names of a class map."""
    tags: tuple[tuple[str, str], ...] = ()
    style: str = field(default="", repr=False)
    """For QGIS, which reads it beside the raster."""


def class_tags(legend: Legend) -> tuple[tuple[str, str], ...]:
    """The names of all ids as tags of a map, CLASS_0 and on; none if they are too many."""
    names = (legend.rest, *legend.names) if len(legend.names) <= _MOST_TAGS else ()
    return tuple((f"{_TAG}{number}", name) for number, name in enumerate(names))


def tagged_names(tags: Mapping[str, str]) -> dict[int, str]:
    """The names of ids that `class_tags` gave to a map; empty for the tags of another file."""
    numbers = {key.removeprefix(_TAG): name for key, name in tags.items() if key.startswith(_TAG)}
    return {int(number): name for number, name in numbers.items() if number.isdecimal()}


def check_map(output: Path) -> None:
    """Before any work, refuse a name of a map that is no GeoTIFF, or a folder that cannot be written to."""
    if output.suffix.lower() not in (".tif", ".tiff"):
        raise InputError(f"the output must end in .tif, since the map is a GeoTIFF, got {output.name!r}")
    check_folder(output)


def write_cog(strips: Sequence[Path], layer: Layer, output: Path) -> None:
    """Join strips, given from the top, into a tiled and compressed COG with overviews."""
    resampling = "NEAREST" if layer.legend else "AVERAGE"
    predictor = "FLOATING_POINT" if layer.dtype.startswith("float") else "NO"
    options = {"COMPRESS": "ZSTD", "PREDICTOR": predictor, "BLOCKSIZE": str(_block_size(layer)), "BIGTIFF": "IF_SAFER"}
    options |= {"OVERVIEW_RESAMPLING": resampling, "NUM_THREADS": "2"}
    cache = load_settings().raster_cache_mb * 2**20  # rasterio hands it to GDAL as bytes
    foreign = (RasterioError, CPLE_BaseError)  # rasterio's copy lets GDAL's own errors through
    # No warnings: the user was told of a missing CRS when the source was opened.
    with (
        appears(output) as temporary,
        disk_errors(output, *foreign),
        ignore_library_warnings(),
        rasterio.Env(GDAL_CACHEMAX=cache),
    ):
        names = Path(f"{temporary}.aux.xml")  # GDAL keeps class names there
        with rasterio.open(_mosaic_xml(strips, layer), driver="VRT") as mosaic:
            rasterio.shutil.copy(mosaic, temporary, driver="COG", **options)
        with rasterio.open(temporary, driver="GTiff") as dataset:  # GDAL may close a file on a full disk silently
            for _, window in dataset.block_windows(1):
                dataset.read(window=window)
        if names.exists():
            names.replace(f"{output}.aux.xml")
        write_style(output, layer.style)


def _block_size(layer: Layer) -> int:
    """512 pixels, or less for many bands: a block holds all bands, and GDAL holds several blocks."""
    size = 512
    while size > 128 and size * size * len(layer.bands) * np.dtype(layer.dtype).itemsize > _BLOCK_BYTES:
        size //= 2
    return size


def _mosaic_xml(strips: Sequence[Path], layer: Layer) -> str:
    """A GDAL virtual raster over the strips. It refers to our own files only, so the driver is safe here."""
    rows, cols = layer.grid.shape
    srs = f"<SRS>{escape(layer.grid.crs.to_wkt())}</SRS>" if layer.grid.crs else ""
    transform = ", ".join(repr(value) for value in layer.grid.transform.to_gdal())
    tags = "".join(f"<MDI key={quoteattr(key)}>{escape(value)}</MDI>" for key, value in layer.tags)
    places = _place_strips(strips, cols)
    bands = "".join(_band_xml(layer, index, places) for index in range(1, len(layer.bands) + 1))
    return (
        f'<VRTDataset rasterXSize="{cols}" rasterYSize="{rows}">{srs}<GeoTransform>{transform}</GeoTransform>'
        f"<Metadata>{tags}</Metadata>{bands}</VRTDataset>"
    )


def _place_strips(strips: Sequence[Path], cols: int) -> list[tuple[Path, str]]:
    """Each strip with the XML of the rows that it fills in the mosaic."""
    placed, top = [], 0
    for path in strips:
        with rasterio.open(path, driver="GTiff") as dataset:
            height = dataset.height
        size = f'xSize="{cols}" ySize="{height}"'
        placed.append((path, f'<SrcRect xOff="0" yOff="0" {size}/><DstRect xOff="0" yOff="{top}" {size}/>'))
        top += height
    return placed


def _band_xml(layer: Layer, band: int, places: Sequence[tuple[Path, str]]) -> str:
    sources = "".join(
        f'<SimpleSource><SourceFilename relativeToVRT="0">{escape(str(path.resolve()))}</SourceFilename>'
        f"<SourceBand>{band}</SourceBand>{place}</SimpleSource>"
        for path, place in places
    )
    palette = ""
    if legend := layer.legend:
        colours, names = (OTHER_COLOUR, *legend.colours), (legend.rest, *legend.names)
        entries = "".join(f'<Entry c1="{r}" c2="{g}" c3="{b}" c4="255"/>' for r, g, b in colours)
        categories = "".join(f"<Category>{escape(name)}</Category>" for name in names)
        palette = f"<ColorInterp>Palette</ColorInterp><ColorTable>{entries}</ColorTable>"
        palette += f"<CategoryNames>{categories}</CategoryNames>"
    return (
        f'<VRTRasterBand dataType="{_GDAL_TYPES[layer.dtype]}" band="{band}">'
        f"<Description>{escape(layer.bands[band - 1])}</Description><NoDataValue>{layer.nodata}</NoDataValue>"
        f"{palette}{sources}</VRTRasterBand>"
    )
