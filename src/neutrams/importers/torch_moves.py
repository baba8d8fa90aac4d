"""ATen operators that move data, reduce axes, or do nothing at inference."""

from math import prod

import numpy as np

from neutrams.importers.builder import Tensor, Value
from neutrams.importers.frames import piece
from neutrams.importers.reductions import largest_index, reduced
from neutrams.importers.torch_call import Call, operator
from neutrams.network import Concat

MOVE_BATCH = frozenset(("cat", "permute", "select", "squeeze", "stack", "transpose", "unbind"))
"""Operators that read tensors whose batch is not the first axis, as PyTorch's final states are."""


@operator("view", "reshape", "_unsafe_view", "flatten", "squeeze", "unsqueeze", "unflatten")
def reshape(call: Call) -> Value:
    """Samples with another shape; the batch axis stays first."""
    x, shape = call.tensor(), call.shape
    if x.batch:
        return _squeezed(call, x)
    kept = shape and shape[0] in call.builder.batches and prod(shape[1:]) == prod(x.shape)
    if not kept or (call.op == "unsqueeze" and call.arguments["dim"] % len(shape) == 0):
        raise call.refuse(f"of samples of shape {x.shape} to {shape} does not keep the batch axis first")
    return call.builder.reshape(call.name, x, shape[1:])


def _squeezed(call: Call, x: Tensor) -> Tensor:
    """Take away named axes of length 1 of a tensor whose batch is not the first axis."""
    named = call.axes(call.arguments.get("dim"), len(x.shape), x.batch)
    gone = [axis for axis in named if x.shape[axis] == 1]
    rest = [n for axis, n in enumerate(x.shape) if axis not in gone]
    return call.builder.reshape(call.name, x, rest).with_batch(x.batch - sum(axis < x.batch for axis in gone))


@operator("permute", "transpose", "t")
def transpose(call: Call) -> Value:
    """The axes of a sample in another order."""
    x, given = call.tensor(), call.arguments
    rank, batch = len(x.shape), x.batch
    order = list(range(rank + 1))
    if call.op == "permute":
        order = [axis % (rank + 1) for axis in given["dims"]]
    else:
        a, b = (given.get(key, i) % (rank + 1) for i, key in enumerate(("dim0", "dim1")))
        order[a], order[b] = order[b], order[a]
    if order.index(batch) > batch:
        raise call.refuse("does not keep the batch axis first")
    axes = [axis - (axis > batch) for axis in order if axis != batch]
    return call.builder.transpose(call.name, x, axes).with_batch(order.index(batch))


def _alike(call: Call) -> list[Tensor]:
    """Return the tensors that are to be joined: their batch is the same axis."""
    given = [call.builder.tensor(value, f"{call.name}.{i}") for i, value in enumerate(call.arguments["tensors"])]
    if len({x.batch for x in given}) > 1:
        raise call.refuse("joins tensors whose batch axes differ")
    return given


@operator("cat")
def cat(call: Call) -> Value:
    """Tensors joined along an axis of a sample."""
    given = _alike(call)
    axis, batch = call.axis(call.arguments["dim"], len(given[0].shape), given[0].batch), given[0].batch
    return call.builder.emit(Concat(name=call.name, inputs=tuple(x.name for x in given), axis=axis)).with_batch(batch)


@operator("stack")
def stack(call: Call) -> Value:
    """Tensors joined along a new axis of a sample."""
    given = _alike(call)
    shape, batch = given[0].shape, given[0].batch
    batch += 0 < batch >= call.arguments["dim"] % (len(shape) + 2)
    axis = call.axis(call.arguments["dim"], len(shape) + 1, batch)
    wide = [call.builder.reshape(call.part("one"), x, (*shape[:axis], 1, *shape[axis:])) for x in given]
    return call.builder.emit(Concat(name=call.name, inputs=tuple(x.name for x in wide), axis=axis)).with_batch(batch)


@operator("slice")
def slice_(call: Call) -> Value:
    """A piece of an axis of a sample."""
    x, given = call.tensor(), call.arguments
    if call.shape == (call.shape[0], *x.shape):
        return x
    axis = call.axis(given["dim"], len(x.shape))
    bounds = slice(given["start"], given["end"], given["step"]).indices(x.shape[axis])
    return piece(call.builder, call.name, x, axis, *bounds)


