"""The decorator of every kernel: compile for plain arrays, keep the machine code, let other threads run meanwhile."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` with numba.

    Kernels are inlined where they are called, so that passing arrays costs no reference counts, which threads would
    fight over. Divisions are unchecked: the caller rules out zero divisors. A product and a sum of floats may be fused:
    the caller sees to it that both are exact integers.

    The machine code is cached beside the source or in the user's cache folder; where neither can be written, it is
    compiled anew in each process.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "forceinline": True, "fastmath": {"contract"}}
    try:
        compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder it may write to
        compiled = numba.njit(**options)(function)
    return cast(Callable[P, R], compiled)


def thread_count() -> int:
    """Return how many threads to use: the machine's cores, or the environment's ``NUMBA_NUM_THREADS`` [count]."""
    return int(vars(numba.config)["NUMBA_NUM_THREADS"])
