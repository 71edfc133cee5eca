"""When a scene was taken: by its name, such as m_4709963_se_14_1_20100629.tif or 1990.tif, or by its tags."""

import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

# Later years are no days of scenes: 2048 is a number of pixels
_DAY = re.compile(r"(?<!\d)(19[789]\d|20[0-3]\d)[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12]\d|3[01])(?!\d)")
_YEAR = re.compile(r"(?<!\d)(?:19[789]\d|20[0-3]\d)(?!\d)")


class Period(NamedTuple):
    """A day, a month or a year."""

    first: date
    last: date

    def __str__(self) -> str:
        return self.first.isoformat() if self.day else str(self.first.year)

    @property
    def day(self) -> date | None:
        """The day, if it is one."""
        return self.first if self.first == self.last else None

    @property
    def middle(self) -> float:
        """Half way through it, in days since the year 1."""
        return (self.first.toordinal() + self.last.toordinal()) / 2

    def away(self, other: "Period") -> timedelta:
        """The time between two periods; none where they touch."""
        return max(self.first - other.last, other.first - self.last, timedelta(0))


def period_of(uri: str, time: datetime | None) -> Period | None:
    """When a scene was taken: the day in the name of its file, or the only year, in which `time` may tell the day.

    Without either it is the day of `time`, which the file states; it may be that of a copy.
    """
    path = Path(uri)
    stated = Period(time.date(), time.date()) if time else None
    if day := find_day(path.name):
        return Period(day, day)
    if len(years := _YEAR.findall(path.stem)) != 1:
        return stated
    year = Period(date(int(years[0]), 1, 1), date(int(years[0]), 12, 31))
    return stated if stated and not stated.away(year) else year


def day_of(uri: str, time: datetime | None) -> date | None:
    """The day of a scene, as `period_of` knows it; None if not even its year is known, or no more than that."""
    period = period_of(uri, time)
    return period and period.day


def moment_of(uri: str, time: datetime | None) -> datetime | None:
    """The moment of a scene: `time`, which its file states, if it is of the day that `day_of` knows, else noon."""
    day = day_of(uri, time)
    if day is None:
        return None
    return time if time and time.date() == day else datetime(day.year, day.month, day.day, 12)


def find_day(name: str) -> date | None:
    """The first day that a name holds; None if it holds none."""
    for found in _DAY.finditer(name):
        try:
            return date(*(int(part) for part in found.groups()))
        except ValueError:  # the 31st of February is a number
            continue
    return None
