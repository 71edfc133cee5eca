"""What a program calls, by its own words; a program is read here, and not run."""

from __future__ import annotations

import ast


def calls(program: str) -> list[tuple[str, ast.Call]]:
    """The calls of functions by name, in their order; none where the text is no program."""
    try:
        found = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found.sort(key=lambda call: (call.lineno, call.col_offset))
    return [(call.func.id, call) for call in found if isinstance(call.func, ast.Name)]
