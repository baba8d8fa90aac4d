"""Machine instructions that numba does not offer: the lowest set bit, an array's bare address, a load ahead."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

A = TypeVar("A")


def _lowest_bit(typing_context: Any, word: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, False))

    return types.int64(types.int64), generate


def _bare(typing_context: Any, array: Any) -> Any:
    pointer = cast(Any, types.CPointer)(array.dtype)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        proxy = cast(Any, cgutils.create_struct_proxy)(signature.args[0])
        struct = proxy(context, builder, value=arguments[0])
        return struct.data

    return pointer(array), generate


def _prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        begin = arguments[0]
        if isinstance(array, types.Array):
            begin = cast(Any, cgutils.create_struct_proxy)(array)(context, builder, value=begin).data
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        hint = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        there = builder.gep(begin, [arguments[1]])
        builder.call(hint, [builder.bitcast(there, byte), number(0), number(3), number(1)])  # to read, keep, data
        return context.get_dummy_value()

    return types.void(array, types.uintp), generate


lowest_bit = cast(Callable[[int], int], intrinsic(_lowest_bit))
"""Return the position of the lowest set bit of an int64, 0 to 63; 64 for 0. Only in kernels."""

bare = cast(Callable[[A], A], intrinsic(_bare))
"""Return the address of an array's first element; it is indexed like the array, from 0 up, without shape.

Numba neither counts references to it, which took most of the time where a loop calls many kernels, nor looks whether an
index is below 0. The caller keeps the array alive. Only in kernels, for C-contiguous arrays.
"""

prefetch = cast(Callable[[Any, Any], None], intrinsic(_prefetch))
"""Have the memory at an index (unsigned) of an array, or from a bare address on, brought to the cache.

Nothing waits for it. Only in kernels.
"""
