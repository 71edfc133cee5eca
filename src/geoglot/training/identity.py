"""What decides the weights of a run, kept with it, so that another recipe is told field by field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geoglot.recipe import recipe_facts

_LONGEST = 60  # characters of a value that a message shows


def identity(recipe: Any, folder: Path, **read: object) -> str:
    """A recipe's fields but for its output, and what was `read` beside it (hashes, by words for a message), as JSON."""
    return json.dumps(recipe_facts(recipe, folder, "output") | {"read": read}, sort_keys=True)


def differences(before: str, now: str) -> dict[str, str]:
    """What differs between two identities, by its name: fit.rate to "was 0.001 and is 0.002"."""
    old, new = _flat(before), _flat(now)
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return {name.removeprefix("read."): _change(name, old.get(name), new.get(name)) for name in names}


def _flat(text: str) -> dict[str, Any]:
    """Values by dotted name; nothing of what is no identity, as checkpoints of earlier versions have."""
    try:
        table = json.loads(text)
    except ValueError:
        return {}
    return dict(_leaves(table, "")) if isinstance(table, dict) else {}


def _leaves(table: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in table.items():
        found += _leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else [(f"{prefix}{name}", value)]
    return found


def _change(name: str, old: object, new: object) -> str:
    shown = [json.dumps(value) for value in (old, new)]
    if name.startswith("read.") or max(map(len, shown)) > _LONGEST:
        return "changed"
    return f"was {shown[0]} and is {shown[1]}"
