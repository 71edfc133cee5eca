"""Check a tokenizer.json before the library reads it: parts that make texts longer, and patterns of a great size."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geoglot.errors import ModelError
from geoglot.legible import reason_of
from geoglot.models.file_checks import read_json
from geoglot.settings import load_settings

_PARTS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
_MOST_PIECES = 2000
_LONGEST = 2000  # characters of a pattern and of what replaces it; the longest of the large models have 500
_MOST_GROWTH = 10_000  # times that all replacements together may make a text longer


def check_tokenizer(path: Path) -> None:
    """Raise ModelError for a tokenizer.json that is too large, is no JSON, or whose parts multiply a text."""
    most_mb = load_settings().read_mb // 8
    try:
        table = read_json(path, most_mb)
        if not isinstance(table, dict):
            raise ValueError(f"it must hold fields, and holds a {type(table).__name__}")
        _check_parts([table.get(name) for name in _PARTS])
    except (OSError, ValueError) as error:
        why = reason_of(error)
        advice = "raise GEOGLOT_READ_MB if you trust it" if "MB" in why else "copy the tokenizer of the model there"
        raise ModelError(f"{path} cannot be used ({why}); {advice}") from None


def _check_parts(parts: list[Any]) -> None:
    """Raise ValueError for texts too long, for too many pieces, and for replacements that multiply a text."""
    growth = 1.0
    for count, piece in enumerate(_walk(parts), start=1):
        if count > _MOST_PIECES:
            raise ValueError(f"its parts have more than {_MOST_PIECES:,} pieces")
        if not isinstance(piece, dict):
            continue
        for name, value in piece.items():
            if isinstance(value, str) and name != "precompiled_charsmap" and len(value) > _LONGEST:
                raise ValueError(f"its {str(name)[:20]} must have at most {_LONGEST:,} characters, got {len(value):,}")
        pattern, content = piece.get("pattern"), piece.get("content", piece.get("prepend"))
        if isinstance(content, str):
            whole = pattern.get("String") if isinstance(pattern, dict) else None
            # A pattern may match nothing, between any two characters
            growth *= max(1.0, len(content) / len(whole)) if isinstance(whole, str) and whole else 1 + len(content)
    if growth > _MOST_GROWTH:
        raise ValueError(f"its replacements must make a text at most {_MOST_GROWTH:,} times longer")


def _walk(content: Any) -> Iterator[Any]:
    """A nested document, piece by piece."""
    waiting = [content]
    while waiting:
        piece = waiting.pop()
        yield piece
        if isinstance(piece, dict | list):
            waiting += piece.values() if isinstance(piece, dict) else piece