@operator("split", "split_with_sizes", "chunk", "unbind")
def split(call: Call) -> list[Value]:
    """Pieces of an axis of a sample."""
    x, given, builder = call.tensor(), call.arguments, call.builder
    axis = call.axis(given["dim"], len(x.shape), x.batch)
    n = x.shape[axis]
    size = int(given.get("split_size", -(-n // given["chunks"]) if call.op == "chunk" else 1))
    sizes = given.get("split_sizes") or [min(size, n - start) for start in range(0, n, size)]
    ends = np.cumsum(sizes).tolist()
    pieces = [piece(builder, call.part(f"piece{i}"), x, axis, end - sizes[i], end) for i, end in enumerate(ends)]
    if call.op != "unbind":
        return [*pieces]
    rest, batch = (*x.shape[:axis], *x.shape[axis + 1 :]), x.batch - (axis < x.batch)
    return [builder.reshape(call.part("row"), p, rest).with_batch(batch) for p in pieces]


@operator("select")
def select(call: Call) -> Value:
    """One element of an axis of a sample, which goes."""
    x, builder = call.tensor(), call.builder
    axis = call.axis(call.arguments["dim"], len(x.shape), x.batch)
    at = call.arguments["index"] % x.shape[axis]
    one = piece(builder, call.part("one"), x, axis, at, at + 1)
    rest = (*x.shape[:axis], *x.shape[axis + 1 :])
    return builder.reshape(call.name, one, rest).with_batch(x.batch - (axis < x.batch))


@operator("index_select", constants=("index",))
def index_select(call: Call) -> Value:
    """Elements of an axis of a sample by constant indices."""
    x = call.tensor()
    axis = call.axis(call.arguments["dim"], len(x.shape))
    return call.builder.take(call.name, x, axis, np.asarray(call.arguments["index"]) % x.shape[axis])


@operator("index")
def index(call: Call) -> Value:
    """Elements of one axis of a sample by constant indices."""
    x, given = call.tensor(), call.arguments["indices"]
    used = [axis for axis, indices in enumerate(given) if indices is not None]
    if len(used) != 1 or isinstance(given[used[0]], Tensor) or np.ndim(given[used[0]]) != 1:
        raise call.refuse("picks by several or computed indices")
    axis = call.axis(used[0], len(x.shape))
    chosen = np.asarray(given[used[0]])
    if chosen.dtype.kind == "b":
        chosen = np.flatnonzero(chosen)
    return call.builder.take(call.name, x, axis, chosen % x.shape[axis])


@operator("embedding", constants=("weight",))
def embedding(call: Call) -> Value:
    """Rows of a constant table by computed indices; one-hot on the host, then a product."""
    table, indices = call.floats("weight"), call.tensor("indices")
    hot = call.builder.host(call.part("hot"), [indices], "one_hot", depth=len(table), strict=1)
    return call.builder.linear(call.name, hot, table.T)


@operator("flip", "roll")
def turn(call: Call) -> Value:
    """Axes of a sample backwards, or rolled around."""
    x = call.tensor()
    axes = call.axes(call.arguments["dims"], len(x.shape))
    shifts = call.arguments.get("shifts", [0] * len(axes))
    for axis, shift in zip(axes, [shifts] if isinstance(shifts, int) else shifts, strict=True):
        order = np.arange(x.shape[axis])
        name = call.name if len(axes) == 1 else call.part("turned")
        x = call.builder.take(name, x, axis, order[::-1] if call.op == "flip" else np.roll(order, shift))
    return x


@operator("expand")
def expand(call: Call) -> Value:
    """A tensor repeated along its axes of length 1."""
    x = call.tensor()
    if len(call.shape) != len(x.shape) + 1 or call.shape[0] not in call.builder.batches:
        raise call.refuse(f"of samples of shape {x.shape} to {call.shape} does not keep the batch axis first")
    return call.builder.broadcast(call.name, x, call.shape[1:])


@operator("repeat")
def repeat(call: Call) -> Value:
    """A tensor repeated whole along axes of a sample."""
    x, repeats = call.tensor(), list(call.arguments["repeats"])
    if len(repeats) != len(x.shape) + 1 or repeats[0] != 1:
        raise call.refuse("repeats samples")
    for axis, times in enumerate(repeats[1:]):
        name = call.name if times == prod(repeats) else call.part("repeated")
        x = call.builder.take(name, x, axis, np.tile(np.arange(x.shape[axis]), times)) if times > 1 else x
    return x


@operator("mean", "sum", "amax", "amin", "max", "min", "linalg_vector_norm")
def reduce(call: Call) -> Value:
    """Mean, sum, largest, smallest or norm over axes of a sample."""
    x, builder, given = call.tensor(), call.builder, call.arguments
    axes = call.axes(given.get("dim"), len(x.shape))
    keep, op = bool(given.get("keepdim", False)), call.op.removeprefix("a")
    size = float(prod(x.shape[axis] for axis in axes))
    if op in ("mean", "max"):
        return reduced(builder, call.name, x, "average" if op == "mean" else "max", axes, keep)
    if op == "min":
        turned = builder.affine(call.part("turned"), x, -1.0)
        return builder.affine(call.name, reduced(builder, call.part("largest"), turned, "max", axes, keep), -1.0)
    if op == "sum":
        return builder.affine(call.name, reduced(builder, call.part("mean"), x, "average", axes, keep), size)
    if given["ord"] != 2:
        raise call.refuse(f"has a norm of order {given['ord']}")
    square = builder.activation(call.part("square"), x, "power", exponent=2.0)
    total = builder.affine(call.part("sum"), reduced(builder, call.part("mean"), square, "average", axes, keep), size)
    return builder.activation(call.name, total, "sqrt")


@operator("cumsum")
def cumsum(call: Call) -> Value:
    """Running sum along an axis of a sample."""
    x = call.tensor()
    axis = call.axis(call.arguments["dim"], len(x.shape))
    return call.builder.along(call.name, x, axis, np.tril(np.ones((x.shape[axis], x.shape[axis]))))


@operator("argmax", "argmin")
def argmax(call: Call) -> Value:
    """Index of the largest or smallest element along an axis of a sample, on the host."""
    x = call.tensor()
    if call.arguments["dim"] is None:
        raise call.refuse("works along all axes, the batch axis too")
    axis = call.axis(call.arguments["dim"], len(x.shape))
    x = call.builder.affine(call.part("turned"), x, -1.0) if call.op == "argmin" else x
    return largest_index(call.builder, call.name, x, axis, bool(call.arguments["keepdim"]))


@operator("clone", "contiguous", "alias", "detach", "dropout", "lift_fresh_copy")
def same(call: Call) -> Value:
    """The tensor itself."""
    return call.tensor("input" if "input" in call.arguments else "self")


@operator("to", "_to_copy")
def convert(call: Call) -> Value:
    """The tensor itself, where the type keeps its values."""
    x, dtype = call.tensor(), call.arguments.get("dtype")
    if dtype is not None and not dtype.is_floating_point and not x.integer:
        raise call.refuse(f"to {dtype} changes values")
    return x
