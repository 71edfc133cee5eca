import re
import sys
from importlib.metadata import PackageNotFoundError, distributions, packages_distributions
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

import geoglot
from geoglot import installation
from geoglot.installation import extras, install_command, missing_package, name_of, packages_of, required_packages


def test_packages_and_extras_come_from_the_metadata() -> None:
    assert {"torch", "rasterio", "click"} <= {name_of(line) for line in required_packages()}
    assert {name_of(line) for line in required_packages("onnx")} == {"onnx", "onnxruntime", "onnxscript"}
    assert "onnx" in extras() and not any("extra" in line for line in required_packages())


@pytest.mark.parametrize(
    ("line", "name"), [("ray[data]>=2.60", "ray"), ("h5py", "h5py"), ("pystac-client>=0.9", "pystac-client")]
)
def test_a_requirement_has_a_name(line: str, name: str) -> None:
    assert name_of(line) == name


def test_without_metadata_the_extra_itself_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def uninstalled(name: str) -> list[str]:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(installation, "requires", uninstalled)
    monkeypatch.setattr(installation, "metadata", uninstalled)
    assert packages_of("onnx") == ["geoglot[onnx]"] and extras() == []


def test_the_command_is_that_of_this_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert install_command("h5py", "ray[data]>=2") == f'"{sys.executable}" -m pip install h5py "ray[data]>=2"'
    monkeypatch.setattr(installation, "find_spec", lambda name: None)
    assert install_command("h5py") == f'uv pip install --python "{sys.executable}" h5py'
    place = tmp_path / "geoglot"
    place.mkdir()
    (place / "pipx_metadata.json").touch()
    monkeypatch.setattr(sys, "prefix", str(place))
    assert install_command("h5py>=3.10") == 'pipx inject geoglot "h5py>=3.10"'


@pytest.mark.parametrize(
    ("error", "package"),
    [
        (ModuleNotFoundError("no", name="huggingface_hub.errors"), "huggingface-hub"),
        (ModuleNotFoundError("no", name="geoglot.nothing"), ""),
        (ModuleNotFoundError("no"), ""),
        (ImportError("no", name="torch"), ""),
    ],
)
def test_an_absent_package_is_known_by_its_module(error: ImportError, package: str) -> None:
    assert missing_package(error) == package


def test_every_required_package_is_known_by_the_modules_that_geoglot_imports() -> None:
    source = Path(geoglot.__file__).parent
    code = "\n".join(path.read_text(encoding="utf-8") for path in source.rglob("*.py"))
    imported = set(re.findall(r"^\s*(?:from|import) (\w+)", code, re.MULTILINE))
    required = set(map(name_of, required_packages()))
    brought = {
        module: packages[0].lower().replace("_", "-")
        for module, packages in packages_distributions().items()
        if module in imported
    }
    wanted = {module: package for module, package in brought.items() if package in required}
    assert {"PIL", "skimage", "yaml", "huggingface_hub"} <= set(wanted)
    assert {module: missing_package(ModuleNotFoundError("no", name=module)) for module in wanted} == wanted


def test_the_oldest_python_can_have_every_locked_package() -> None:
    """`make demo` on Debian 12, whose Python is 3.11.2, stops at a pin that asks for a later one."""
    lock = Path(__file__).parents[1] / "requirements/constraints.txt"
    locked = dict(line.lower().split("==") for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line)
    here = {each.name.lower(): each for each in distributions()}
    same = [here[name] for name, version in locked.items() if name in here and here[name].version == version]
    assert len(same) > 50
    refused = [each.name for each in same if "3.11.0" not in SpecifierSet(each.metadata["Requires-Python"] or "")]
    assert refused == []
