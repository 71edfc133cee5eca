import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from geoglot import doctor
from geoglot.installation import install_command
from worlds import crop_demo


def found(name: str) -> doctor.Check:
    return next(check for check in doctor.examine() if check.name == name)


def test_this_machine_can_run_geoglot() -> None:
    ill = [check for check in doctor.examine() if not check.ok and check.essential]
    assert ill == []


def test_packages_come_from_the_metadata() -> None:
    assert {"torch", "rasterio", "click"} <= {check.name for check in doctor.examine()}


def test_an_absent_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "required_packages", lambda: ["no-such-package>=2"])
    check = found("no-such-package")
    assert (check.ok, check.essential, check.advice) == (False, True, install_command("no-such-package"))


def test_an_uninstalled_geoglot_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def uninstalled() -> list[str]:
        raise PackageNotFoundError("geoglot")

    monkeypatch.setattr(doctor, "required_packages", uninstalled)
    monkeypatch.setattr(doctor, "version", lambda name: uninstalled())
    assert not found("geoglot").ok


def test_every_extra_says_what_it_opens() -> None:
    declared = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(doctor.EXTRAS) == set(declared["project"]["optional-dependencies"])


def test_an_absent_extra_names_what_is_missing_alone_and_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "extras", lambda: ["mat"])
    monkeypatch.setattr(doctor, "packages_of", lambda extra: ["click>=8", "no-such-package>=2"])
    check = found("extra mat")
    assert (check.ok, check.essential) == (False, False) and "SAT-4" in check.found
    assert check.advice == install_command("no-such-package>=2")


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "RASTER_DRIVERS", ("GTiff", "NoSuchDriver"))
    check = found("raster formats")
    assert not check.ok
    assert "lacks NoSuchDriver" in check.found


def test_an_impossible_device_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOGLOT_DEVICE", "abacus")
    assert "abacus" in found("device").found


def test_the_cache_is_not_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GEOGLOT_CACHE", str(tmp_path / "new"))
    assert found("cache").found == str(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_a_cache_below_a_file_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GEOGLOT_CACHE", str(tmp_path / "file" / "cache"))
    check = found("cache")
    assert (check.ok, check.essential) == (False, False)


def test_a_package_that_maps_do_without_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    there = doctor.version

    def version(name: str) -> str:
        if name in ("transformers", "torch"):
            raise PackageNotFoundError(name)
        return there(name)

    monkeypatch.setattr(doctor, "version", version)
    assert (found("transformers").ok, found("transformers").essential) == (False, False)
    assert (found("torch").ok, found("torch").essential) == (False, True)


def test_a_map_by_mini_imports_nothing_that_is_spared(tmp_path: Path) -> None:
    """Nor do info, find and classify, which are the same reading and the same model."""
    code = (
        "import sys\n"
        "for name in ('transformers', 'huggingface_hub'):\n    sys.modules[name] = None\n"
        "import geoglot\n"
        "geoglot.segment(sys.argv[1], ['trees', 'road'], sys.argv[2])\n"
        "geoglot.classify(sys.argv[1], ['forest', 'houses'])\n"
        "assert len(geoglot.find(sys.argv[1], 'building').objects)\n"
    )
    scene = crop_demo(tmp_path / "scene.tif")
    subprocess.run([sys.executable, "-c", code, str(scene), str(tmp_path / "map.tif")], check=True, capture_output=True)
