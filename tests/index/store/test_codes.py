"""Codes: no score by them is further off than they say."""

import numpy as np
import pytest

from geoglot.index.store.codes import Codes, encode, estimate


def _vectors(kind: str, count: int, dim: int) -> np.ndarray:
    random = np.random.default_rng(7)
    values = random.normal(size=(count, dim))
    match kind:
        case "cone":  # what all images share is larger than how they differ
            values = values * 0.05 + random.normal(size=dim)
        case "spiky":
            values[::3] *= random.random((len(values[::3]), dim)) ** 20
        case "flat":
            values[:, dim // 2 :] = 0.25
        case "one":
            values[:] = values[0]
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float16)


@pytest.mark.parametrize("kind", ["plain", "cone", "spiky", "flat", "one"])
@pytest.mark.parametrize("length", [1e-3, 1.0, 40.0])
def test_no_score_is_further_off_than_the_error(kind: str, length: float) -> None:
    vectors = _vectors(kind, 400, 48)
    codes = encode(vectors)
    random = np.random.default_rng(8)
    for query in (random.normal(size=48), vectors[3].astype(np.float64), np.eye(48)[5]):
        query = query / np.linalg.norm(query) * length
        each = estimate(codes, query)
        sums = codes.values.astype(np.int64) @ each.weights.astype(np.int64)
        scores = sums * each.factor + each.offset
        off = np.abs(scores - vectors.astype(np.float64) @ query)
        assert off.max() <= each.error
        assert each.error < 0.1 * length, "a bound that bounds nothing"


def test_codes_survive_their_scale() -> None:
    codes = encode(_vectors("cone", 9, 6))
    again = Codes.of(codes.values, codes.scale)
    assert (again.error, again.longest) == (codes.error, codes.longest)
    np.testing.assert_array_equal(again.mean, codes.mean)
    np.testing.assert_array_equal(again.step, codes.step)


def test_a_scale_of_other_codes_is_refused() -> None:
    codes = encode(_vectors("plain", 9, 6))
    with pytest.raises(ValueError, match="do not fit"):
        Codes.of(codes.values[:, :5], codes.scale)
    with pytest.raises(ValueError, match="do not fit"):
        Codes.of(codes.values, codes.scale * np.nan)


def test_no_vectors_have_codes_too() -> None:
    assert encode(np.zeros((0, 4), np.float16)).values.shape == (0, 4)
