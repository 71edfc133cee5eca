"""Texts and tables in the encodings and with the separators that people's programs write."""

from __future__ import annotations

from pathlib import Path

import pytest

from geoglot.errors import SourceError
from geoglot.tables import parse_number, read_table, read_text

PLAIN = "id,name\n0,Gebäude\n1,Straße\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_table_is_the_same_however_it_was_saved(tmp_path: Path, encoding: str, separator: str, ending: str) -> None:
    path = tmp_path / "classes.csv"
    path.write_bytes(PLAIN.replace(",", separator).replace("\n", ending).encode(encoding))
    table = read_table(path, ("id", "name"))
    assert [dict(row) for row in table.rows] == [{"id": "0", "name": "Gebäude"}, {"id": "1", "name": "Straße"}]
    assert [note.partition("read as")[2][:7] for note in table.notes] == ([" cp1252"] if encoding == "cp1252" else [])


def _table(folder: Path, text: str, *needed: str):
    path = folder / "t.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return read_table(path, needed)


def test_blank_lines_short_rows_quotes_and_heads_in_any_case(tmp_path: Path) -> None:
    table = _table(
        tmp_path, 'sep=;\r\n\r\n Id ; NAME;"Colour";\r\n0; "a;b" ;#ff0000;\r\n\r\n;;;\r\n1;c\r\n', "id", "name"
    )
    assert table.columns == ("id", "name", "colour")
    assert table.rows == (
        {"id": "0", "name": "a;b", "colour": "#ff0000"},
        {"id": "1", "name": "c", "colour": ""},
    )
    assert table.where(1).endswith("t.csv, line 7")


def test_a_needed_column_decides_the_separator(tmp_path: Path) -> None:
    table = _table(tmp_path, "path;lon, degrees, east;lon;lat\na.jpg;x;3,5;51\n", "path", "lon", "lat")
    assert parse_number(table.rows[0]["lon"]) == 3.5


def test_rows_with_a_quoted_line_break_keep_their_lines(tmp_path: Path) -> None:
    table = _table(tmp_path, 'id,name\n0,"two\nlines"\n1,b\n', "id")
    assert table.rows[0]["name"] == "two\nlines"
    assert table.lines == (2, 4)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("0,background\n1,building\n", "must have the columns id and name; its first line names 0, background"),
        ("id,name,name\n0,a,b\n", "two columns name"),
        ("id,name\n0,low, dry vegetation\n", "line 2 has 3 cells, .* between quotes"),
    ],
)
def test_what_is_no_such_table_is_refused_in_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        _table(tmp_path, text, "id", "name")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for raw, told in ((b"id,name\n0,a\x81b\xff\n", "save it as UTF-8"), (b"PK\x03\x04\x00\x00\x00", "not a text file")):
        path.write_bytes(raw)
        with pytest.raises(SourceError, match=told):
            read_text(path)
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        read_text(tmp_path / "none.csv")


@pytest.mark.parametrize("text", ["", "1,2,3", "1.5,2", "north"])
def test_what_is_no_number_stays_none(text: str) -> None:
    with pytest.raises(ValueError, match="could not"):
        parse_number(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (",".join(f"column {number}" for number in range(50_000)), "a first line of"),
        (",".join(f"c{number}" for number in range(3000)), "at most 2,000 columns"),
        ("id,name\n" + "x" * 200_000 + ",a", "line 2 cannot be read"),
    ],
)
def test_a_table_has_a_size(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(SourceError, match=rf"t\.csv.*{told}"):
        read_table(tmp_path / "t.csv", ("id", "name") if text.startswith("id") else ())


def test_a_text_has_a_size(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("12345")
    assert read_text(tmp_path / "a.txt", 5).body == "12345"
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(SourceError, match="more than 100,000,000 bytes"):
        read_text(tmp_path / "a.txt")
