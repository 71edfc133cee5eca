"""Rasters that try to make GDAL and PROJ ask a server, open another file, or wait without end."""

from __future__ import annotations

import os
import shutil
import struct
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

_DRIVERS = {"tif": "GTiff", "png": "PNG", "jpg": "JPEG", "webp": "WEBP", "jp2": "JP2OpenJPEG"}
_VRT = (
    '<VRTDataset rasterXSize="64" rasterYSize="64"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
    "<SourceFilename>{}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
)
_WMS = '<GDAL_WMS><Service name="TMS"><ServerUrl>{}/${{z}}/${{x}}/${{y}}.png</ServerUrl></Service></GDAL_WMS>'
_GRIDS = (
    'PROJCS["x",GEOGCS["y",DATUM["z",SPHEROID["G",6378137,298.257],EXTENSION["PROJ4_GRIDS","{}"]],PRIMEM["G",0],'
    'UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],UNIT["metre",1]]'
)
_OVERVIEWS = '<PAMDataset><Metadata domain="{}"><MDI key="{}">{}</MDI></Metadata></PAMDataset>'


def write_raster(path: Path, placed: bool = True, **overviews: str) -> Path:
    """An honest picture of noise, in the format of its ending, whose metadata may name its overviews."""
    place = {"crs": "EPSG:32631", "transform": Affine(10, 0, 5e5, 0, -10, 5e6)} if placed else {}
    form = {"width": 64, "height": 64, "count": 3, "dtype": "uint8", "driver": _DRIVERS[path.suffix[1:]]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **form, **place) as dataset:
            dataset.write(np.random.default_rng(0).integers(1, 255, (3, 64, 64), dtype=np.uint8))
            if overviews:
                dataset.update_tags(ns="OVERVIEWS", **overviews)
    if not placed:
        Path(f"{path}.aux.xml").unlink(missing_ok=True)
    return path


def write_hostile_rasters(folder: Path, url: str, other: Path) -> list[Path]:
    """One raster of each kind, each in a folder of its own; `url` and `other` are what they try to open."""
    builders = [*_overviews(url, other), *_sidecars(url), *_crs(url, folder / "pipe"), *_pipes(), *_texts(url)]
    os.mkfifo(folder / "pipe")
    made = []
    for number, (name, build) in enumerate(builders):
        place = folder / f"{number:03}"
        place.mkdir()
        build(place / name)
        made.append(place / name)
    return made


Builders = Iterator[tuple[str, Callable[[Path], object]]]


def _overviews(url: str, other: Path) -> Builders:
    """Another raster as the overviews: in the file, or beside it."""
    remote = f"{url}/a.tif"
    targets = (
        remote, f"/vsicurl/{remote}", f"/vsicurl_streaming/{remote}", f"vrt:///vsicurl/{remote}", f"WMS:{url}/w?",
        f"WMTS:{url}/w", f"WCS:{url}/w", f'STACTA:"{url}/a.json"', f'ZARR:"/vsicurl/{url}/z"', f"PLMosaic:{url}",
        f'NETCDF:"{url}/a.nc":b', f"/vsizip//vsicurl/{url}/a.zip/a.tif", f"GTIFF_DIR:1:/vsicurl/{remote}",
        _VRT.format(f"/vsicurl/{remote}"), _WMS.format(url), str(other), "/vsistdin/",
    )  # fmt: skip
    for target in targets:
        yield "a.tif", lambda path, target=target: write_raster(path, OVERVIEW_FILE=target)
        text = _OVERVIEWS.format("overviews", "overview_file", escape(target))
        yield "a.tif", lambda path, text=text: Path(f"{write_raster(path)}.aux.xml").write_text(text)
    for ending in _DRIVERS:
        for placed in (True, False):
            yield f"a.{ending}", lambda path, placed=placed: _add_overview_file(path, placed, remote)


def _add_overview_file(path: Path, placed: bool, target: str) -> None:
    beside = Path(f"{write_raster(path, placed)}.aux.xml")
    item = f'<Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">{target}</MDI></Metadata></PAMDataset>'
    text = beside.read_text() if beside.exists() else "<PAMDataset></PAMDataset>"
    beside.write_text(text.replace("</PAMDataset>", item))


