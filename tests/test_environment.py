"""environment.yml, for conda, has what pyproject.toml requires, with the same bounds."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
#: Names on conda-forge that differ from those on PyPI
NAMES = {"torch": "pytorch-cpu", "huggingface-hub": "huggingface_hub"}


def test_conda_gets_the_dependencies_with_their_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {f"python {project['requires-python']}", "pip"}
    for line in project["dependencies"]:
        name, bound = re.fullmatch(r"([\w-]+)(.*)", line).groups()  # type: ignore[union-attr]
        wanted.add(f"{NAMES.get(name, name)} {bound}")
    assert set(yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]) == wanted
