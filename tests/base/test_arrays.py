"""Samples are spread over all there is."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neutrams.base.arrays import spread


@given(n=st.integers(0, 5000), most=st.integers(1, 300))
def test_one_index_of_each_stretch(n: int, most: int) -> None:
    taken = spread(n, most)
    count = min(n, most)
    assert len(taken) == count
    edges = np.arange(count + 1) * n // max(count, 1)
    assert (edges[:-1] <= taken).all()
    assert (taken < edges[1:]).all()


def test_no_column_of_an_image_is_left_out() -> None:
    """64 of 1,024 places of an image of 16 columns: a step of 16 would see one column only."""
    assert set(spread(1024, 64) % 16) == set(range(16))
