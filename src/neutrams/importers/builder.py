"""What importers share: constants and tensors of a foreign graph, and the nodes they become."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count

import numpy as np

from neutrams.base.arrays import AnyArray, check_finite
from neutrams.base.errors import UnsupportedError
from neutrams.network import Activation, Add, Constant, Gather, Host, Linear, Max, Mul, Network, Node, Reshape
from neutrams.network.ops import Transpose
from neutrams.network.shapes import RULES, Shape
from neutrams.network.verify import verify_values

LARGEST = float(np.finfo(np.float32).max)  # stands for a bound that is absent: finite, so ranges stay finite


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor that depends on the sample.

    Attributes:
        name: The node that gives it.
        shape: Per sample, without the foreign graph's batch axis.
        integer: Whether it holds integers in the foreign graph.
        batch: Which axis the batch is in the foreign graph.
    """

    name: str
    shape: Shape
    integer: bool = False
    batch: int = 0

    def with_batch(self, axis: int) -> "Tensor":
        """Return the same tensor, its batch axis another one in the foreign graph."""
        return replace(self, batch=axis)


Value = Tensor | AnyArray
Gain = AnyArray | float
Term = tuple[Tensor, Gain]


def refusal(what: str, where: str) -> UnsupportedError:
    """Return the error for an operator used in a form that cannot be imported."""
    return UnsupportedError(what, where=where, fix="rewrite this part of the model in a form that can be imported")


