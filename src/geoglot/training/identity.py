"""The identity of a run: everything that decides its weights, as JSON, so that a message can name each difference."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_LONGEST = 60  # characters of a value that a message shows


def identity(facts: Mapping[str, Any], **inputs: object) -> str:
    """The identity of a run from its recipe (`recipe_facts`) and from hashes of its inputs, by their names."""
    return json.dumps({**facts, "read": inputs}, sort_keys=True)


def differences(before: str, now: str) -> dict[str, str]:
    """Differences between two identities by name: fit.rate to "was 0.001 and is 0.002"."""
    old, new = dict(_flatten(before)), dict(_flatten(now))
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return {name.removeprefix("read."): _change(name, old.get(name), new.get(name)) for name in names}


def _flatten(text: str) -> Iterator[tuple[str, Any]]:
    """Values by dotted name; none from the plain hashes in checkpoints of earlier versions."""

    def leaves(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
        for name, value in table.items():
            if isinstance(value, dict):
                yield from leaves(value, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", value

    try:
        table = json.loads(text)
    except ValueError:
        return
    if isinstance(table, dict):
        yield from leaves(table, "")


def _change(name: str, old: object, new: object) -> str:
    shown = [json.dumps(value) for value in (old, new)]
    if name.startswith("read.") or max(map(len, shown)) > _LONGEST:
        return "changed"
    return f"was {shown[0]} and is {shown[1]}"
