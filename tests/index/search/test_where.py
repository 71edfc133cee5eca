"""Conditions on columns: what is read, what is refused, and what is kept where values are missing."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from geoglot.errors import InputError
from geoglot.index.search.where import parse_where

_TIMES = [
    datetime(2024, 5, 1, 10, tzinfo=UTC),
    datetime(2024, 6, 1, tzinfo=UTC),
    None,
    datetime(2023, 1, 1, tzinfo=UTC),
]
TABLE = pa.table({
    "cloud": pa.array([0.05, 0.5, None, 0.2], pa.float32()),
    "nodata": pa.array([0.0, 0.1, 0.2, 0.3], pa.float32()),
    "source": ["a/2024.tif", "b's.tif", "c.tif", None],
    "scale_m": [224.0, 448.0, 224.0, 1e3],
    "time": pa.array(_TIMES, pa.timestamp("us", tz="UTC")),
})  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("cloud < 0.1", [0]),
        ("not cloud < 0.1", [1, 3]),
        ("cloud is null", [2]),
        ("nodata <= 0.1", [0, 1]),
        ("nodata = 0.2 or nodata >= 0.3", [2, 3]),
        ("not cloud != 0.05", [0]),
        ("cloud is not null and scale_m = 224", [0]),
        ("cloud < .1 or scale_m >= 1e3", [0, 3]),
        ("nodata > 0.05 and cloud < 0.3 or scale_m == 448", [1, 3]),
        ("nodata > 0.05 and (cloud < 0.3 or scale_m == 448)", [1, 3]),
        ("(nodata > 0.05) AND NOT (cloud < 0.3 OR scale_m <> 448)", [1]),
        ("source like '%2024%'", [0]),
        ('source = "b\'s.tif"', [1]),
        ("source != 'c.tif'", [0, 1]),
        ("time >= '2024-05-01T10:00:00Z' and time < '2024-06-01'", [0]),
        ("nodata > -1", [0, 1, 2, 3]),
    ],
)
def test_rows_that_fulfil_a_condition(text: str, kept: list[int]) -> None:
    assert parse_where(text).rows(TABLE).nonzero()[0].tolist() == kept


def test_only_the_columns_that_are_named_are_needed() -> None:
    assert parse_where("cloud < 1 or (time is null and cloud > 0)").columns == ("cloud", "time")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must have a column"),
        ("clouds < 1", "clouds is no column of an archive; there are part, cell"),
        ("geometry is null", "geometry is no column"),
        ("cloud < 'a'", "cloud is a number"),
        ("source = 3", "write its value in quotes"),
        ("time > 2024", "write it as '2024-05-31'"),
        ("time > 'May'", "write it as '2024-05-31'"),
        ("cloud like '%'", "like compares texts"),
        ("cloud < 1 nodata", "must have and, or, or the end after 'cloud < 1', got 'nodata'"),
        ("(cloud < 1", r"must have \) after '\(cloud < 1', got nothing; write it like"),
        ("cloud <", "must have a number, or a text in quotes after 'cloud <', got nothing; write it like"),
        ("cloud ( 1", "must have a comparison such as < or = after 'cloud', got '\\( 1'"),
        ("cloud 5", "must have a comparison such as < or = after 'cloud', got '5'"),
        (" ", "must have a column, not, or \\( at its start, got nothing"),
        ("cloud < __import__('os')", "a number, or a text in quotes"),
        ("cloud < 1; drop table", "the end after 'cloud < 1', got '; drop table'"),
        ("(" * 60 + "cloud < 1", "nested more than 50 deep"),
        ("not " * 60 + "cloud < 1", "nested more than 50 deep"),
        ("cloud<1 or " * 500 + "cloud<1", "at most 4,000 characters"),
    ],
)
def test_what_is_no_condition_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_where(text)
