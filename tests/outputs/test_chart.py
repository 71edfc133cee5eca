from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from geoglot.outputs.chart import Chart, Series

WATER, FOREST = (45, 120, 200), (25, 110, 50)


def write(folder: Path, chart: Chart) -> tuple[ElementTree.Element, np.ndarray]:
    assert chart.write(folder / "chart.png", folder / "chart.svg") == ()
    return ElementTree.parse(folder / "chart.svg").getroot(), np.asarray(Image.open(folder / "chart.png"))


def test_both_files_show_the_same_lines(tmp_path: Path) -> None:
    chart = Chart(
        [Series("water", [1.0, 3.0], WATER), Series("a <b>", [2.0, 0.0], FOREST)], ["May", "June"], [0.0, 1.0], "ha"
    )
    drawn, picture = write(tmp_path, chart)
    texts = {text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {"ha", "May", "June", "water", "a <b>", "0", "3"} <= texts
    dots = [
        (float(dot.get("cx", 0)), float(dot.get("cy", 0)), dot.get("fill"))
        for dot in drawn.iter("{http://www.w3.org/2000/svg}circle")
    ]
    assert len(dots) == 6  # two a line, and one beside each name
    for x, y, fill in dots:
        assert f"rgb({','.join(map(str, picture[round(y), round(x)]))})" == fill
    heights = {(round(x), fill): y for x, y, fill in dots[:4]}
    assert len(heights) == 4 and dots[1][1] < dots[0][1] and dots[3][1] > dots[2][1]  # more is higher


def test_places_lie_as_far_apart_as_their_numbers(tmp_path: Path) -> None:
    chart = Chart([Series("water", [1.0, 1.0, 1.0], WATER)], ["a", "b", "c"], [10.0, 11.0, 14.0], "ha")
    drawn, _ = write(tmp_path, chart)
    left, middle, right = [float(dot.get("cx", 0)) for dot in drawn.iter("{http://www.w3.org/2000/svg}circle")][:3]
    assert abs((right - left) / (middle - left) - 4) < 0.01


def test_nothing_anywhere_is_a_line_at_zero(tmp_path: Path) -> None:
    write(tmp_path, Chart([Series("water", [0.0, 0.0], WATER)], ["a", "b"], [5.0, 5.0], "m²"))
