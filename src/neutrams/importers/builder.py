"""What importers share: constants and tensors of a foreign graph, and the nodes they become."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, count

import numpy as np

from neutrams.base.arrays import AnyArray, check_finite
from neutrams.base.errors import InputError, UnsupportedError
from neutrams.network import Activation, Add, Constant, Host, Linear, Mul, Network, Node, Reshape
from neutrams.network.shapes import RULES, Shape
from neutrams.network.verify import verify_values

LARGEST = float(np.finfo(np.float32).max)  # stands for a bound that is absent: finite, so ranges stay finite


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor that depends on the sample.

    Attributes:
        name: The node that gives it.
        shape: Per sample; the foreign graph has a batch axis before it.
        integer: Whether it holds integers in the foreign graph.
    """

    name: str
    shape: Shape
    integer: bool = False


Value = Tensor | AnyArray


def refusal(what: str, where: str) -> UnsupportedError:
    """Return the error for an operator used in a form that cannot be imported."""
    return UnsupportedError(what, where=where, fix="rewrite this part of the model in a form that can be imported")


class Builder:
    """Collects nodes in order.

    Names in ``taken`` no helper node bears; ``batches`` are the lengths the foreign graph may give its batch axis.
    """

    def __init__(self, taken: Iterable[str], batches: Iterable[int] = (1,)) -> None:
        self.batches = frozenset(batches)
        self.nodes: list[Node] = []
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
        self.nodes.append(node)
        self.shapes[node.name] = shape
        return Tensor(node.name, shape, integer)

    def network(self) -> Network:
        """Return the network of all nodes that an output depends on, its values checked."""
        network = Network(tuple(self.nodes)).pruned()
        verify_values(network.nodes)
        return network

    def tensor(self, value: Value, name: str) -> Tensor:
        """Return ``value`` as a tensor: a constant ``[1, ...]`` becomes a node called ``name``."""
        if isinstance(value, Tensor):
            return value
        if value.ndim == 0 or value.shape[0] != 1:
            raise refusal(f"a constant of shape {value.shape} stands where one value a sample must", f"node {name!r}")
        check_finite(value, f"constant {name!r}")
        return self.emit(Constant(name=self.fresh(name), values=value[0].astype(np.float64)))

    def reshape(self, name: str, x: Tensor, shape: Shape) -> Tensor:
        """Return ``x`` with another per-sample shape; ``x`` itself where it has it already."""
        if x.shape == shape:
            return x
        return self.emit(Reshape(name=name, inputs=(x.name,), shape=shape), x.integer)

    def linear(self, name: str, x: Tensor, weights: AnyArray, bias: AnyArray | None = None) -> Tensor:
        """Return weights x + bias over the last axis; ``weights`` float64 ``[out, in]``, ``bias`` ``[out]`` or None."""
        shift = np.zeros(len(weights)) if bias is None else np.array(np.broadcast_to(bias, len(weights)))
        return self.emit(Linear(name=name, inputs=(x.name,), weights=weights, bias=shift))

    def affine(self, name: str, x: Tensor, gain: AnyArray, shift: AnyArray) -> Tensor:
        """Return gain * x + shift, elementwise; both broadcast to the per-sample shape of ``x``."""
        wide = [np.broadcast_to(_unbatched(part, x, name), x.shape).reshape(-1) for part in (gain, shift)]
        return self._elementwise(name, [x], wide[0][np.newaxis], wide[1])

    def normalization(self, name: str, x: Tensor, parts: Sequence[AnyArray], epsilon: float) -> Tensor:
        """Return (x - mean) / sqrt(variance + epsilon) * gain + shift, one of each a channel (first axis of a sample).

        ``parts`` are gain, shift, mean, variance, float64 ``[channels]``. Ioffe & Szegedy (2015), arXiv:1502.03167

        Raises:
            InputError: A variance is negative.
        """
        gain, shift, mean, variance = (part.reshape(-1, *([1] * (len(x.shape) - 1))) for part in parts)
        if (variance + epsilon <= 0).any():
            raise InputError(
                f"a batch normalisation has the variance {variance.min():.3g}",
                where=f"node {name!r}",
                fix="repair or retrain the model: a variance is never negative",
            )
        factor = gain / np.sqrt(variance + epsilon)
        return self.affine(name, x, factor, shift - mean * factor)

    def total(self, name: str, terms: Sequence[tuple[Tensor, float]]) -> Tensor:
        """Return the sum of factor * tensor over tensors of one shape."""
        shapes = {x.shape for x, _ in terms}
        if len(shapes) > 1:
            raise refusal(f"it adds tensors of different shapes {sorted(shapes)}", f"node {name!r}")
        n = int(np.prod(terms[0][0].shape))
        factors = np.array([[factor] * n for _, factor in terms], dtype=np.float64)
        return self._elementwise(name, [x for x, _ in terms], factors, np.zeros(n))

    def product(self, name: str, a: Tensor, b: Tensor) -> Tensor:
        """Return a * b, elementwise, broadcast inside the sample."""
        if len(a.shape) != len(b.shape):
            raise refusal(f"it multiplies tensors of different ranks {a.shape} and {b.shape}", f"node {name!r}")
        return self.emit(Mul(name=name, inputs=(a.name, b.name)))

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
        return self.activation(name, x, "clip", low=low, high=high)

    def host(self, name: str, x: Tensor, function: str, keep: bool = True) -> Tensor:
        """Return a host function over the last axis; for argmax ``keep`` leaves that axis with length 1."""
        if function != "argmax":
            return self.emit(Host(name=name, inputs=(x.name,), function=function))
        index = self.fresh(f"{name}.index") if keep else name
        result = self.emit(Host(name=index, inputs=(x.name,), function=function), integer=True)
        return self.reshape(name, result, (*result.shape, 1)) if keep else result

    def _elementwise(self, name: str, given: Sequence[Tensor], coefficients: AnyArray, bias: AnyArray) -> Tensor:
        shape = given[0].shape
        if len(shape) == 1:
            inputs = tuple(x.name for x in given)
            return self.emit(Add(name=name, inputs=inputs, coefficients=coefficients, bias=bias))
        flat = tuple(self.reshape(self.fresh(f"{name}.flat"), x, bias.shape).name for x in given)
        total = self.emit(Add(name=self.fresh(f"{name}.sum"), inputs=flat, coefficients=coefficients, bias=bias))
        return self.reshape(name, total, shape)


def _unbatched(constant: AnyArray, x: Tensor, name: str) -> AnyArray:
    """Drop the batch axis of a constant that meets ``x``."""
    rank = len(x.shape)
    inner = constant[0] if constant.ndim == rank + 1 and constant.shape[0] == 1 else constant
    try:
        fits = inner.ndim <= rank and np.broadcast_shapes(inner.shape, x.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        raise refusal(f"a constant of shape {constant.shape} meets samples of shape {x.shape}", f"node {name!r}")
    return inner.astype(np.float64)
