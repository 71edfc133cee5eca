import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from skimage.filters import threshold_otsu as reference

from geoglot.scene.otsu import threshold_otsu


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=300).filter(lambda counts: np.count_nonzero(counts) > 1))
def test_a_histogram_is_split_where_scikit_image_splits_it(given_counts: list[int]) -> None:
    counts, centres = np.array(given_counts), np.linspace(-1, 1, len(given_counts))
    assert threshold_otsu(counts, centres) == reference(hist=(counts, centres))
