"""Write the file tree into README.md: every module with the first line of its docstring.

python scripts/tree.py      # tests/test_readme.py fails where README and disk differ
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
OPEN, CLOSE = "<!-- tree: python scripts/tree.py -->\n```\n", "```\n<!-- /tree -->\n"
ROOMS = ("src/geoglot", "benchmarks", "recipes", "scripts")


def main() -> None:
    """Rewrite the tree between the two marks of README.md."""
    text = README.read_text(encoding="utf-8")
    head, _, rest = text.partition(OPEN)
    _, _, tail = rest.partition(CLOSE)
    README.write_text(head + OPEN + tree() + CLOSE + tail, encoding="utf-8")


def tree() -> str:
    """The tree as text, one line a module or room, comments in one column."""
    rows = [row for room in ROOMS if (ROOT / room).is_dir() for row in walk(ROOT / room, room)]
    width = max(len(name) for name, _ in rows) + 2
    return "".join(f"{name:<{width}}{comment}".rstrip() + "\n" for name, comment in rows)


def walk(folder: Path, name: str, indent: str = "") -> Iterator[tuple[str, str]]:
    """(name, comment) of a folder and of all modules below it, files before folders."""
    yield f"{indent}{name}/", comment(folder / "__init__.py")
    entries = sorted(folder.iterdir(), key=lambda entry: (entry.is_dir(), entry.name))
    for entry in entries:
        if entry.is_dir() and any(entry.rglob("*.py")):
            yield from walk(entry, entry.name, indent + "  ")
        elif entry.suffix == ".py" and entry.name != "__init__.py":
            yield f"{indent}  {entry.name}", comment(entry)


def comment(module: Path) -> str:
    """First line of a module's docstring, without its full stop."""
    if not module.exists():
        return ""
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].removesuffix(".")


if __name__ == "__main__":
    main()
