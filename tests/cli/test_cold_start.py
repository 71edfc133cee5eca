"""What a command does not need, it does not import: that decides how soon it begins."""

import subprocess
import sys
from pathlib import Path

import pytest

from geoglot.index.build.build import add
from worlds import crop_demo

TABLES = {"geopandas", "pandas", "pyarrow", "pyogrio"}
ALGORITHMS = {"skimage", "sklearn", "scipy.optimize", "scipy.spatial", "scipy.stats", "scipy.sparse"}
PICTURES = {"matplotlib", "folium", "rich"}
NETWORKS = {"transformers", "huggingface_hub", "torchvision", "onnxruntime", "torch._dynamo", "sympy"}
SERVERS = {"starlette", "uvicorn", "requests", "httpx"}
MODELS = {"torch", "rasterio", "scipy", "tokenizers", "safetensors"}
ALWAYS = PICTURES | NETWORKS | SERVERS

CODE = """
import sys
from geoglot.cli.main import cli
try:
    cli(sys.argv[2:])
except SystemExit as end:
    assert end.code == 0, end.code
print("imported:", *(set(sys.argv[1].split(",")) & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return crop_demo(tmp_path_factory.mktemp("demo") / "scene.tif")


def imported(unneeded: set[str], *arguments: str | Path) -> list[str]:
    """Which of these modules a command imports in a new process."""
    command = [sys.executable, "-c", CODE, ",".join(unneeded), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.rpartition("imported:")[2].split())


def test_help() -> None:
    numbers = {"torch", "numpy", "scipy", "rasterio", "pyproj", "shapely", "PIL", "tokenizers", "pydantic"}
    assert imported(ALWAYS | TABLES | ALGORITHMS | numbers, "--help") == []


def test_a_map_without_polygons(scene: Path, tmp_path: Path) -> None:
    words = ["--classes", "trees, grass, road, building", "-o", tmp_path / "map.tif"]
    assert imported(ALWAYS | TABLES | ALGORITHMS, "segment", scene, *words) == []


def test_what_a_raster_holds(scene: Path) -> None:
    assert imported(ALWAYS | TABLES | ALGORITHMS | {"scipy"}, "info", scene) == []


def test_labels_of_windows(scene: Path) -> None:
    assert imported(ALWAYS | TABLES | ALGORITHMS, "classify", scene, "--classes", "trees, road") == []


def test_objects(scene: Path, tmp_path: Path) -> None:
    """They are a table of GeoPandas, and touching ones are split by scikit-image."""
    unneeded = ALWAYS | {"sklearn", "scipy.optimize", "scipy.stats"}
    assert imported(unneeded, "find", scene, "building", "-o", tmp_path / "found.gpkg") == []


def test_a_search_in_an_archive(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its table is one of Arrow. The second time no model is needed, nor is the scene read."""
    monkeypatch.setenv("GEOGLOT_CACHE", str(tmp_path / "cache"))
    add(tmp_path / "archive", [scene])
    unneeded = ALWAYS | TABLES - {"pyarrow"} | ALGORITHMS
    assert imported(unneeded, "search", tmp_path / "archive", "trees") == []
    assert imported(unneeded | MODELS, "search", tmp_path / "archive", "trees") == []
