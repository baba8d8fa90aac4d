"""The decorator of every kernel: compile for plain arrays, keep the machine code, let other threads run meanwhile."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def sources_hash() -> str:
    """Return a hash of all kernels' sources: numba looks at a function's own file only, not at what it inlines."""
    found = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        found.update(file.read_bytes())
    return found.hexdigest()


SOURCES = sources_hash()


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` with numba.

    Kernels are inlined where they are called, so that passing arrays costs no reference counts, which threads would
    fight over. Divisions are unchecked: the caller rules out zero divisors. A product and a sum of floats may be fused:
    the caller sees to it that both are exact integers.

    The machine code is cached beside the source or in the user's cache folder, and holds as long as no kernel's source
    changes; where neither can be written, it is compiled anew in each process.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "forceinline": True, "fastmath": {"contract"}}
    try:
        compiled = numba.njit(cache=True, **options)(function)
        if not vars(numba.config)["DISABLE_JIT"]:
            index = compiled._cache._cache_file  # no public way; where numba has it no more, this fails aloud
            index._source_stamp = (index._source_stamp, SOURCES)
    except RuntimeError:  # numba found no folder it may write to
        compiled = numba.njit(**options)(function)
    return cast(Callable[P, R], compiled)


def thread_count() -> int:
    """Return how many threads to use: the machine's cores, or the environment's ``NUMBA_NUM_THREADS`` [count]."""
    return int(vars(numba.config)["NUMBA_NUM_THREADS"])
