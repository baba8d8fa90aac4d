"""ONNX operators that pick or repeat elements: gathers, embeddings, one-hot codes, borders, tiles."""

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.importers.builder import Tensor, Value
from neutrams.importers.frames import framed, mirrored
from neutrams.importers.onnx_call import Call, operator


@operator("Gather")
def gather(call: Call) -> Value:
    """Constant indices of an axis of a sample; or rows of a constant table by computed indices (an embedding)."""
    x, indices = call.inputs
    if isinstance(x, Tensor) and isinstance(indices, Tensor):
        raise call.refuse("with a computed parameter (both data and indices)")
    if isinstance(indices, Tensor):
        return _embedding(call, indices)
    x, chosen = call.tensor(), np.asarray(call.array(1), dtype=np.int64)
    axis = call.axis(call.attributes.get("axis", 0), len(x.shape), x.batch)
    size = x.shape[axis]
    if not chosen.size or chosen.min() < -size or chosen.max() >= size:
        raise call.refuse(f"takes elements outside an axis of {size}, or none")
    shape = (*x.shape[:axis], *chosen.shape, *x.shape[axis + 1 :])
    name = call.name if chosen.ndim == 1 else call.part("gathered")
    taken = call.builder.take(name, x, axis, chosen.reshape(-1) % size)
    batch = x.batch + (chosen.ndim - 1) * (axis < x.batch)
    return call.builder.reshape(call.name, taken, shape).with_batch(batch)


def _embedding(call: Call, indices: Tensor) -> Value:
    table = call.floats(0)
    if call.attributes.get("axis", 0) % table.ndim:
        raise call.refuse("puts an axis of its table before the batch axis")
    if indices.batch:
        raise call.refuse(f"reads indices whose batch is axis {indices.batch} instead of the first")
    if not indices.integer:
        raise call.refuse("has indices that are not integers")
    hot = call.builder.host(call.part("hot"), [indices], "one_hot", depth=len(table), strict=1)
    rows = table.reshape(len(table), -1)
    name = call.name if table.ndim == 2 else call.part("rows")
    return call.builder.reshape(call.name, call.builder.linear(name, hot, rows.T), (*indices.shape, *table.shape[1:]))


@operator("OneHot", constants=(1, 2))
def one_hot(call: Call) -> Value:
    """One-hot codes of computed indices, constant depth and values; on the host."""
    x, depth, (off, on) = call.tensor(), int(call.scalar(1, 0)), call.floats(2)
    rank = len(x.shape)
    axis = call.axis(call.attributes.get("axis", -1), rank + 1)
    if depth < 1:
        raise call.refuse(f"has a depth of {depth}")
    plain = (off, on) == (0.0, 1.0)
    order = [*range(axis), rank, *range(axis, rank)]
    last = order == list(range(rank + 1))
    hot = call.builder.host(call.name if plain and last else call.part("hot"), [x], "one_hot", depth=depth)
    if not plain:
        hot = call.builder.affine(call.name if last else call.part("values"), hot, on - off, off)
    return call.builder.transpose(call.name, hot, order)


@operator("Pad", constants=(1, 2, 3))
def pad(call: Call) -> Value:
    """A border of a constant, of the edge, the mirror image or the other end; negative widths cut."""
    x, widths = call.tensor(), call.integers(1, "pads") or []
    rank = len(x.shape)
    axes = call.integers(3, "axes") or list(range(rank + 1))
    if len(widths) != 2 * len(axes):
        raise call.refuse(f"has {len(widths)} widths for {len(axes)} axes")
    borders = [(0, 0)] * rank
    for axis, before, after in zip(axes, widths[: len(axes)], widths[len(axes) :], strict=True):
        if (before, after) != (0, 0):
            borders[call.axis(axis, rank)] = (before, after)
    mode = call.text("mode", "constant")
    if mode != "constant":
        return mirrored(call.builder, call.name, x, borders, mode)
    value = call.scalar(2, call.attributes.get("value", 0.0))
    if not np.isfinite(value):
        raise call.refuse(f"has a border of {value}")
    return framed(call.builder, call.name, x, borders, value)


@operator("Expand", constants=(1,))
def expand(call: Call) -> Value:
    """A tensor repeated along its axes of length 1, inside a sample."""
    x, target = call.tensor(), tuple(call.integers(1, "shape") or ())
    rank = len(x.shape)
    if len(target) > rank + 1 or (len(target) == rank + 1 and target[0] not in call.builder.batches):
        raise call.refuse(f"of samples of shape {x.shape} to {target} does not keep the batch axis first")
    inner = target[-rank:] if rank else ()
    try:
        shape = tuple(int(n) for n in np.broadcast_shapes(x.shape, inner))
    except ValueError:
        raise call.refuse(f"of samples of shape {x.shape} to {target} does not broadcast") from None
    if min(shape, default=1) < 1:
        raise call.refuse(f"to {target} leaves nothing")
    return call.builder.broadcast(call.name, x, shape)


@operator("Tile", constants=(1,))
def tile(call: Call) -> Value:
    """A tensor repeated whole along axes of a sample."""
    x, repeats = call.tensor(), call.integers(1, "repeats") or []
    if len(repeats) != len(x.shape) + 1 or repeats[0] != 1 or min(repeats) < 1:
        raise call.refuse(f"repeats {repeats} times, the batch axis or nothing among them")
    for axis, times in enumerate(repeats[1:]):
        if times > 1:
            indices: AnyArray = np.tile(np.arange(x.shape[axis]), times)
            x = call.builder.take(call.name if times == np.prod(repeats) else call.part("tiled"), x, axis, indices)
    return x
