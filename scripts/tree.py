"""Write the rooms into README.md and every module into docs/tree.md, with the first lines of their docstrings.

python scripts/tree.py      # tests/test_readme.py fails where a page and the disk differ
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
README, EVERY_MODULE = ROOT / "README.md", ROOT / "docs/tree.md"
OPEN, CLOSE = "<!-- tree: python scripts/tree.py -->\n```\n", "```\n<!-- /tree -->\n"
ROOMS = ("src/geoglot", "benchmarks", "recipes", "scripts")


def main() -> None:
    """Rewrite the tree between the two marks of both pages."""
    for page, text in ((README, tree(rooms_only=True)), (EVERY_MODULE, tree())):
        head, _, rest = page.read_text(encoding="utf-8").partition(OPEN)
        _, _, tail = rest.partition(CLOSE)
        page.write_text(head + OPEN + text + CLOSE + tail, encoding="utf-8")


def tree(rooms_only: bool = False) -> str:
    """The tree as text, one line a module or room, comments in one column."""
    rows = [row for room in ROOMS if (ROOT / room).is_dir() for row in walk(ROOT / room, room, rooms_only=rooms_only)]
    width = max(len(name) for name, _ in rows) + 2
    return "".join(f"{name:<{width}}{comment}".rstrip() + "\n" for name, comment in rows)


def walk(folder: Path, name: str, indent: str = "", *, rooms_only: bool = False) -> Iterator[tuple[str, str]]:
    """(name, comment) of a folder and of all that is below it, files before folders.

    Of rooms only: folders, and the files that lie directly in the package.
    """
    yield f"{indent}{name}/", comment(folder / "__init__.py")
    entries = sorted(folder.iterdir(), key=lambda entry: (entry.is_dir(), entry.name))
    for entry in entries:
        if entry.is_dir() and any(entry.rglob("*.py")):
            yield from walk(entry, entry.name, indent + "  ", rooms_only=rooms_only)
        elif entry.suffix == ".py" and not entry.name.startswith("__") and (not rooms_only or name == ROOMS[0]):
            yield f"{indent}  {entry.name}", comment(entry)


def comment(module: Path) -> str:
    """First line of a module's docstring, without its full stop."""
    if not module.exists():
        return ""
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].removesuffix(".")


if __name__ == "__main__":
    main()
