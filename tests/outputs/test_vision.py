import numpy as np
import pytest

from geoglot.outputs.vision import ciede2000, distances, see

# Pairs of the table that Sharma, Wu and Dalal publish to test an implementation.
PUBLISHED = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, -1, 2), (50, 0, 0), 2.3669),
    ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
    ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((50, 2.5, 0), (61, -5, 29), 22.8977),
    ((50, 2.5, 0), (56, -27, -3), 31.9030),
    ((50, 2.5, 0), (58, 24, 15), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("first", "second", "published"), PUBLISHED)
def test_the_distance_is_that_of_the_published_table(
    first: tuple[float, ...], second: tuple[float, ...], published: float
) -> None:
    pair = np.array([[first]], float), np.array([[second]], float)
    assert ciede2000(*pair)[0, 0] == pytest.approx(published, abs=1e-4)
    assert ciede2000(*pair[::-1])[0, 0] == pytest.approx(published, abs=1e-4)


def test_lightness_and_colour_of_white_and_red() -> None:
    white, red = see([(255, 255, 255), (255, 0, 0)], "normal")
    assert white == pytest.approx([100, 0, 0], abs=0.01)
    assert red == pytest.approx([53.24, 80.09, 67.20], abs=0.01)


def test_who_sees_no_red_or_no_green_takes_some_reds_for_greens() -> None:
    normal, deuteranope, protanope = distances([(170, 90, 60)], [(110, 120, 60)]).ravel()
    assert normal > 30
    assert deuteranope < normal / 3 and protanope < normal / 1.5
