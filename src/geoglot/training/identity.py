"""The identity of a run: everything that decides its weights, as JSON, so that a message can name each difference."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from geoglot.tables import parse_json

_LONGEST = 60  # characters of a value that a message shows


def identity(facts: Mapping[str, Any], **inputs: object) -> str:
    """The identity of a run from its recipe (`recipe_facts`) and from hashes of its inputs, by their names."""
    return json.dumps({**facts, "read": inputs}, sort_keys=True)


def differences(before: str, now: str) -> dict[str, str]:
    """Differences between two identities by name: fit.rate to "was 0.001 and is 0.002"."""
    old, new = _flatten(before), _flatten(now)
    changes = {}
    for name in sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)):
        first, second = (json.dumps(values.get(name)) for values in (old, new))
        short = not name.startswith("read.") and max(len(first), len(second)) <= _LONGEST
        changes[name.removeprefix("read.")] = f"was {first} and is {second}" if short else "changed"
    return changes


def _flatten(text: str) -> dict[str, Any]:
    """Values by dotted name; none from the plain hashes in checkpoints of earlier versions."""
    try:
        table = parse_json(text)
    except ValueError:
        table = None
    return dict(_leaves(table, "")) if isinstance(table, dict) else {}


def _leaves(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
