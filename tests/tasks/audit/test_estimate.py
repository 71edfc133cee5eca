import numpy as np
import pytest
from scipy.optimize import minimize

from geoglot.tasks.audit.estimate import Counts, Ratios, Sample, Z, estimate_ratios

# Olofsson et al. 2014, tables 8 and 9: deforestation, forest gain, stable forest, stable non-forest.
OLOFSSON = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
WEIGHTS = np.array([0.020, 0.015, 0.320, 0.645])


def sample(weights: object, sizes: object, pixels: int = 10**9) -> Sample:
    return Sample(np.array(weights, float), np.array(sizes), np.full(len(np.array(sizes)), pixels))


def ratios(parts: object, wholes: object, of: Sample, part_can_be: object = True, rest_can_be: object = True) -> Ratios:
    part, whole = np.atleast_2d(parts), np.atleast_2d(wholes)
    can = [np.broadcast_to(np.array(mask, bool), part.shape) for mask in (part_can_be, rest_can_be)]
    return estimate_ratios(Counts(part, np.broadcast_to(whole, part.shape), *can), of)


def wilson(hits: int, size: int) -> tuple[float, float]:
    share, spread = hits / size, Z * Z / size
    half = Z * np.sqrt(share * (1 - share) / size + spread / size / 4)
    return (share + spread / 2 - half) / (1 + spread), (share + spread / 2 + half) / (1 + spread)


@pytest.mark.parametrize(("hits", "size"), [(0, 10), (3, 10), (10, 10), (45, 50), (5, 300)])
def test_interval_of_one_stratum_is_wilsons(hits: int, size: int) -> None:
    found = ratios([hits], [size], sample([1], [size]))
    assert (found.low[0], found.high[0]) == pytest.approx(wilson(hits, size), abs=1e-6)


def test_an_end_that_one_place_decides_lies_farther_out_than_wilsons() -> None:
    found = ratios([1], [300], sample([1], [300]))
    low, high = wilson(1, 300)
    assert found.high[0] == pytest.approx(high, abs=1e-6)
    assert 0.3 * low < found.low[0] < 0.7 * low
    assert -np.expm1(-300 * found.low[0]) < 0.12  # the chance of one place or more; 0.16 at Wilson's end


def test_users_accuracy_is_that_of_its_own_stratum() -> None:
    found = ratios([40, 0, 0], [50, 0, 0], sample([0.1, 0.4, 0.5], [50, 60, 70]), [1, 0, 0], [1, 0, 0])
    assert (found.low[0], found.high[0]) == pytest.approx(wilson(40, 50), abs=1e-6)


def test_areas_and_accuracies_are_those_that_olofsson_published() -> None:
    sizes = OLOFSSON.sum(1)
    areas = ratios(OLOFSSON.T, sizes, sample(WEIGHTS, sizes))
    hectares = 900_000  # ten million pixels of 30 m
    assert areas.value * hectares == pytest.approx([21_158, 11_686, 285_770, 581_386], abs=1)
    half = (areas.high - areas.low) / 2 * hectares
    theirs = np.array([6_158, 3_756, 15_510, 16_282])  # 1.96 standard errors
    assert half[[0, 2, 3]] == pytest.approx(theirs[[0, 2, 3]], rel=0.15)
    assert half[1] > 1.2 * theirs[1]  # one place of 325 stands for a quarter of its area
    own = np.eye(4, dtype=bool)
    right = np.diag(np.diag(OLOFSSON))
    producers = ratios(right, OLOFSSON.T, sample(WEIGHTS, sizes), own, ~own)
    assert producers.value == pytest.approx([0.75, 0.85, 0.93, 0.96], abs=0.005)
    assert (producers.low < producers.value).all() and (producers.value < producers.high).all()
    overall = ratios(np.diag(OLOFSSON), sizes, sample(WEIGHTS, sizes))
    assert overall.value[0] == pytest.approx(0.947, abs=0.001)


def test_ground_on_which_no_place_was_of_the_class_may_still_hold_some() -> None:
    found = ratios([80, 0], [100, 100], sample([0.01, 0.99], [100, 100]))
    assert found.value[0] == pytest.approx(0.008)
    assert found.high[0] > 0.03  # of 100 places without it, up to 3.7 % of the stratum may be of the class
    assert 0.006 < found.low[0] < 0.008


def test_stratum_that_was_decided_whole_adds_no_error() -> None:
    found = estimate_ratios(
        Counts(np.array([[7]]), np.array([[20]]), np.array([[True]]), np.array([[True]])),
        Sample(np.ones(1), np.array([20]), np.array([20])),
    )
    assert found == pytest.approx((0.35, 0.35, 0.35), abs=1e-4)


def test_ratio_without_a_whole_is_unknown() -> None:
    found = ratios([[0, 0], [3, 0]], [[0, 0], [5, 0]], sample([0.5, 0.5], [10, 10]))
    assert np.isnan([found.value[0], found.low[0], found.high[0]]).all()
    assert found.value[1] == pytest.approx(0.6)


def test_ends_are_where_the_likeliest_strata_just_agree_with_the_sample() -> None:
    """Strata that hold part, rest and neither at once, as where the map is not the one that was sampled."""
    part, rest, sizes, weights = np.array([12, 1]), np.array([5, 3]), np.array([30, 40]), np.array([0.3, 0.7])
    found = ratios(part, part + rest, sample(weights, sizes))
    counts = np.stack([part, rest, sizes - part - rest])
    for end in (found.low[0], found.high[0]):
        values = np.array([1 - end, -end, 0])[:, None]

        def surprise(logits: np.ndarray) -> float:
            shares = np.exp(logits.reshape(3, 2)) / np.exp(logits.reshape(3, 2)).sum(0)
            return float(-(counts * np.log(shares)).sum())

        def apart(logits: np.ndarray, values: np.ndarray = values) -> float:
            shares = np.exp(logits.reshape(3, 2)) / np.exp(logits.reshape(3, 2)).sum(0)
            return float((weights * (values * shares).sum(0)).sum())

        best = minimize(
            surprise, np.log(counts / sizes).ravel(), constraints={"type": "eq", "fun": apart}, method="SLSQP",
            options={"ftol": 1e-12, "maxiter": 500},
        ).x.reshape(3, 2)  # fmt: skip
        shares = np.exp(best) / np.exp(best).sum(0)
        mean = (values * shares).sum(0)
        error = np.sqrt((weights**2 * ((values**2 * shares).sum(0) - mean**2) / sizes).sum())
        seen = abs((weights * (values * counts / sizes).sum(0)).sum())
        assert seen / error == pytest.approx(Z, rel=1e-3)
