"""Moments in UTC."""

from datetime import UTC, datetime


def to_utc(moment: datetime) -> datetime:
    """A moment in UTC; one without a time zone is in UTC already. ValueError for one beyond the years 1 to 9999."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{moment.isoformat()} is beyond the years 1 to 9999 in UTC") from error


def parse_tiff_time(text: str) -> datetime | None:
    """The moment in the tag TIFFTAG_DATETIME, without a time zone; None for a text that is none."""
    try:
        return datetime.strptime(text, "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None


def utc_text(moment: datetime | None) -> str | None:
    """A moment to the second as other programs read it, such as 2024-05-31T10:00:00Z; None for none."""
    return None if moment is None else to_utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")
