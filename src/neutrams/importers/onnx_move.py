"""ONNX operators that move data or rename it: shapes, order of axes, pieces, and those that do nothing at inference."""

from math import prod

import numpy as np
from onnx import TensorProto, helper

from neutrams.importers.builder import Tensor, Value
from neutrams.importers.frames import piece
from neutrams.importers.onnx_call import Call, operator
from neutrams.importers.onnx_input import FLOATS
from neutrams.network import Concat
from neutrams.network.shapes import Shape

WHOLE = {TensorProto.INT64, TensorProto.INT32}


@operator("Identity")
def identity(call: Call) -> Value:
    """The tensor itself."""
    return call.tensor()


@operator("Dropout", constants=(1, 2))
def dropout(call: Call) -> Value:
    """The tensor itself: at inference nothing is dropped; not its mask, not in training mode."""
    training = call.array(2)
    if training is not None and training.any():
        raise call.refuse("is in training mode")
    return call.tensor()


@operator("Cast", "CastLike")
def cast(call: Call) -> Value:
    """The tensor itself, where the type keeps its values: to floats of 16 bits and more, or to int32 or int64."""
    x = call.tensor()
    to = call.attributes["to"] if call.op == "Cast" else _type_like(call)
    if to in FLOATS:
        return Tensor(x.name, x.shape)
    if not x.integer or to not in WHOLE:
        raise call.refuse(f"to {TensorProto.DataType.Name(to)} changes values")
    return x


def _type_like(call: Call) -> int:
    model = call.given(1)
    if isinstance(model, Tensor):
        return int(TensorProto.INT64 if model.integer else TensorProto.FLOAT)
    return int(helper.np_dtype_to_tensor_dtype(np.asarray(model).dtype))


@operator("Flatten")
def flatten(call: Call) -> Value:
    """Samples as vectors."""
    x = call.tensor()
    axis = call.attributes.get("axis", 1)
    axis += (len(x.shape) + 1) * (axis < 0)
    if axis < 1 or prod(x.shape[: axis - 1]) != 1:
        raise call.refuse(f"with axis {axis} mixes samples")
    return call.builder.reshape(call.name, x, (prod(x.shape),))


@operator("Reshape", constants=(1,))
def reshape(call: Call) -> Value:
    """Samples with another constant shape; the batch axis stays between the axes it stood between."""
    x, target = call.tensor(), call.integers(1, "shape")
    if not target or (call.attributes.get("allowzero", 0) and 0 in target):
        raise call.refuse(f"to {target} has no batch axis first")
    before = (*x.shape[: x.batch], 1, *x.shape[x.batch :])
    sizes = [before[i] if n == 0 and i < len(before) else n for i, n in enumerate(target)]
    if x.batch:
        return _within(call, x, sizes, target[x.batch : x.batch + 1] == [0])
    if sizes[0] in call.builder.batches:
        sizes[0] = 1
    shape = _completed(sizes, prod(x.shape))
    if shape is None:
        raise call.refuse(f"of samples of shape {x.shape} to {target} does not keep the batch axis first")
    return call.builder.reshape(call.name, x, shape)


def _within(call: Call, x: Tensor, sizes: list[int], kept: bool) -> Tensor:
    """Reshape a tensor whose batch is not its first axis: what is in front of it stays there, as does what is behind.

    The batch stays the same axis if ``kept``, as a 0 there says. Else it is the axis given as -1, where it can be.
    """
    front, behind = prod(x.shape[: x.batch]), prod(x.shape[x.batch :])
    places = [place for place, n in enumerate(sizes) if n == -1 or n in call.builder.batches]
    for place in [x.batch] if kept else sorted(places, key=lambda place: (sizes[place] != -1, place != x.batch)):
        shape = _filled(sizes[:place] + sizes[place + 1 :], front * behind)
        if min(shape, default=1) > 0 and (prod(shape[:place]), prod(shape[place:])) == (front, behind):
            return call.builder.reshape(call.name, x, shape).with_batch(place)
    raise call.refuse(
        f"of samples of shape {x.shape}, the batch their axis {x.batch}, to {sizes} does not keep the batch apart"
    )


def _completed(sizes: list[int], count: int) -> Shape | None:
    """Return the per-sample shape of a reshape to ``sizes``, batch axis first; None where it mixes samples."""
    first, inner = sizes[0], sizes[1:]
    inner = inner if first == -1 else _filled(inner, count)
    whole = first in (-1, 1) and min(inner, default=1) > 0 and prod(inner) == count
    return tuple(inner) if whole else None


