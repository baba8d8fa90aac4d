"""Position of the lowest set bit, as one machine instruction."""

from collections.abc import Callable
from typing import Any, cast

from numba import types
from numba.extending import intrinsic


def _lowest_bit(typing_context: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, False))

    return types.int64(types.int64), generate


lowest_bit = cast(Callable[[int], int], intrinsic(_lowest_bit))
"""Return the position of the lowest set bit of an int64, 0 to 63; 64 for 0. Only in kernels."""
