"""ONNX operators that move data: reshapes, slices, concatenation, and those that do nothing at inference."""

import numpy as np
from onnx import TensorProto

from neutrams.importers.builder import Value
from neutrams.importers.onnx_call import Call, operator
from neutrams.network import Concat, Slice
from neutrams.network.shapes import Shape

FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16}
INTEGERS = {TensorProto.INT64, TensorProto.INT32}


@operator("Identity")
def identity(call: Call) -> Value:
    """The tensor itself."""
    return call.tensor()


@operator("Dropout", constants=(1, 2))
def dropout(call: Call) -> Value:
    """The tensor itself: at inference nothing is dropped."""
    training = call.array(2)
    if training is not None and training.any():
        raise call.refuse("is in training mode")
    return call.tensor()


@operator("Cast")
def cast(call: Call) -> Value:
    """The tensor itself, where the type keeps its values."""
    x, to = call.tensor(), call.attributes["to"]
    if to not in FLOATS and not (x.integer and to in INTEGERS):
        raise call.refuse(f"to {TensorProto.DataType.Name(to)} changes values")
    return x


@operator("Flatten")
def flatten(call: Call) -> Value:
    """Samples as vectors."""
    x = call.tensor()
    axis = call.attributes.get("axis", 1)
    axis += (len(x.shape) + 1) * (axis < 0)
    if axis < 1 or int(np.prod(x.shape[: axis - 1])) != 1:
        raise call.refuse(f"with axis {axis} mixes samples")
    return call.builder.reshape(call.name, x, (int(np.prod(x.shape)),))


@operator("Reshape", constants=(1,))
def reshape(call: Call) -> Value:
    """Samples with another shape; the batch axis stays first."""
    x, target = call.tensor(), call.integers(1, "shape")
    if not target or (call.attributes.get("allowzero", 0) and 0 in target):
        raise call.refuse(f"to {target} has no batch axis first")
    before = (1, *x.shape)
    sizes = [before[i] if n == 0 and i < len(before) else n for i, n in enumerate(target)]
    if sizes[0] in call.builder.batches:
        sizes[0] = 1
    shape = _completed(sizes, int(np.prod(x.shape)))
    if shape is None:
        raise call.refuse(f"of samples of shape {x.shape} to {target} does not keep the batch axis first")
    return call.builder.reshape(call.name, x, shape)


def _completed(sizes: list[int], count: int) -> Shape | None:
    """Return the per-sample shape of a reshape to ``sizes``, batch axis first; None where it mixes samples."""
    first, inner = sizes[0], sizes[1:]
    if -1 in inner and first != -1:
        known = int(np.prod([n for n in inner if n != -1]))
        inner = [count // known if n == -1 and known > 0 else n for n in inner]
    whole = first in (-1, 1) and min(inner, default=1) > 0 and int(np.prod(inner)) == count
    return tuple(inner) if whole else None


@operator("Squeeze", constants=(1,))
def squeeze(call: Call) -> Value:
    """Axes of length 1 away; the batch axis stays."""
    x = call.tensor()
    rank = len(x.shape) + 1
    given = call.integers(1, "axes")
    axes = [i for i, n in enumerate(x.shape, 1) if n == 1] if given is None else [a % rank for a in given]
    if any(a == 0 or x.shape[a - 1] != 1 for a in axes):
        raise call.refuse(f"takes away the axes {given} of samples of shape {x.shape}")
    return call.builder.reshape(call.name, x, tuple(n for i, n in enumerate(x.shape, 1) if i not in axes))


@operator("Unsqueeze", constants=(1,))
def unsqueeze(call: Call) -> Value:
    """New axes of length 1 behind the batch axis."""
    x, given = call.tensor(), call.integers(1, "axes") or []
    rank = len(x.shape) + 1 + len(given)
    axes = {a % rank for a in given}
    if 0 in axes or len(axes) != len(given):
        raise call.refuse(f"puts new axes at {given}, one of them before the batch axis")
    sizes = iter(x.shape)
    return call.builder.reshape(call.name, x, tuple(1 if i in axes else next(sizes) for i in range(1, rank)))


@operator("Concat")
def concat(call: Call) -> Value:
    """Tensors joined along the last axis."""
    given = [call.tensor(i) for i in range(len(call.inputs))]
    rank = len(given[0].shape)
    if rank == 0 or call.attributes["axis"] not in (-1, rank):
        raise call.refuse(f"along axis {call.attributes['axis']}, only the last axis ({rank}) can be imported")
    return call.builder.emit(Concat(name=call.name, inputs=tuple(x.name for x in given)))


@operator("Slice", constants=(1, 2, 3, 4))
def slice_(call: Call) -> Value:
    """A piece of the last axis, with a step forwards."""
    x = call.tensor()
    rank = len(x.shape) + 1
    starts, ends = call.integers(1, "starts") or [], call.integers(2, "ends") or []
    axes = call.integers(3, "axes") or list(range(len(starts)))
    steps = call.integers(4, "steps") or [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        inner, last = (axis % rank) - 1, axis % rank == rank - 1
        size = x.shape[inner] if inner >= 0 else np.iinfo(np.int32).max
        low, high, _ = slice(start, end, step).indices(size)
        if last and inner >= 0 and step > 0 and low < high:
            name = call.name if len(starts) == 1 else call.builder.fresh(f"{call.name}.slice")
            x = call.builder.emit(Slice(name=name, inputs=(x.name,), start=low, stop=high, step=step), x.integer)
        elif (low, step) != (0, 1) or high < size:
            raise call.refuse(f"takes {start}:{end}:{step} of axis {axis}, only the last axis can be cut")
    return x
