"""Quantised ONNX operators, read as what they mean: real numbers within the range their integers can show.

Rounding is dropped: the tools of this project quantise for the chip anew. What the integers of a tensor stand for
stays known, so a DequantizeLinear behind a QuantizeLinear leaves just a clip.
"""

from dataclasses import replace

import numpy as np
from onnx import helper

from neutrams.base.arrays import AnyArray, FloatArray
from neutrams.importers.builder import Tensor, Value
from neutrams.importers.onnx_call import Call, operator
from neutrams.importers.onnx_conv import window_of
from neutrams.importers.onnx_math import product_of
from neutrams.importers.windows import convolution
from neutrams.network import Add

RANGES = {
    f"{sign}int{bits}": (-(1 << bits - 1), (1 << bits - 1) - 1) if not sign else (0, (1 << bits) - 1)
    for bits in (2, 4, 8, 16)
    for sign in ("", "u")
}  # smallest and largest integer of each type


def _scale_and_zero(call: Call, first: int, x: Tensor | AnyArray) -> tuple[FloatArray, FloatArray]:
    """Return scale and zero point, inputs ``first`` and the next, shaped to meet ``x``."""
    rank = len(x.shape) if isinstance(x, Tensor) else x.ndim - 1
    scale = call.floats(first)
    zero = np.zeros(scale.shape) if call.given(first + 1) is None else _plain(call.array(first + 1))
    if scale.size != 1 and scale.ndim != 1:
        raise call.refuse("has a scale a block")
    if (scale <= 0).any():
        raise call.refuse("has a scale that is not positive")
    if scale.size == 1:
        return scale.reshape(()), zero.reshape(())
    axis = call.axis(call.attributes.get("axis", 1), rank)
    shape = tuple(-1 if a == axis else 1 for a in range(rank))
    return scale.reshape(shape), zero.reshape(shape)


def _plain(array: AnyArray | None) -> FloatArray:
    """Return constant integers of any type as float64."""
    assert array is not None
    return array.astype(np.float64)


def _rows(values: FloatArray, rank: int) -> FloatArray:
    """Return one value, or one a row of weights with ``rank`` axes, shaped to meet them."""
    return values.reshape(()) if values.size == 1 else values.reshape(-1, *(1,) * (rank - 1))


def _bounds(call: Call, zero_at: int) -> tuple[int, int]:
    """Return the smallest and largest integer of the type that a zero point, or an attribute, gives."""
    zero, asked = call.array(zero_at), call.attributes.get("output_dtype", 0)
    kind = str(zero.dtype) if zero is not None else str(helper.tensor_dtype_to_np_dtype(asked)) if asked else "uint8"
    if kind not in RANGES:
        raise call.refuse(f"to {kind}")
    return RANGES[kind]


def _quantized(call: Call, x: Tensor, first: int, name: str) -> Tensor:
    """Return the integers that stand for ``x``, not rounded; scale and zero point are inputs ``first`` and the next."""
    scale, zero = _scale_and_zero(call, first, x)
    low, high = _bounds(call, first + 1)
    if scale.ndim:
        code = call.builder.affine(call.part("code"), x, 1 / scale, zero)
        return call.builder.clip(name, code, low, high)
    real = call.builder.clip(call.part("real"), x, float((low - zero) * scale), float((high - zero) * scale))
    return call.builder.affine(name, real, 1 / scale, zero)


def _dequantized(call: Call, i: int, name: str) -> Tensor:
    """Return what the integers of input ``i`` stand for; scale and zero point are the next two inputs."""
    q = call.tensor(i)
    scale, zero = _scale_and_zero(call, i + 1, q)
    made = call.builder.nodes[q.name]
    if isinstance(made, Add) and len(made.inputs) == 1 and not scale.ndim and _codes(made, scale, zero):
        source = made.inputs[0]
        return Tensor(source, call.builder.shapes[source])
    return call.builder.affine(name, q, scale, -zero * scale)


def _codes(made: Add, scale: FloatArray, zero: FloatArray) -> bool:
    """Whether a sum makes the integers of scale and zero point out of the number they stand for."""
    return bool((made.coefficients == 1 / scale).all() and (made.bias == zero).all())


@operator("QuantizeLinear", constants=(1, 2))
def quantize_linear(call: Call) -> Value:
    """The range its integers can show, as a clip; rounding is dropped."""
    return _quantized(call, call.floating(), 1, call.name)


@operator("DequantizeLinear", constants=(1, 2))
def dequantize_linear(call: Call) -> Value:
    """The numbers that integers stand for."""
    return _dequantized(call, 0, call.name)


@operator("QLinearConv", constants=(1, 2, 3, 4, 5, 6, 7, 8))
def quantized_convolution(call: Call) -> Value:
    """Convolution of quantised tensors in the numbers they stand for; rounding is dropped."""
    x = _dequantized(call, 0, call.part("x"))
    scale, zero = call.floats(4), _plain(call.array(5))
    codes = _plain(call.array(3))
    zero, scale_of_row = (_rows(part, codes.ndim) for part in (zero, scale))
    weights = (codes - zero) * scale_of_row
    bias = None if call.given(8) is None else call.floats(8) * call.floats(1) * scale
    window = window_of(call, x, weights.shape[2:])
    result = convolution(call.builder, call.part("convolution"), x, weights, bias, window)
    return _quantized(call, result, 6, call.name)


@operator("QLinearMatMul", constants=(1, 2, 3, 4, 5, 6, 7))
def quantized_product(call: Call) -> Value:
    """Product of a quantised tensor with constant weights in the numbers they stand for; rounding is dropped."""
    weights = _plain(call.array(3))
    scale, zero = (
        part if part.ndim < 2 else part.reshape(part.shape[-1]) for part in (call.floats(4), _plain(call.array(5)))
    )
    inner = replace(call, name=call.part("product"))
    result = product_of(inner, _dequantized(call, 0, call.part("a")), (weights - zero) * scale)
    assert isinstance(result, Tensor)
    return _quantized(call, result, 6, call.name)


@operator("ConvInteger", constants=(1, 2, 3))
def integer_convolution(call: Call) -> Value:
    """Convolution of integers, their zero points taken off; constant weights."""
    x = call.builder.affine(call.part("x"), call.tensor(), 1.0, -call.scalar(2, 0.0))
    weights = _plain(call.array(1))
    zero = np.zeros(()) if call.given(3) is None else _plain(call.array(3))
    weights = weights - _rows(zero, weights.ndim)
    return convolution(call.builder, call.name, x, weights, None, window_of(call, x, weights.shape[2:]))


@operator("MatMulInteger", constants=(1, 2, 3))
def integer_product(call: Call) -> Value:
    """Product of integers with constant integer weights, their zero points taken off."""
    if call.given(2) is not None and _plain(call.array(2)).size > 1:
        raise call.refuse("has a zero point a row")
    x = call.builder.affine(call.part("x"), call.tensor(), 1.0, -call.scalar(2, 0.0))
    zero = np.zeros(()) if call.given(3) is None else _plain(call.array(3))
    return product_of(call, x, _plain(call.array(1)) - zero)
