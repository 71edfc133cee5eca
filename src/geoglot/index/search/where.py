"""Conditions on the columns of an archive, such as `cloud < 0.1 and source like '%2024%'`, and no other language.

    condition   any of: A and B, A or B, not A, (A), column OP value, column is [not] null, column like 'te%t'
    OP          =  ==  !=  <>  <  <=  >  >=
    value       a number, or a text in quotes; a column of times takes ISO 8601 in quotes

As in SQL, a comparison with a missing value is unknown, neither true nor false, and only what is true is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from geoglot.errors import InputError
from geoglot.figures import format_list
from geoglot.index.store.chip_table import CHIPS
from geoglot.times import to_utc

_TOKEN = re.compile(r"""\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|-\d+\.?\d*(?:[eE][+-]?\d+)?|-?\.\d+)|('[^']*'|"[^"]*")"""
                    r"""|([A-Za-z_]\w*)|(<=|>=|<>|!=|==|=|<|>|\(|\)))""")  # fmt: skip
_LONGEST, _DEEPEST = 4000, 50
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": pc.equal, "==": pc.equal, "!=": pc.not_equal, "<>": pc.not_equal,
    "<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal,
}  # fmt: skip
_HIDDEN = ("geometry", "bbox")
_COLUMNS = [name for name in CHIPS.names if name not in _HIDDEN]
_Apply = Callable[[Any], Any]


@dataclass(frozen=True)
class Condition:
    """A condition that was read, and the columns that it needs."""

    columns: tuple[str, ...]
    _apply: _Apply

    def rows(self, table: Any) -> Any:
        """True for the rows of an Arrow table that fulfil it, as a NumPy array."""
        kept = pc.fill_null(self._apply(table), False)
        return (kept.combine_chunks() if isinstance(kept, pa.ChunkedArray) else kept).to_numpy(zero_copy_only=False)


def parse_where(text: str) -> Condition:
    """Read a condition; InputError, which says where, for anything else."""
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise InputError(f"a condition must have at most {_LONGEST:,} characters, got {len(text):,}")
        self._text, self._at, self._depth = text, 0, 0
        self._last = 0
        self._columns = dict[str, None]()

    def parse(self) -> Condition:
        apply = self._any()
        if self._text[self._at :].strip():
            raise self._wrong("and, or, or the end")
        return Condition(tuple(self._columns), apply)

    def _any(self) -> _Apply:
        return self._chain("or", pc.or_kleene, lambda: self._chain("and", pc.and_kleene, self._one))

    def _chain(self, word: str, join: Callable[[Any, Any], Any], read: Callable[[], _Apply]) -> _Apply:
        parts = [read()]
        while self._take(word):
            parts.append(read())

        def apply(table: Any) -> Any:
            found = parts[0](table)
            for part in parts[1:]:
                found = join(found, part(table))
            return found

        return apply

    def _one(self) -> _Apply:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise InputError(f"a condition must not be nested more than {_DEEPEST} deep")
        try:
            if self._take("not"):
                inner = self._one()
                return lambda table: pc.invert(inner(table))
            if self._take("("):
                inner = self._any()
                if not self._take(")"):
                    raise self._wrong(")")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> _Apply:
        _, _, name, _ = self._next("a column, not, or (")
        if name is None or name.lower() not in _COLUMNS:
            raise InputError(f"{name or 'a value'} is no column of an archive; there are {format_list(_COLUMNS)}")
        column = name.lower()
        self._columns[column] = None
        if self._take("is"):
            wanted = not self._take("not")
            if not self._take("null"):
                raise self._wrong("null")
            return lambda table: pc.equal(pc.is_null(table[column]), wanted)
        if self._take("like"):
            pattern = self._value(column, only_text=True)
            return lambda table: pc.match_like(table[column], pattern.as_py())
        _, _, _, sign = self._next("a comparison such as < or =")
        if sign not in _COMPARE:
            raise self._wrong("a comparison such as < or =", self._last)
        value, compare = self._value(column), _COMPARE[sign]
        return lambda table: compare(table[column], value)

    def _value(self, column: str, *, only_text: bool = False) -> Any:
        """A value of the column's kind."""
        number, text, word, sign = self._next("a number, or a text in quotes")
        if word or sign:
            raise self._wrong("a number, or a text in quotes", self._last)
        kind = CHIPS.field(column).type
        if pa.types.is_string(kind):
            if text is None:
                raise InputError(f"{column} is a text, so write its value in quotes: {column} = 'value'")
            return pa.scalar(text[1:-1])
        if only_text:
            raise InputError(f"like compares texts, and {column} is none")
        if pa.types.is_timestamp(kind):
            return pa.scalar(_moment(column, text), kind)
        if number is None:
            raise InputError(f"{column} is a number, got {text}; write it without quotes")
        # Of single precision as the column is: 0.1 is another number in double precision
        return pa.scalar(float(number), kind if pa.types.is_floating(kind) else pa.float64())

    def _next(self, wanted: str) -> tuple[str | None, ...]:
        """The number, text, word or sign that comes next."""
        if not (found := _TOKEN.match(self._text, self._at)):
            raise self._wrong(wanted)
        self._last, self._at = self._at, found.end()
        return found.groups()

    def _take(self, wanted: str) -> bool:
        """Step over a word or sign, if it comes next."""
        found = _TOKEN.match(self._text, self._at)
        if found is None or wanted not in ((found[3] or "").lower(), found[4]):
            return False
        self._at = found.end()
        return True

    def _wrong(self, wanted: str, at: int | None = None) -> InputError:
        """What must stand at a place, by default after all that was read."""
        at = self._at if at is None else at
        before, rest = self._text[:at].strip(), self._text[at:].strip()
        after = f"after {before[-40:]!r}" if before else "at its start"
        got = repr(rest[:40]) if rest else "nothing"
        return InputError(f"where must have {wanted} {after}, got {got}; write it like "
                          "\"cloud < 0.1 and time >= '2024-05-01'\"")  # fmt: skip


def _moment(column: str, text: str | None) -> datetime:
    try:
        return to_utc(datetime.fromisoformat((text or "")[1:-1]))
    except ValueError as error:
        raise InputError(f"{column} is a time, so write it as '2024-05-31' or '2024-05-31T10:00:00Z'") from error
