"""Changes to files that are well formed: what a fuzzer makes of a document, a text or bytes.

Each strategy draws a short list of changes, so hypothesis can show the fewest that still do harm.
"""

from __future__ import annotations

import copy
import json
import re
import struct
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

RAW = "@raw:"
"""Begins a text that stands in the document without quotes, since no value of Python has this form."""
NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2, 3, 255, 256, 65_536, 1_000_003, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 10**300,
    0.5, -0.5, 1e-300, 1e300, f"{RAW}1e999", f"{RAW}-1e999", f"{RAW}NaN", f"{RAW}-0.0", f"{RAW}{'9' * 5000}",
)  # fmt: skip
TEXTS: tuple[Any, ...] = (
    "", " ", "\0", "a\0b", "\x1b[2J\x07", "\n", "a\nb: c", "\u202egnp", "\ud800", "é森🏠", "x" * 5000, ("ab" * 40 + " ") * 40,
    "../../../etc/passwd", "/dev/zero", "/proc/self/mem", "http://127.0.0.1:9/x", "{}", "%s%n", "nan", "1e999", "-1",
    "\u00b2", "\u0661", "1_000", "0x10", "None", "(a+)+$", "~root", "C:\\", "a/b", ".", "..", "-h", "EPSG:4326", "[[", "auto",
)  # fmt: skip
OTHERS: tuple[Any, ...] = (
    None, True, False, [], {}, [[]], [None], {"": None}, {"a": {"a": {}}}, [0] * 3000, [[0, 0]] * 3, [1, "a"],
    f"{RAW}{'[' * 100_000}", f"{RAW}{'[' * 900}{']' * 900}", RAW + '{"a":' * 900 + "1" + "}" * 900, f"{RAW}",
)  # fmt: skip
VALUES = (*NUMBERS, *TEXTS, *OTHERS)
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[+-]?\d[\w.+-]*|[^\W\d]+|\s+|.', re.DOTALL)
_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**63, 2**64 - 1)

_Place = tuple[Any, Any]
"""A list or a table, and the index or key of a value in it."""


def documents(seed: Any) -> st.SearchStrategy[str]:
    """JSON texts that differ from the document `seed` in one to three places."""
    one = st.tuples(st.integers(0, 10**6), st.sampled_from(_DOCUMENT_CHANGES), st.sampled_from(VALUES))
    return st.lists(one, min_size=1, max_size=3).map(lambda changes: dump(_changed(seed, changes)))


def dump(document: Any) -> str:
    """A document as JSON, with its raw parts as they are."""
    text = json.dumps(document, ensure_ascii=False)
    return re.sub(rf'"{RAW}((?:[^"\\]|\\.)*)"', lambda found: found[1].replace('\\"', '"'), text)


def texts(seed: str) -> st.SearchStrategy[str]:
    """Texts that differ from `seed` in one to three words, numbers, quoted texts or signs."""
    parts = _TOKENS.findall(seed)
    one = st.tuples(st.integers(0, len(parts) - 1), st.sampled_from(_TOKEN_CHANGES), st.sampled_from(VALUES))

    def apply(changes: list[tuple[int, str, Any]]) -> str:
        changed = list(parts)
        for at, how, value in changes:
            changed[at] = _token(changed[at], how, value)
        return "".join(changed)

    return st.lists(one, min_size=1, max_size=3).map(apply)


def contents(seed: bytes, head: int = 600) -> st.SearchStrategy[bytes]:
    """Bytes that differ from `seed` in one to four places, most of them in its first or last `head` bytes."""
    size = len(seed)
    place = st.one_of(
        st.integers(0, min(head, size - 1)), st.integers(max(0, size - head), size - 1), st.integers(0, size - 1)
    )
    one = st.tuples(place, st.sampled_from(_BYTE_CHANGES), st.integers(0, 255), st.sampled_from(_EXTREMES))

    def apply(changes: list[tuple[int, Callable[..., None], int, int]]) -> bytes:
        changed = bytearray(seed)
        for at, change, byte, extreme in changes:
            change(changed, min(at, max(0, len(changed) - 1)), byte, extreme)
        return bytes(changed)

    return st.lists(one, min_size=1, max_size=4).map(apply)


