from __future__ import annotations

from datetime import UTC, datetime

import pytest

from geoglot.times import to_utc


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2021-05-04T10:00:00", 10), ("2021-05-04T10:00:00Z", 10), ("2021-05-04T10:00:00+02:00", 8)],
)
def test_a_moment_of_any_zone_is_the_same_moment_in_utc(text: str, expected: int) -> None:
    assert to_utc(datetime.fromisoformat(text)) == datetime(2021, 5, 4, expected, tzinfo=UTC)
    assert to_utc(datetime.fromisoformat(text)).isoformat().endswith("+00:00")


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-12:00"])
def test_moments_that_utc_cannot_say_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="beyond the years"):
        to_utc(datetime.fromisoformat(text))
