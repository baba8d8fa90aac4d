"""Entries of key and mask tell classes apart, whatever the keys."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neutrams.kernels.ternary import cover


def covered(classes: list[list[int]], spared: list[int], bits: int) -> list[tuple[int, int, int]]:
    """Value, mask and class of the entries of one table."""
    key = np.array([k for group in classes for k in group] + spared, dtype=np.int64)
    ends = np.cumsum([len(group) for group in classes] + [len(spared)])
    end = np.repeat(ends, np.diff(ends, prepend=0))
    first, last = np.array([0, len(key)]), np.array([len(key) - len(spared)])
    free, owner, count = np.zeros_like(key), np.zeros_like(key), np.zeros(1, dtype=np.int64)
    cover(first, last, key, end, bits, np.zeros(len(key), np.uint8), free, owner, count)
    group = np.searchsorted(ends, owner, side="right")
    mask = ((1 << bits) - 1) & ~free
    return [(int(key[owner[i]] & mask[i]), int(mask[i]), int(group[i])) for i in range(int(count[0]))]


@settings(deadline=None, max_examples=300)
@given(bits=st.integers(1, 9), data=st.data())
def test_the_first_entry_that_matches_a_key_is_of_its_class(bits: int, data: st.DataObject) -> None:
    keys = data.draw(st.lists(st.integers(0, (1 << bits) - 1), min_size=1, max_size=60, unique=True))
    number = data.draw(st.lists(st.integers(0, data.draw(st.integers(0, 5))), min_size=len(keys), max_size=len(keys)))
    classes = [[k for k, n in zip(keys, number, strict=True) if n == c] for c in range(1, 6)]
    spared = [k for k, n in zip(keys, number, strict=True) if n == 0]
    entries = covered(classes, spared, bits)
    assert len(entries) <= sum(map(len, classes))
    for k, n in zip(keys, number, strict=True):
        assert [c for value, mask, c in entries if k & mask == value][:1] == ([n - 1] if n else [])


def test_an_exception_and_all_else_by_hand() -> None:
    """Key 5 alone, then all others; where 6 must match nothing, the others need a bit that 6 does not have."""
    assert covered([[5], [0, 1, 4, 7]], [], 3)[-1] == (0, 0, 1)
    assert len(covered([[5], [0, 1, 4, 7]], [], 3)) == 2
    assert covered([[0, 1, 2, 3]], [6], 3) == [(0, 4, 0)]