def _sidecars(url: str) -> Builders:
    """Overviews and masks that are no TIFFs, or TIFFs that name another raster, and a file of ERDAS."""
    for suffix in (".ovr", ".OVR", ".msk", ".ovr.ovr", ".msk.ovr", ".ovr.msk"):
        for text in (_VRT.format(f"/vsicurl/{url}/a.tif"), _WMS.format(url)):
            yield "a.tif", lambda path, suffix=suffix, text=text: _put_beside(path, suffix, text)
    for suffix in (".ovr", ".msk"):
        yield (
            "a.tif",
            lambda path, suffix=suffix: _put_beside(
                path, f"{suffix}.aux.xml", _OVERVIEWS.format("OVERVIEWS", "OVERVIEW_FILE", f"{url}/a.tif")
            ),
        )
    for ending in ("tif", "png", "jp2"):
        yield f"a.{ending}", lambda path: write_erdas_aux(write_raster(path, False))


def write_erdas_aux(path: Path) -> Path:
    """Overviews in an .aux, as ERDAS and ArcGIS wrote them beside an image, whose name has five letters here."""
    place = path.parent / "erdas"
    place.mkdir()
    with rasterio.Env(USE_RRD="YES"), rasterio.open(write_raster(place / "a.tif"), "r+") as dataset:
        dataset.build_overviews([2])
    body = (place / "a.aux").read_bytes()
    path.with_suffix(".aux").write_bytes(body.replace(b"a.tif\0", path.name.encode().ljust(6, b"\0")))
    shutil.rmtree(place)
    return path


def _put_beside(path: Path, suffix: str, text: str) -> None:
    write_raster(path)
    if suffix.count(".") > 1:
        inner = path.with_name("b.tif")
        write_raster(inner).rename(f"{path}{suffix[:4]}")
    Path(f"{path}{suffix}").write_text(text)


def _crs(url: str, pipe: Path) -> Builders:
    """A CRS that is at an address, or names a file of shifts."""
    shifts = "+proj=longlat +ellps=GRS80 +nadgrids="
    files = (f"+init={pipe}:1", f"{shifts}{pipe}", f"{shifts}{url}/g.tif", _GRIDS.format(pipe))
    for crs in files:
        yield "a.png", lambda path, crs=crs: _place(path).with_suffix(".prj").write_text(crs)
        srs = f"<PAMDataset><SRS>{escape(crs).replace('+', '&#43;')}</SRS></PAMDataset>"
        yield "a.png", lambda path, srs=srs: Path(f"{_place(path)}.aux.xml").write_text(srs)
    yield "a.png", lambda path: _place(path).with_suffix(".prj").write_text(f"{url}/crs")
    for crs in (*files, f"{url}/crs", f"/vsicurl/{url}/crs"):
        projection = escape(crs, {'"': "&quot;"})
        points = f'<GCPList Projection="{projection}"><GCP Id="1" Pixel="0" Line="0" X="0" Y="0"/></GCPList>'
        points = f"<PAMDataset>{points}</PAMDataset>"
        yield "a.tif", lambda path, points=points: Path(f"{write_raster(path, False)}.aux.xml").write_text(points)


def _place(path: Path) -> Path:
    path.with_suffix(".pgw").write_text("1\n0\n0\n-1\n500000\n5000000\n")
    return write_raster(path, placed=False)


def _pipes() -> Builders:
    """Pipes that are named like the files that GDAL reads beside an image."""
    names = (
        "a.tif.aux.xml", "a.aux", "a.tif.AUX", "a.xml", "a.XML", "a.IMD", "a.rpb", "a.RPC", "a.pass", "a.tab",
        "a_rpc.txt", "a_RPC.TXT", "a_metadata.txt", "a_METADATA.txt", "a_metadata.xml", "a_MTL.txt", "summary.txt",
        "METADATA.DIM", "a.tfw", "a.prj",
    )  # fmt: skip
    for name in names:
        yield "a.tif", lambda path, name=name: os.mkfifo(write_raster(path, False).with_name(name))


def _texts(url: str) -> Builders:
    """Files of other formats by the name of a TIFF, and a JPEG 2000 that has metadata of all domains inside."""
    yield "a.tif", lambda path: path.write_text(_WMS.format(url))
    yield "a.tif", lambda path: path.write_text(_VRT.format(f"/vsicurl/{url}/a.tif"))
    yield "a.tif", lambda path: path.write_text(f"{url}/a.tif")
    yield (
        "a.jp2",
        lambda path: _add_box(
            path,
            f"<GDALMultiDomainMetadata>{_OVERVIEWS.format('OVERVIEWS', 'OVERVIEW_FILE', f'{url}/a.tif')[12:-13]}"
            "</GDALMultiDomainMetadata>",
        ),
    )


def _add_box(path: Path, xml: str) -> None:
    """Put a box of XML before the code stream of a JPEG 2000."""
    body = write_raster(path).read_bytes()
    at = body.index(b"jp2c") - 4
    path.write_bytes(body[:at] + struct.pack(">I4s", 8 + len(xml), b"xml ") + xml.encode() + body[at:])