class Builder:
    """Collects nodes in order.

    Names in ``taken`` no helper node bears; ``batches`` are the lengths the foreign graph may give its batch axis.
    """

    def __init__(self, taken: Iterable[str], batches: Iterable[int] = (1,)) -> None:
        self.batches = frozenset(batches)
        self.nodes: dict[str, Node] = {}
        self.shapes: dict[str, Shape] = {}
        self._taken = set(taken)

    def fresh(self, *names: str) -> str:
        """Return and take the first of ``names`` that nothing else bears; else the last one with a number behind."""
        numbered = (f"{names[-1]}.{k}" for k in count(1))
        name = next(name for name in chain(names, numbered) if name not in self._taken)
        self._taken.add(name)
        return name

    def emit(self, node: Node, integer: bool = False) -> Tensor:
        """Append ``node`` and return its tensor.

        Raises:
            InputError: The node cannot take the shapes it is given.
        """
        shape = RULES[node.op](node, [self.shapes[name] for name in node.inputs])
        self.nodes[node.name] = node
        self.shapes[node.name] = shape
        return Tensor(node.name, shape, integer)

    def network(self) -> Network:
        """Return the network of all nodes that an output depends on, its values checked."""
        network = Network(tuple(self.nodes.values())).pruned()
        verify_values(network.nodes)
        return network

    def tensor(self, value: Value, name: str) -> Tensor:
        """Return ``value`` as a tensor: a constant ``[1, ...]`` becomes a node called ``name``."""
        if isinstance(value, Tensor):
            return value
        if value.ndim == 0 or value.shape[0] != 1:
            raise refusal(f"a constant of shape {value.shape} stands where one value a sample must", f"node {name!r}")
        return self.constant(name, value[0], value.dtype.kind in "iub")

    def constant(self, name: str, values: AnyArray, integer: bool = False) -> Tensor:
        """Return a tensor that is ``values`` for every sample."""
        check_finite(values, f"constant {name!r}")
        return self.emit(Constant(name=self.fresh(name), values=values.astype(np.float64)), integer)

    def reshape(self, name: str, x: Tensor, shape: Sequence[int]) -> Tensor:
        """Return ``x`` with another per-sample shape; ``x`` itself where it has it already."""
        if x.shape == tuple(shape):
            return x
        return self.emit(Reshape(name=name, inputs=(x.name,), shape=tuple(shape)), x.integer)

    def transpose(self, name: str, x: Tensor, axes: Sequence[int]) -> Tensor:
        """Return ``x`` with the axes of a sample in the order ``axes``; a reshape where only axes of length 1 move."""
        shape = tuple(x.shape[axis] for axis in axes)
        long = [axis for axis in axes if x.shape[axis] > 1]
        if long == sorted(long):
            return self.reshape(name, x, shape)
        return self.emit(Transpose(name=name, inputs=(x.name,), axes=tuple(axes)), x.integer)

    def take(self, name: str, x: Tensor, axis: int, indices: Sequence[int] | AnyArray) -> Tensor:
        """Return the elements ``indices`` along an axis of a sample; ``x`` itself where they are all, in order."""
        index = np.asarray(indices, dtype=np.int64)
        if len(index) == x.shape[axis] and (index == np.arange(len(index))).all():
            return x
        return self.emit(Gather(name=name, inputs=(x.name,), indices=index, axis=axis), x.integer)

    def broadcast(self, name: str, x: Tensor, shape: Shape) -> Tensor:
        """Return ``x`` repeated along its axes of length 1 until it has ``shape``."""
        for axis, (have, want) in enumerate(zip(x.shape, shape, strict=True)):
            if have != want:
                last = x.shape[axis + 1 :] == shape[axis + 1 :]
                x = self.take(name if last else self.fresh(f"{name}.wide"), x, axis, np.zeros(want, dtype=np.int64))
        return x

    def linear(self, name: str, x: Tensor, weights: AnyArray, bias: AnyArray | None = None) -> Tensor:
        """Return weights x + bias over the last axis; ``weights`` float64 ``[out, in]``, ``bias`` ``[out]`` or None."""
        shift = np.zeros(len(weights)) if bias is None else np.array(np.broadcast_to(bias, len(weights)))
        return self.emit(Linear(name=name, inputs=(x.name,), weights=weights, bias=shift))

    def along(self, name: str, x: Tensor, axis: int, weights: AnyArray) -> Tensor:
        """Return weights x over any axis of a sample."""
        order = [a for a in range(len(x.shape)) if a != axis] + [axis]
        last = self.transpose(self.fresh(f"{name}.last"), x, order)
        product = self.linear(name if last is x else self.fresh(f"{name}.product"), last, weights)
        return self.transpose(name, product, np.argsort(order).tolist())

    def affine(self, name: str, x: Tensor, gain: Gain, shift: Gain = 0.0) -> Tensor:
        """Return gain * x + shift, elementwise and broadcast."""
        return self.combination(name, [(x, gain)], shift)

    def total(self, name: str, terms: Sequence[Term]) -> Tensor:
        """Return the sum of factor * tensor."""
        return self.combination(name, terms)

    def combination(self, name: str, terms: Sequence[Term], shift: Gain = 0.0) -> Tensor:
        """Return the sum of gain * tensor over ``terms``, plus ``shift``, all broadcast to one shape.

        One `Add`, behind gathers where a tensor is broadcast; between reshapes where gains or shift differ inside a
        channel.
        """
        rank = max(len(x.shape) for x, _ in terms)
        constants = [_unbatched(part, rank, name) for part in (*(gain for _, gain in terms), shift)]
        shape = self._common([x.shape for x, _ in terms], [c.shape for c in constants], name)
        given = [self.broadcast(self.fresh(f"{name}.wide"), x, shape) for x, _ in terms]
        flat, columns = _channels(constants, shape)
        given = [self.reshape(self.fresh(f"{name}.flat"), x, flat) for x in given]
        coefficients = np.stack(columns[:-1])
        result = self.fresh(f"{name}.sum") if flat != shape else name
        inputs = tuple(x.name for x in given)
        integer = all(x.integer for x, _ in terms) and all((c == np.rint(c)).all() for c in constants)
        total = self.emit(Add(name=result, inputs=inputs, coefficients=coefficients, bias=columns[-1]), integer)
        return self.reshape(name, total, shape)

    def product(self, name: str, a: Tensor, b: Tensor) -> Tensor:
        """Return a * b, elementwise, broadcast inside the sample."""
        self._common([a.shape, b.shape], [], name)
        return self.emit(Mul(name=name, inputs=(a.name, b.name)))

    def largest(self, name: str, given: Sequence[Tensor]) -> Tensor:
        """Return the elementwise largest of tensors, broadcast to one shape."""
        shape = self._common([x.shape for x in given], [], name)
        wide = [self.broadcast(self.fresh(f"{name}.wide"), x, shape) for x in given]
        if len(wide) == 1:
            return wide[0]
        return self.emit(Max(name=name, inputs=tuple(x.name for x in wide)), all(x.integer for x in given))

    def activation(self, name: str, x: Tensor, function: str, **parameters: float) -> Tensor:
        """Return a named function of each element."""
        return self.emit(Activation(name=name, inputs=(x.name,), function=function, parameters=parameters))

    def clip(self, name: str, x: Tensor, low: float, high: float) -> Tensor:
        """Return min(max(x, low), high); bounds beyond float32 count as absent, and 0 alone is a ReLU."""
        low, high = (min(max(float(bound), -LARGEST), LARGEST) for bound in (low, high))
        if np.isnan(low) or np.isnan(high):
            raise refusal("a bound of this clip is NaN", f"node {name!r}")
        if (low, high) == (0.0, LARGEST):
            return self.activation(name, x, "relu")
        return self.activation(name, x, "clip", low=min(low, high), high=high)

    def host(self, name: str, given: Sequence[Tensor], function: str, **parameters: float) -> Tensor:
        """Return a function that runs on the host."""
        inputs = tuple(x.name for x in given)
        node = Host(name=name, inputs=inputs, function=function, parameters=parameters)
        return self.emit(node, integer=function == "argmax")

    def _common(self, tensors: Sequence[Shape], constants: Sequence[Shape], name: str) -> Shape:
        """Return the shape all broadcast to; tensors must have one rank, or their batch axes would not meet."""
        try:
            shape = tuple(int(n) for n in np.broadcast_shapes(*tensors, *constants))
        except ValueError:
            shape = ()
        ranks = {len(s) for s in tensors}
        if len(ranks) > 1 or len(shape) != max(ranks):
            met = f" and constants of shapes {sorted(set(constants))}" if constants else ""
            raise refusal(f"it joins samples of shapes {sorted(set(tensors))}{met}", f"node {name!r}")
        return shape


def _channels(constants: Sequence[AnyArray], shape: Shape) -> tuple[Shape, list[AnyArray]]:
    """Return constants that meet ``shape`` as one value a channel, and the shape that has these channels.

    That is ``shape`` itself, unless a constant differs inside a channel: then every element is a channel.
    """
    wide = [np.broadcast_to(c, shape).reshape(shape[0] if shape else 1, -1) for c in constants]
    if shape and all((part == part[:, :1]).all() for part in wide):
        return shape, [part[:, 0] for part in wide]
    return (int(np.prod(shape)),), [part.reshape(-1) for part in wide]


def _unbatched(constant: Gain, rank: int, name: str) -> AnyArray:
    """Drop the batch axis of a constant that meets samples of ``rank`` axes."""
    array = np.asarray(constant, dtype=np.float64)
    if array.ndim <= rank:
        return array
    if array.ndim == rank + 1 and array.shape[0] == 1:
        unbatched: AnyArray = array[0]
        return unbatched
    raise refusal(f"a constant of shape {array.shape} meets samples of {rank} axes", f"node {name!r}")
