"""The pages of the docs and the recipes that come with geoglot, in an installation as in a checkout of its sources."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from geoglot.errors import InputError

_PACKAGE = Path(__file__).parent
_NOTEBOOKS = "notebooks"
_RUN = re.compile(r"^#\s+geoglot (train|pairs) ", re.MULTILINE)  # in the head of a recipe that a command takes
_BESIDE = re.compile(r'parents\[1\] / "(\w+)"')  # how a script names the folder of another's modules
#: Pages for whoever changes geoglot, and pages of pictures and links
_NOT_FOR_USERS = ("log", "mini-log", "tree", "index", "gallery")


@dataclass(frozen=True)
class Recipe:
    """A file that a user can run: a recipe of a command, a script, or a notebook."""

    name: str
    """Folder and file, "segclip/loveda.toml"."""
    title: str
    """What it does, in a line."""


def docs() -> Path:
    """The folder of the docs."""
    return _there("docs")


def pages() -> dict[str, Path]:
    """The pages for users by name, "search" for docs/search.md."""
    found = sorted(path for path in docs().rglob("*.md") if "decisions" not in path.parts)
    return {path.stem: path for path in found if path.stem not in (*_NOT_FOR_USERS, "README")}


def recipes() -> list[Recipe]:
    """The recipes, by folder, and the notebooks."""
    root = _there("recipes")
    files = sorted(path for path in root.rglob("*") if path.suffix in (".py", ".toml") and path.parent != root)
    placed = [(path, path.relative_to(root)) for path in files] + _notebooks()
    texts = [(place, path.read_text(encoding="utf-8")) for path, place in placed]
    return [Recipe(place.as_posix(), _title(place, text)) for place, text in texts if _runs(place, text)]


def recipe_files(name: str) -> list[tuple[Path, Path]]:
    """The files of a recipe or of a folder of recipes, each with its path in the copy.

    A recipe of a command is one file. A script comes with its folder, and with the folders whose modules it uses.
    InputError for an unknown name.
    """
    root, known = _there("recipes"), [recipe.name for recipe in recipes()]
    folders = sorted({entry.partition("/")[0] for entry in known})
    if name == _NOTEBOOKS:
        return _notebooks()
    if name in folders:
        return [(path, path.relative_to(root)) for path in _with_those_beside(root, name)]
    exact = [entry for entry in known if name in (entry, entry.rpartition(".")[0], Path(entry).name, Path(entry).stem)]
    if len(exact) > 1:
        raise InputError(f"several recipes are called {name!r}: {', '.join(exact)}; give the folder, too")
    if not exact:
        near = get_close_matches(name, [*folders, *known, *(Path(entry).stem for entry in known)], n=3)
        raise InputError(
            f"no recipe is called {name!r}{f'; near is {near[0]}' if near else ''}; see: geoglot recipes list"
        )
    path = root / exact[0] if not exact[0].endswith(".ipynb") else _there(_NOTEBOOKS) / Path(exact[0]).name
    return recipe_files(path.parent.name) if path.suffix == ".py" else [(path, Path(path.name))]


def _notebooks() -> list[tuple[Path, Path]]:
    """The notebooks, each with its path in a copy of all."""
    return [(path, Path(_NOTEBOOKS, path.name)) for path in sorted(_there(_NOTEBOOKS).glob("*.ipynb"))]


def _with_those_beside(root: Path, folder: str) -> Iterator[Path]:
    """The files of a folder, and of the folders whose modules its scripts use."""
    files = sorted(path for path in (root / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    yield from files
    scripts = (path.read_text(encoding="utf-8") for path in files if path.suffix == ".py")
    for other in sorted({name for text in scripts for name in _BESIDE.findall(text)} - {folder}):
        yield from _with_those_beside(root, other)


def _runs(path: Path, text: str) -> bool:
    if path.suffix == ".toml":
        return bool(_RUN.search(text))
    return path.suffix == ".ipynb" or '__name__ == "__main__"' in text


def _title(path: Path, text: str) -> str:
    """The first line of a recipe's comment, of a script's docstring, or of a notebook."""
    if path.suffix == ".ipynb":
        first: str = json.loads(text)["cells"][0]["source"][0]
        return f"{first.lstrip('# ').strip()}, a notebook"
    if path.suffix == ".py":
        text = ast.get_docstring(ast.parse(text)) or ""
        return text.partition("\n")[0]
    lines = [line.lstrip("# ") for line in text.splitlines() if line.startswith("#")]
    return next(line for line in lines if not line.startswith("geoglot "))


def _there(folder: str) -> Path:
    """A folder that the wheel carries inside the package, and a checkout beside its `src`."""
    inside, beside = _PACKAGE / "shipped" / folder, _PACKAGE.parents[1] / folder
    place = inside if inside.is_dir() else beside
    if not place.is_dir():
        raise InputError(f"the {folder} are missing from this installation; install geoglot again")
    return place
