"""The day of a scene in its name, such as m_4709963_se_14_1_20100629.tif or 2021-06-30."""

import re
from datetime import date, datetime
from pathlib import Path

_DAY = re.compile(r"(?<!\d)(19[789]\d|20\d\d)[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12]\d|3[01])(?!\d)")


def day_of(uri: str, time: datetime | None) -> date | None:
    """The day of a scene: by the name of its file, else by the time that the file states."""
    return find_day(Path(uri).name) or (time and time.date())


def find_day(name: str) -> date | None:
    """The first day that a name holds; None if it holds none."""
    for found in _DAY.finditer(name):
        try:
            return date(*(int(part) for part in found.groups()))
        except ValueError:  # the 31st of February is a number
            continue
    return None
