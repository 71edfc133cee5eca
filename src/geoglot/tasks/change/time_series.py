"""The areas of all dates as a table and as a chart."""

import csv
import io
from collections.abc import Sequence

from geoglot.figures import area_in, choose_area_unit
from geoglot.outputs.chart import Chart, Series
from geoglot.outputs.legend import Legend
from geoglot.sources.scene_day import Period
from geoglot.tasks.change.result import ClassChange

_DIGITS = 6  # of an area in a table


def table_of(classes: Sequence[ClassChange], dates: Sequence[str], periods: Sequence[Period | None]) -> str:
    """A CSV with a row for each date and a column for each class, all in one unit, which the columns name."""
    unit, numbers = _numbers(classes)
    form = "{:.0f}".format if unit == "pixels" else f"{{:.{_DIGITS}g}}".format
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["date", "day", *(f"{each.name} ({unit})" for each in classes)])
    for place, (name, period) in enumerate(zip(dates, periods, strict=True)):
        writer.writerow([name, str(period) if period and period.day else "", *(form(each[place]) for each in numbers)])
    return text.getvalue()


def chart_of(classes: Sequence[ClassChange], dates: Sequence[str], periods: Sequence[Period | None]) -> Chart:
    """The areas of the classes over time; over the order of the dates if not even the year of one is known."""
    named = [each for each in classes if each.objects]
    unit, numbers = _numbers(named)
    places = [period.middle for period in periods if period]
    if len(places) < len(dates):
        places = [float(place) for place in range(len(dates))]
    colours = Legend(tuple(each.name for each in named)).colours
    series = [Series(each.name, values, colour) for each, values, colour in zip(named, numbers, colours, strict=True)]
    return Chart(series, dates, places, unit)


def _numbers(classes: Sequence[ClassChange]) -> tuple[str, list[list[float]]]:
    """The unit of all areas, and the numbers of each class; pixels where there are no areas."""
    areas = [[area for area in each.area_m2 if area is not None] for each in classes]
    if not all(map(len, areas)):
        return "pixels", [[float(count) for count in each.pixels] for each in classes]
    unit = choose_area_unit([area for each in areas for area in each])
    return unit, [[area_in(area, unit) for area in each] for each in areas]
