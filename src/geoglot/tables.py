"""Reads text files and tables in the encodings and with the separators that people's programs write, and documents."""

import codecs
import csv
import io
import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geoglot.errors import SourceError
from geoglot.figures import format_list

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_SEPARATORS = ",;\t|"
_MOST_BYTES = 100_000_000  # of a text; in memory it takes ten times as much
_MOST_COLUMNS = 2_000
_MOST_CELLS = 20_000_000
_LONGEST_LINE = 131_072  # characters of a header; csv has the same limit for a cell
_SEPARATOR_LINE = re.compile(r"sep=.?\s*", re.IGNORECASE)
_MOST_TOML = 2**18  # bytes; recipes have some thousand
_MOST_DOTS = 4_000  # tomllib takes time and memory by the square of the parts of a dotted key
_TOO_DEEP = "it is nested too deep"


@dataclass(frozen=True)
class Text:
    """The content of a text file."""

    body: str
    """Lines end with "\\n"."""
    notes: tuple[str, ...] = ()
    """A sentence if the encoding was guessed."""


@dataclass(frozen=True)
class Table:
    """Rows below a header."""

    path: Path
    columns: tuple[str, ...]
    """In lower case, without blanks around them."""
    rows: tuple[Mapping[str, str], ...]
    """Cells by column, without blanks around them; "" if a row is too short. Blank rows are left out."""
    lines: tuple[int, ...]
    """The line of the file, from 1, on which each row begins."""
    notes: tuple[str, ...] = ()
    """A sentence if the encoding was guessed."""

    def where(self, index: int) -> str:
        """The file and line of a row, for a message."""
        return f"{self.path}, line {self.lines[index]}"


def read_text(path: Path, most: int = _MOST_BYTES) -> Text:
    """A whole text file; SourceError if it cannot be read, is not a text, or has more than `most` bytes.

    A text without a byte order mark that is not UTF-8 is read as cp1252, which Windows writes in western Europe; a note
    says so.
    """
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for somebody who writes
            raise SourceError(f"{path} is a folder, a device or a pipe; give the name of a file")
        with path.open("rb") as file:
            raw = file.read(most + 1)
        if len(raw) > most:
            raise SourceError(f"{path} has more than {most:,} bytes, the most that is read; divide it")
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    notes: tuple[str, ...] = ()
    try:
        encoding = _encoding(raw)
        try:
            body = raw.decode(encoding)
        except UnicodeDecodeError:
            if encoding != "utf-8":
                raise
            body = raw.decode("cp1252")
            notes = (f"{path} is not UTF-8 and was read as cp1252 (Windows); save it as UTF-8 if letters are wrong",)
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is in an unknown encoding; save it as UTF-8") from error
    if "\0" in body:
        raise SourceError(f"{path} is not a text file; save it as plain text in UTF-8")
    return Text(body.replace("\r\n", "\n").replace("\r", "\n"), notes)


def _encoding(raw: bytes) -> str:
    """The encoding by the byte order mark; UTF-16 without a mark is known by the zeros in its ASCII letters."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if raw.startswith(mark):
            return encoding
    if len(raw) > 1 and len(raw) % 2 == 0 and (raw[0] == 0) != (raw[1] == 0):
        return "utf-16-le" if raw[1] == 0 else "utf-16-be"
    return "utf-8"


def read_table(path: Path, needed: Sequence[str] = ()) -> Table:
    """Read a table whose first row names its columns; SourceError if one of `needed` is missing.

    The separator is a comma, semicolon, tab or | : the one that splits the header into most of the needed columns, then
    into most columns. Excel's line `sep=;` is skipped. A row with more cells than the header is refused, since one of
    its texts holds the separator.
    """
    text = read_text(path)
    lines = text.body.split("\n")
    first = next((at for at, line in enumerate(lines) if line.strip() and not _SEPARATOR_LINE.fullmatch(line)), None)
    if first is None:
        raise SourceError(f"{path} is empty; it must have the columns {format_list(needed)}")
    if len(lines[first]) > _LONGEST_LINE:
        raise SourceError(f"{path} has a first line of {len(lines[first]):,} characters, which names no columns")
    headers = {separator: _split_header(lines[first], separator) for separator in _SEPARATORS}
    separator = max(headers, key=lambda sign: (sum(name in headers[sign] for name in needed), len(headers[sign])))
    columns = headers[separator]
    if not set(needed) <= set(columns):
        has = ", ".join(filter(None, columns)) or "none"
        raise SourceError(f"{path} must have the columns {format_list(needed)}; its first line names {has}")
    check_cells(path, len(lines), len(columns))
    if double := next((name for name, count in Counter(columns).items() if name and count > 1), None):
        raise SourceError(f"{path} has two columns {double}; rename one of them")
    return _read_rows(path, text, first, separator, columns)


def check_cells(path: Path, rows: int, columns: int) -> None:
    """SourceError for a table that is too large to be read."""
    if columns > _MOST_COLUMNS or columns * rows > _MOST_CELLS:
        raise SourceError(
            f"{path} has {rows:,} rows of {columns:,} columns; at most {_MOST_COLUMNS:,} columns and "
            f"{_MOST_CELLS:,} cells are read: remove columns or divide it"
        )


def parse_json(
    text: str | bytes,
    parse_constant: Callable[[str], Any] | None = None,
    make_object: Callable[[list[tuple[str, Any]]], Any] | None = None,
) -> Any:
    """Parse JSON; ValueError for anything else, also for a document that is nested too deep.

    The two functions are those of `json.loads`: for NaN and the like, and for the pairs of an object.
    """
    try:
        return json.loads(text, parse_constant=parse_constant, object_pairs_hook=make_object)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def read_toml(path: Path) -> dict[str, Any]:
    """Read TOML; SourceError as for a text, ValueError for one that is no TOML, has too many dots or is too deep."""
    text = read_text(path, _MOST_TOML).body
    if (dots := text.count(".")) > _MOST_DOTS:
        raise ValueError(f"it must have at most {_MOST_DOTS:,} dots, got {dots:,}")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def parse_number(text: str) -> float:
    """Parse a number with a decimal point or a decimal comma; ValueError for other text."""
    return float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)


def _read_rows(path: Path, text: Text, first: int, separator: str, columns: tuple[str, ...]) -> Table:
    """The rows below the header, which is in line `first` (from 0)."""
    body = "\n".join(text.body.split("\n")[first + 1 :])
    reader = csv.reader(io.StringIO(body), delimiter=separator, skipinitialspace=True)
    rows, numbers, start = list[Mapping[str, str]](), list[int](), first + 2
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells[len(columns) :]):
                raise SourceError(
                    f"{path}, line {start} has {len(cells)} cells, the first line {len(columns)} columns; "
                    f'put texts that hold {separator!r} between quotes ("")'
                )
            if any(cells):
                padded = cells + [""] * (len(columns) - len(cells))
                rows.append({name: cell for name, cell in zip(columns, padded, strict=False) if name})
                numbers.append(start)
            start = first + 2 + reader.line_num
    except csv.Error as error:
        raise SourceError(f"{path}, line {start} cannot be read: {error}") from error
    return Table(path, tuple(filter(None, columns)), tuple(rows), tuple(numbers), text.notes)


def _split_header(line: str, separator: str) -> tuple[str, ...]:
    cells = next(csv.reader([line], delimiter=separator, skipinitialspace=True))
    return tuple(cell.strip().lower() for cell in cells)
