"""Strips of rows to one Cloud-Optimised GeoTIFF, without ever holding the raster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.windows import Window as RasterioWindow

from geoglot.geo import Grid
from geoglot.outputs.atomic import appears, disk_errors
from geoglot.outputs.legend import OTHER_COLOUR, Legend
from geoglot.settings import load_settings
from geoglot.silence import ignore_library_warnings

_ANYWHERE = Affine(2, 0, 0, 0, -2, 0)  # any place: GDAL warns of a raster that has none
_BLOCK_BYTES = 8_000_000
_GDAL_TYPES = {"uint8": "Byte", "uint16": "UInt16", "float32": "Float32"}


@dataclass(frozen=True)
class Layer:
    """What a raster holds beside its pixels."""

    grid: Grid
    dtype: str
    nodata: int | float
    bands: tuple[str, ...]
    legend: Legend | None = None
    """Colours and names of a class map."""
    tags: tuple[tuple[str, str], ...] = ()


def encode_strip(pixels: np.ndarray) -> bytes:
    """Rows `(bands, rows, cols)` as a compressed GeoTIFF in memory.

    In memory since GDAL may swallow a failed write when it closes a file; Python does not.
    """
    bands, rows, cols = pixels.shape
    profile = {"driver": "GTiff", "width": cols, "height": rows, "count": bands, "dtype": pixels.dtype.name}
    with MemoryFile() as memory:
        with memory.open(**profile, transform=_ANYWHERE, compress="zstd", zstd_level=1, interleave="band") as dataset:
            dataset.write(pixels)
        return bytes(memory.read())


def read_strip(path: Path) -> np.ndarray:
    """The rows `(bands, rows, cols)` of a strip."""
    with rasterio.open(path, driver="GTiff") as dataset:
        pixels: np.ndarray = dataset.read()
    return pixels


def read_block(path: Path, rows: slice, cols: slice) -> np.ndarray:
    """A block of the first band of a strip, as far down as the strip reaches."""
    with rasterio.open(path, driver="GTiff") as dataset:
        height, width = min(rows.stop, dataset.height) - rows.start, cols.stop - cols.start
        if height <= 0:
            return np.empty((0, width), dataset.dtypes[0])
        block: np.ndarray = dataset.read(1, window=RasterioWindow(cols.start, rows.start, width, height))
    return block


def write_cog(strips: Sequence[Path], layer: Layer, output: Path) -> None:
    """Join strips that follow each other downwards into a tiled, compressed COG with overviews."""
    resampling = "NEAREST" if layer.legend else "AVERAGE"
    predictor = "FLOATING_POINT" if layer.dtype.startswith("float") else "NO"
    options = {"COMPRESS": "ZSTD", "PREDICTOR": predictor, "BLOCKSIZE": str(_block_size(layer)), "BIGTIFF": "IF_SAFER"}
    options |= {"OVERVIEW_RESAMPLING": resampling, "NUM_THREADS": "2"}
    cache = load_settings().raster_cache_mb * 2**20  # rasterio hands it to GDAL as bytes
    foreign = (RasterioError, CPLE_BaseError)  # rasterio's copy lets GDAL's own errors through
    # No remarks: a map without a CRS is meant to have none; the user was told when its source was opened.
    with (
        appears(output) as temporary,
        disk_errors(output, *foreign),
        ignore_library_warnings(),
        rasterio.Env(GDAL_CACHEMAX=cache),
    ):
        names = Path(f"{temporary}.aux.xml")  # where GDAL keeps class names
        with rasterio.open(_mosaic_xml(strips, layer), driver="VRT") as mosaic:
            rasterio.shutil.copy(mosaic, temporary, driver="COG", **options)
        _verify(temporary)
        if names.exists():
            names.replace(f"{output}.aux.xml")


def _block_size(layer: Layer) -> int:
    """512 px; less for many bands, since a block holds all of them and GDAL several blocks."""
    size = 512
    while size > 128 and size * size * len(layer.bands) * np.dtype(layer.dtype).itemsize > _BLOCK_BYTES:
        size //= 2
    return size


def _verify(path: Path) -> None:
    """Read every block back: GDAL may close a file on a full disk without a word."""
    with rasterio.open(path, driver="GTiff") as dataset:
        for _, window in dataset.block_windows(1):
            dataset.read(window=window)


def _mosaic_xml(strips: Sequence[Path], layer: Layer) -> str:
    """A GDAL virtual raster over the strips. It names only our own files, so the driver is safe here."""
    rows, cols = layer.grid.shape
    srs = f"<SRS>{escape(layer.grid.crs.to_wkt())}</SRS>" if layer.grid.crs else ""
    transform = ", ".join(repr(value) for value in layer.grid.transform.to_gdal())
    sources = _strip_sources(strips, cols)
    tags = "".join(f"<MDI key={quoteattr(key)}>{escape(value)}</MDI>" for key, value in layer.tags)
    bands = "".join(_band_xml(layer, index, sources) for index in range(1, len(layer.bands) + 1))
    return (
        f'<VRTDataset rasterXSize="{cols}" rasterYSize="{rows}">{srs}<GeoTransform>{transform}</GeoTransform>'
        f"<Metadata>{tags}</Metadata>{bands}</VRTDataset>"
    )


def _strip_sources(strips: Sequence[Path], cols: int) -> list[tuple[Path, str]]:
    """Each strip with the XML that says which rows of the mosaic it fills."""
    placed, top = [], 0
    for path in strips:
        with rasterio.open(path, driver="GTiff") as dataset:
            height = dataset.height
        size = f'xSize="{cols}" ySize="{height}"'
        rect = f'<SrcRect xOff="0" yOff="0" {size}/><DstRect xOff="0" yOff="{top}" {size}/>'
        placed.append((path, rect))
        top += height
    return placed


def _band_xml(layer: Layer, band: int, sources: Sequence[tuple[Path, str]]) -> str:
    parts = "".join(
        f'<SimpleSource><SourceFilename relativeToVRT="0">{escape(str(path.resolve()))}</SourceFilename>'
        f"<SourceBand>{band}</SourceBand>{rect}</SimpleSource>"
        for path, rect in sources
    )
    return (
        f'<VRTRasterBand dataType="{_GDAL_TYPES[layer.dtype]}" band="{band}">'
        f"<Description>{escape(layer.bands[band - 1])}</Description><NoDataValue>{layer.nodata}</NoDataValue>"
        f"{_legend_xml(layer.legend)}{parts}</VRTRasterBand>"
    )


def _legend_xml(legend: Legend | None) -> str:
    if legend is None:
        return ""
    entries = "".join(f'<Entry c1="{r}" c2="{g}" c3="{b}" c4="255"/>' for r, g, b in (OTHER_COLOUR, *legend.colours))
    names = "".join(f"<Category>{escape(name)}</Category>" for name in (legend.rest, *legend.names))
    return f"<ColorInterp>Palette</ColorInterp><ColorTable>{entries}</ColorTable><CategoryNames>{names}</CategoryNames>"
