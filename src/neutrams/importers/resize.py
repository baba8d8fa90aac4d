"""Resampling of one axis: which elements of the input, with which weights, make each element of the output."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """How one axis is resampled.

    Attributes:
        size: Elements of the input.
        target: Elements of the output.
        scale: Output elements an input element; not always target / size.
        transform: Which place of the input an element of the output has, in ONNX's words.
    """

    size: int
    target: int
    scale: float
    transform: str = "half_pixel"

    @property
    def places(self) -> FloatArray:
        """Place of each element of the output on the axis of the input, float64 ``[target]``."""
        out = np.arange(self.target, dtype=np.float64)
        exact = self.scale * self.size  # the length of the output before it was cut to whole elements
        forms: dict[str, Callable[[], FloatArray]] = {
            "half_pixel": lambda: (out + 0.5) / self.scale - 0.5,
            "pytorch_half_pixel": lambda: (out + 0.5) / self.scale - 0.5 if exact != 1 else 0.0 * out - 0.5,
            "align_corners": lambda: out * (self.size - 1) / (exact - 1) if exact != 1 else 0.0 * out,
            "asymmetric": lambda: out / self.scale,
            "tf_half_pixel_for_nn": lambda: (out + 0.5) / self.scale,
            "half_pixel_symmetric": lambda: self.size / 2 * (1 - self.target / exact) + (out + 0.5) / self.scale - 0.5,
        }
        return forms[self.transform]()


TRANSFORMS = (
    "half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn", "half_pixel_symmetric",
)  # fmt: skip
ROUNDING: dict[str, Callable[[FloatArray], FloatArray]] = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def nearest(axis: Axis, rounding: str) -> IntArray:
    """Return which element of the input each element of the output is, int64 ``[target]``."""
    chosen = ROUNDING[rounding](axis.places).astype(np.int64)
    return np.clip(chosen, 0, axis.size - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """An interpolation between neighbours.

    Attributes:
        reach: Neighbours on each side.
        weight: Weight by distance.
        exclude_outside: Whether neighbours outside the axis count nothing, or repeat its edge.
        antialias: Whether the filter widens where the axis shrinks.
    """

    reach: int
    weight: Callable[[FloatArray], FloatArray]
    exclude_outside: bool = False
    antialias: bool = False


def linear(distance: FloatArray) -> FloatArray:
    """Return the triangle filter."""
    return np.maximum(1.0 - np.abs(distance), 0.0)


def cubic(a: float) -> Callable[[FloatArray], FloatArray]:
    """Return the cubic convolution filter of coefficient ``a``.

    Keys (1981), doi 10.1109/TASSP.1981.1163711
    """

    def weight(distance: FloatArray) -> FloatArray:
        d = np.abs(distance)
        inner = ((a + 2) * d - (a + 3)) * d * d + 1
        outer = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        return np.where(d <= 1, inner, np.where(d < 2, outer, 0.0))

    return weight


def matrix(axis: Axis, kernel: Filter) -> FloatArray:
    """Return the weights of the resampling, float64 ``[target, size]``; each row sums to 1."""
    shrink = min(axis.scale, 1.0) if kernel.antialias else 1.0
    reach = int(np.ceil(kernel.reach / shrink))
    places = axis.places
    neighbours = np.floor(places)[:, np.newaxis] + np.arange(-reach + 1, reach + 1)
    weights = kernel.weight((neighbours - places[:, np.newaxis]) * shrink)
    inside = (neighbours >= 0) & (neighbours < axis.size)
    if kernel.exclude_outside:
        weights = weights * inside
    weights = weights / weights.sum(axis=1, keepdims=True)
    columns = np.clip(neighbours, 0, axis.size - 1).astype(np.int64)
    result = np.zeros((axis.target, axis.size))
    np.add.at(result, (np.arange(axis.target)[:, np.newaxis], columns), weights)
    return result
