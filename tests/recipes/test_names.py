from collections import Counter
from pathlib import Path

RECIPES = Path(__file__).parents[2] / "recipes"


def test_modules_have_names_of_their_own() -> None:
    """Recipes import what lies beside them by its plain name, and tests import them into one process."""
    names = Counter(path.stem for path in RECIPES.glob("*/*.py"))
    assert [name for name, count in names.items() if count > 1] == []
