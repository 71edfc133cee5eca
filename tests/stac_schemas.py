"""Documents of STAC against the schemas that pystac brings, so that nothing is fetched."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import pytest

_CORE = "https://schemas.stacspec.org/v1.0.0"


def write_schemas(folder: Path) -> dict[str, str]:
    """The schemas of STAC that pystac brings, so that nothing is fetched: 1.1.0 allows all that 1.0.0 does."""
    root, found = resources.files("pystac.validation.jsonschemas"), {}
    folder.mkdir()
    names = ("item", "collection", "catalog", "bands", "basics", "common", "data-values", "datetime", "instrument",
             "licensing", "provider")  # fmt: skip
    for name in names:
        text = (root / "stac-spec" / "v1.1.0" / f"{name}.json").read_text("utf-8").replace("1.1.0", "1.0.0")
        (folder / f"{name}.json").write_text(text)
        room = name if name in ("item", "collection", "catalog") else "item"
        found[f"{_CORE}/{room}-spec/json-schema/{name}.json"] = str(folder / f"{name}.json")
    for name in ("Feature", "Geometry"):
        (folder / f"{name}.json").write_text((root / "geojson" / f"{name}.json").read_text("utf-8"))
        found[f"https://geojson.org/schema/{name}.json"] = str(folder / f"{name}.json")
    return found


def complaints(path: Path, schemas: dict[str, str]) -> list[dict[str, Any]]:
    validator = pytest.importorskip("stac_validator.validate")
    checked = validator.StacValidate(str(path), schema_map=schemas)
    checked.run()
    return [message for message in checked.message if not message["valid_stac"]]
