"""What is installed: the sdist, the wheel that is made of it, and geoglot in an environment that has only the wheel."""

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest

pytest.importorskip("hatchling")
SCRIPT = Path(__file__).parents[1] / "scripts/check_package.py"


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_package", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_wheel_is_whole_and_works_in_a_bare_environment(check: ModuleType, tmp_path: Path) -> None:
    sdist, wheel = check.build(tmp_path / "dist")
    assert sdist.name.endswith(".tar.gz") and check.faults(wheel) == []
    check.try_out(check.install(tmp_path / "bare", wheel, online=False), tmp_path / "empty")
    assert (tmp_path / "empty/loveda.toml").is_file()


def test_what_is_wrong_with_a_wheel_is_named(check: ModuleType, tmp_path: Path) -> None:
    wheel = tmp_path / "geoglot-1-py3-none-any.whl"
    with ZipFile(wheel, "w") as packed:
        for name in (*check.CARRIED[1:], "tests/test_x.py", "geoglot/__pycache__/x.pyc", "geoglot-1.dist-info/RECORD"):
            packed.writestr(name, "")
    wrong = check.faults(wheel)
    assert wrong == [
        f"the wheel lacks {check.CARRIED[0]}",
        "the wheel should not hold tests",
        "the wheel holds geoglot/__pycache__/x.pyc",
    ]


def test_a_program_that_fails_ends_the_check(check: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to(shutil.which("false") or "/bin/false")
    with pytest.raises(SystemExit, match="python -c"):
        check.try_out(tmp_path / "geoglot", tmp_path / "empty")
