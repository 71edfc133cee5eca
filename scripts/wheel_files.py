"""What a wheel carries besides the package, as hatchling's build hook: pages of the docs, recipes, notebooks."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WheelFiles(BuildHookInterface[Any]):
    """Puts them where `geoglot.shipped` looks; an editable installation reads them where they are."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add docs/*.md, recipes/ and notebooks/ to a wheel that is about to be built."""
        if version == "editable":
            return
        root = Path(self.root)
        pages = [path for path in (root / "docs").rglob("*.md") if "decisions" not in path.parts]
        recipes = [path for path in (root / "recipes").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        for path in (*pages, *recipes, *(root / "notebooks").glob("*.ipynb")):
            build_data["force_include"][str(path)] = f"geoglot/shipped/{path.relative_to(root).as_posix()}"
