"""How geoglot is installed here: its extras, and the command that adds packages to this installation."""

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata, requires
from importlib.util import find_spec
from pathlib import Path

#: Modules that are called otherwise than the packages which bring them
_PACKAGES = {"PIL": "pillow", "skimage": "scikit-image", "yaml": "pyyaml"}


def required_packages(extra: str = "") -> list[str]:
    """What geoglot requires, from its own metadata, as "torch>=2.6"; with an extra, what that adds.

    PackageNotFoundError if geoglot runs from its sources without being installed.
    """
    found = [line.partition(";") for line in requires("geoglot") or []]
    wanted = f'extra == "{extra}"' if extra else ""
    return [
        name.strip()
        for name, _, marker in found
        if (wanted in marker.replace("'", '"') if wanted else "extra ==" not in marker)
    ]


def extras() -> list[str]:
    """Names of the extras; none if geoglot is not installed."""
    try:
        return metadata("geoglot").get_all("Provides-Extra") or []
    except PackageNotFoundError:
        return []


def packages_of(extra: str) -> list[str]:
    """The packages of an extra, which can be installed by name however geoglot itself was installed."""
    try:
        return required_packages(extra) or [f"geoglot[{extra}]"]
    except PackageNotFoundError:
        return [f"geoglot[{extra}]"]


def missing_package(error: BaseException) -> str:
    """The required package that is not installed where this error arises; "" for any other error."""
    name = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    module = name.partition(".")[0]
    package = _PACKAGES.get(module, module.replace("_", "-"))
    try:
        return package if package in map(name_of, required_packages()) else ""
    except PackageNotFoundError:
        return ""


def name_of(requirement: str) -> str:
    """The name of a package, "ray" of "ray[data]>=2.60"."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def install_command(*words: str) -> str:
    """A line for the shell that adds these packages to geoglot's environment: by pipx, pip or uv, whichever made it.

    pipx leaves a file in its environments; those of uv have no pip.
    """
    quoted = " ".join(f'"{word}"' if re.search(r"[^\w.-]", word.lstrip("-")) else word for word in words)
    prefix = Path(sys.prefix)
    if (prefix / "pipx_metadata.json").is_file():
        return f"pipx inject {prefix.name} {quoted}"
    if find_spec("pip") is None:
        return f'uv pip install --python "{sys.executable}" {quoted}'
    return f'"{sys.executable}" -m pip install {quoted}'