def _filled(sizes: list[int], count: int) -> list[int]:
    """Return ``sizes`` of ``count`` elements in all, the one that is -1 worked out."""
    known = prod(n for n in sizes if n != -1)
    return [count // known if n == -1 and known > 0 else n for n in sizes]


@operator("Squeeze", constants=(1,))
def squeeze(call: Call) -> Value:
    """Axes of length 1 away; the batch axis stays."""
    x = call.tensor()
    rank = len(x.shape) + 1
    given = call.integers(1, "axes")
    sizes = [*x.shape[: x.batch], 0, *x.shape[x.batch :]]
    axes = [i for i, n in enumerate(sizes) if n == 1] if given is None else [a % rank for a in given]
    if any(sizes[a] != 1 for a in axes):
        raise call.refuse(f"takes away the axes {given} of samples of shape {x.shape}")
    shape = tuple(n for i, n in enumerate(sizes) if i not in axes and i != x.batch)
    return call.builder.reshape(call.name, x, shape).with_batch(x.batch - sum(a < x.batch for a in axes))


@operator("Unsqueeze", constants=(1,))
def unsqueeze(call: Call) -> Value:
    """New axes of length 1 behind the batch axis."""
    x, given = call.tensor(), call.integers(1, "axes") or []
    rank = len(x.shape) + 1 + len(given)
    axes = {a % rank for a in given}
    if len(axes) != len(given):
        raise call.refuse(f"puts new axes at {given}, two of them at one place")
    old = [i for i in range(rank) if i not in axes]
    batch = old[x.batch]
    sizes = iter(x.shape)
    shape = tuple(1 if i in axes else next(sizes) for i in range(rank) if i != batch)
    return call.builder.reshape(call.name, x, shape).with_batch(batch)


@operator("Transpose")
def transpose(call: Call) -> Value:
    """The axes in another order; where the batch axis does not stay first, few operators read the result."""
    x = call.tensor()
    order = call.attributes.get("perm", list(range(len(x.shape) + 1))[::-1])
    if sorted(order) != list(range(len(x.shape) + 1)):
        raise call.refuse(f"to the order {list(order)} of samples of shape {x.shape}")
    axes = [axis - (axis > x.batch) for axis in order if axis != x.batch]
    return call.builder.transpose(call.name, x, axes).with_batch(order.index(x.batch))


@operator("Concat")
def concat(call: Call) -> Value:
    """Tensors joined along an axis of a sample."""
    given = [call.tensor(i) for i in range(len(call.inputs))]
    batch = given[0].batch
    if any(x.batch != batch for x in given):
        raise call.refuse("joins tensors whose batch axes differ")
    axis = call.axis(call.attributes["axis"], len(given[0].shape), batch)
    if len(given) == 1:
        return given[0]
    node = Concat(name=call.name, inputs=tuple(x.name for x in given), axis=axis)
    return call.builder.emit(node, all(x.integer for x in given)).with_batch(batch)


@operator("Split", constants=(1,))
def split(call: Call) -> list[Value]:
    """Pieces of an axis of a sample."""
    x = call.tensor()
    axis = call.axis(call.attributes.get("axis", 0), len(x.shape), x.batch)
    sizes, n = call.integers(1, "split"), x.shape[axis]
    if sizes is None:
        count = call.attributes.get("num_outputs", call.outputs)
        chunk = -(-n // count)
        sizes = [chunk] * (n // chunk) + ([n % chunk] if n % chunk else [])
    if sum(sizes) != n or min(sizes) < 1:
        raise call.refuse(f"cuts an axis of {n} into pieces of {sizes}")
    ends = np.cumsum(sizes).tolist()
    names = [call.name, *(call.part(f"piece{i}") for i in range(1, len(sizes)))]
    return [
        piece(call.builder, name, x, axis, end - size, end).with_batch(x.batch)
        for name, size, end in zip(names, sizes, ends, strict=True)
    ]


@operator("Slice", constants=(1, 2, 3, 4))
def slice_(call: Call) -> Value:
    """A piece of any axes of a sample, with steps forwards or backwards; constant bounds."""
    x = call.tensor()
    rank = len(x.shape) + 1
    starts, ends = call.integers(1, "starts") or [], call.integers(2, "ends") or []
    axes = call.integers(3, "axes") or list(range(len(starts)))
    steps = call.integers(4, "steps") or [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if axis % rank == x.batch:
            size = np.iinfo(np.int32).max
            if slice(start, end, step).indices(size) != (0, size, 1):
                raise call.refuse(f"takes {start}:{end}:{step} of the batch axis")
            continue
        inner = call.axis(axis, rank - 1, x.batch)
        bounds = slice(start, end, step).indices(x.shape[inner])
        name = call.name if len(starts) == 1 else call.part("slice")
        x = piece(call.builder, name, x, inner, *bounds).with_batch(x.batch)
    return x


@operator("DepthToSpace", "SpaceToDepth")
def depth_to_space(call: Call) -> Value:
    """Blocks of channels as squares of pixels, or the other way round."""
    x, block = call.tensor(), call.attributes["blocksize"]
    if len(x.shape) != 3:
        raise call.refuse(f"of samples of shape {x.shape}")
    channels, height, width = x.shape
    if call.op == "SpaceToDepth":
        split_ = (channels, height // block, block, width // block, block)
        order = (2, 4, 0, 1, 3) if call.text("mode", "DCR") == "DCR" else (0, 2, 4, 1, 3)
        shape = (channels * block**2, height // block, width // block)
    else:
        rows_first = call.text("mode", "DCR") == "DCR"
        depth = channels // block**2
        split_ = (block, block, depth, height, width) if rows_first else (depth, block, block, height, width)
        order, shape = (2, 3, 0, 4, 1) if rows_first else (0, 3, 1, 4, 2), (depth, height * block, width * block)
    apart = call.builder.reshape(call.part("apart"), x, split_)
    return call.builder.reshape(call.name, call.builder.transpose(call.part("mixed"), apart, order), shape)
