"""Write the description of the map's routes into web/openapi.json, from which the types of the page are made.

python scripts/openapi.py      # tests/app/test_built_page.py fails where file and routes differ
"""

from __future__ import annotations

import json
from pathlib import Path

from geoglot.app.server import make_api

DESCRIPTION = Path(__file__).parents[1] / "web/openapi.json"


def main() -> None:
    """Rewrite the file."""
    DESCRIPTION.write_text(json.dumps(make_api().openapi(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
