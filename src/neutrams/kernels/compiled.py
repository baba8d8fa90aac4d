"""The decorator of every kernel: compile for plain arrays, keep the machine code, let other threads run meanwhile."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` with numba; divisions are unchecked, so the caller rules out zero divisors.

    The machine code is cached beside the source or in the user's cache folder; where neither can be written, it is
    compiled anew in each process.
    """
    options = {"nogil": True, "error_model": "numpy", "forceinline": True}
    try:
        compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder it may write to
        compiled = numba.njit(**options)(function)
    return cast(Callable[P, R], compiled)


def thread_count() -> int:
    """Return how many threads to use: the machine's cores, or the environment's ``NUMBA_NUM_THREADS`` [count]."""
    return int(numba.config.NUMBA_NUM_THREADS)
