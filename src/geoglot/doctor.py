"""Checks of this machine: packages, device, raster and vector formats, projections, models, cache."""

import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version

from geoglot.errors import GeoglotError
from geoglot.installation import extras, install_command, name_of, packages_of, required_packages
from geoglot.settings import load_settings

REINSTALL = "install geoglot again: pip install --force-reinstall geoglot"
RASTER_DRIVERS = ("GTiff", "COG", "PNG", "JPEG", "VRT")
VECTOR_DRIVERS = ("GPKG", "GeoJSON")
#: Required packages that maps by mini do without (docs/install.md)
SPARED = ("transformers", "huggingface-hub")
#: What each extra opens
EXTRAS = {
    "serve": "the map in a browser: geoglot serve, geoglot demo --map",
    "notebook": "figures and maps of results in notebooks: .plot(), .explore()",
    "ask": "questions whose programs run in a sandbox: geoglot ask, and a language model as planner",
    "onnx": "segmenters for other programs: geoglot export",
    "pairs": "tiles and photos from services, scenes of STAC catalogues: geoglot pairs collect, geoglot index add",
    "zarr": "archives from and to Zarr: geoglot index import and export",
    "lancedb": "archives to LanceDB: geoglot index export",
    "ray": "an archive on many machines: geoglot index add --ray",
    "gguf": "language models in GGUF files: geoglot ask --llm-model",
    "mat": "the data sets SAT-4 and SAT-6: geoglot evaluate",
    "tensorboard": "curves of trainings in TensorBoard",
}
#: What a broken installation may raise
_BROKEN = (ImportError, OSError, RuntimeError, ValueError, AttributeError, GeoglotError)


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    name: str
    ok: bool
    found: str
    """What the check saw, or what went wrong."""
    advice: str
    """What to do if it is not ok."""
    essential: bool = True
    """Whether nothing works without it."""


def examine() -> list[Check]:
    """Run all checks; a check comes after those that it depends on."""
    return [
        Check(
            "python",
            sys.version_info >= (3, 11),
            f"{platform.python_version()} on {platform.platform()}",
            "use 3.11",
        ),
        *_required(),
        _look("device", _device, REINSTALL),
        _look(
            "raster formats",
            _raster_formats,
            "use the rasterio wheel: pip install --force-reinstall rasterio",
        ),
        _look("vector formats", _vector_formats, "use the pyogrio wheel: pip install --force-reinstall pyogrio"),
        _look("projections", _projections, "unset PROJ_DATA, PROJ_LIB and GDAL_DATA: they point to another PROJ"),
        _look("bundled model", _bundled_model, REINSTALL),
        _look("other models", _other_models, "remove damaged models from the cache", essential=False),
        _look("cache", _cache, "set GEOGLOT_CACHE to a folder that can be written", essential=False),
        *(_extra(name) for name in EXTRAS if name in extras()),
    ]


def _required() -> list[Check]:
    try:
        names = [name_of(requirement) for requirement in required_packages()]
        return [replace(_package(name), essential=name not in SPARED) for name in names]
    except PackageNotFoundError:
        return [_package("geoglot")]


def _package(name: str) -> Check:
    try:
        return Check(name, True, version(name), "")
    except PackageNotFoundError:
        return Check(name, False, "not installed", install_command(name))


def _extra(extra: str) -> Check:
    """Whether the packages of an extra are here. The advice names only what is missing."""
    packages = packages_of(extra)
    missing = [package for package in packages if not _package(name_of(package)).ok]
    found = f"{EXTRAS[extra]}{' (not installed)' if missing else ''}"
    return Check(f"extra {extra}", not missing, found, install_command(*missing), essential=False)


def _look(name: str, look: Callable[[], str], advice: str, essential: bool = True) -> Check:
    try:
        return Check(name, True, look(), "", essential)
    except _BROKEN as error:
        return Check(name, False, f"{type(error).__name__}: {error}", advice, essential)


def _device() -> str:
    import torch

    from geoglot.models.lowered import has_fast_bfloat16
    from geoglot.models.zoo import choose_device

    device = choose_device(None)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    capability = torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else "float32"
    return f"{device} ({name}, {capability}, {'fast' if has_fast_bfloat16(device) else 'no fast'} bfloat16)"


def _raster_formats() -> str:
    import rasterio
    from rasterio.env import Env

    with Env() as env:
        missing = [driver for driver in RASTER_DRIVERS if driver not in env.drivers()]
    if missing:
        raise RuntimeError(f"GDAL {rasterio.__gdal_version__} lacks {', '.join(missing)}")
    return f"GDAL {rasterio.__gdal_version__}, {', '.join(RASTER_DRIVERS)}"


def _vector_formats() -> str:
    import pyogrio

    writable = [driver for driver, mode in pyogrio.list_drivers().items() if "w" in mode]
    missing = [driver for driver in VECTOR_DRIVERS if driver not in writable]
    if missing:
        raise RuntimeError(f"GDAL {pyogrio.__gdal_version_string__} cannot write {', '.join(missing)}")
    return f"GDAL {pyogrio.__gdal_version_string__}, {', '.join(VECTOR_DRIVERS)}"


def _projections() -> str:
    import pyproj
    from rasterio.crs import CRS

    # rasterio and pyproj ship a PROJ each, and an environment variable may point one to the database of the other.
    if CRS.from_epsg(32631).to_epsg() != pyproj.CRS.from_epsg(32631).to_epsg():
        raise RuntimeError("rasterio and pyproj disagree on EPSG:32631")
    return f"PROJ {pyproj.__proj_version__}"


def _bundled_model() -> str:
    from geoglot.models.stored import BUNDLED
    from geoglot.models.zoo import model_size

    return f"{BUNDLED}, {model_size(BUNDLED) / 1e6:.1f} MB"


def _other_models() -> str:
    from geoglot.models.zoo import cached_models

    return ", ".join(cached_models()) or "none yet; see: geoglot models list"


def _cache() -> str:
    folder = load_settings().cache
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    with tempfile.TemporaryFile(dir=there):
        return str(folder)