def fields_of_tiff(seed: bytes) -> st.SearchStrategy[bytes]:
    """TIFFs (little endian, classic) that differ from `seed` in one to three numbers of their first directory."""
    directory = struct.unpack_from("<I", seed, 4)[0]
    count = struct.unpack_from("<H", seed, directory)[0]
    parts = (("<H", 0), ("<H", 2), ("<I", 4), ("<I", 8))  # tag, type, count, value or its place
    one = st.tuples(
        st.integers(0, count - 1), st.sampled_from(parts), st.sampled_from((*_EXTREMES, 2, 3, 4, 8, 13, 256))
    )

    def apply(changes: list[tuple[int, tuple[str, int], int]]) -> bytes:
        changed = bytearray(seed)
        for entry, (form, offset), value in changes:
            place = directory + 2 + 12 * entry + offset
            struct.pack_into(form, changed, place, value & (2 ** (8 * struct.calcsize(form)) - 1))
        return bytes(changed)

    return st.lists(one, min_size=1, max_size=3).map(apply)


def headers_of_safetensors(seed: bytes) -> st.SearchStrategy[bytes]:
    """Files of safetensors that differ from `seed` in their JSON header, whose length is stated rightly."""
    size = struct.unpack_from("<Q", seed)[0]

    def apply(header: str) -> bytes:
        text = header.encode("utf-8", "surrogatepass")
        return struct.pack("<Q", len(text)) + text + seed[8 + size :]

    return documents(json.loads(seed[8 : 8 + size])).map(apply)


def _changed(seed: Any, changes: list[tuple[int, str, Any]]) -> Any:
    root = [copy.deepcopy(seed)]
    for at, how, value in changes:
        places = list(_places(root))
        if not places:
            return value
        holder, key = places[at % len(places)]
        _change_value(holder, key, how, value)
    return root[0] if root else {}


def _places(value: Any) -> Iterator[_Place]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(pairs):
        yield value, key
        yield from _places(part)


def _change_value(holder: Any, key: Any, how: str, value: Any) -> None:
    old = holder[key]
    if how == "drop":
        del holder[key]
    elif how == "wrap":
        holder[key] = [old]
    elif how == "as text":
        holder[key] = str(old)
    elif how == "rename" and isinstance(holder, dict):
        holder[str(value)] = holder.pop(key)
    elif how == "double" and isinstance(holder, list):
        holder.append(copy.deepcopy(old))
    elif how == "near" and isinstance(old, int | float):
        holder[key] = old * 2 + 1
    else:
        holder[key] = copy.deepcopy(value)


_DOCUMENT_CHANGES = ("set", "set", "set", "drop", "wrap", "as text", "rename", "double", "near")


def _token(old: str, how: str, value: Any) -> str:
    if how == "drop":
        return ""
    if how == "double":
        return old + old
    if how == "quoted":
        return dump(value)
    return value.removeprefix(RAW) if isinstance(value, str) else str(value)


_TOKEN_CHANGES = ("set", "set", "quoted", "quoted", "drop", "double")


def _set_byte(changed: bytearray, at: int, byte: int, extreme: int) -> None:
    changed[at : at + 1] = bytes([byte])


def _set_number(changed: bytearray, at: int, byte: int, extreme: int) -> None:
    form = ("<H", ">H", "<I", ">I", "<Q", ">Q")[byte % 6]
    size = struct.calcsize(form)
    changed[at : at + size] = struct.pack(form, extreme & (2 ** (8 * size) - 1))


def _drop(changed: bytearray, at: int, byte: int, extreme: int) -> None:
    del changed[at : at + 1 + byte]


def _cut(changed: bytearray, at: int, byte: int, extreme: int) -> None:
    del changed[at:]


def _repeat(changed: bytearray, at: int, byte: int, extreme: int) -> None:
    changed[at:at] = changed[at : at + 1 + byte]


def _fill(changed: bytearray, at: int, byte: int, extreme: int) -> None:
    changed[at : at + 1 + byte % 64] = bytes([extreme & 255]) * (1 + byte % 64)


_BYTE_CHANGES = (_set_byte, _set_byte, _set_number, _set_number, _drop, _cut, _repeat, _fill)
