"""Run a whole network in batches: float32 for float nodes, exact integers for core nodes."""

from collections.abc import Mapping

import numpy as np
import torch

from neutrams.base.arrays import AnyArray, FloatArray
from neutrams.base.codec import decode, encode, spread_step
from neutrams.evaluate.signals import accumulate, count, fire
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.neurons import find_model

BATCH = 2048


def run(
    network: Network, inputs: Mapping[str, AnyArray], chip: Chip | None = None, batch: int = BATCH
) -> dict[str, FloatArray]:
    """Return the outputs of ``network`` by name, float64 ``[N, ...]``.

    Core nodes give the same integers as `neutrams.reference`; float nodes agree with it to float32 precision.

    Args:
        network: A float network, or a transformed one (then ``chip`` gives the register widths).
        inputs: Each input tensor ``[N, *shape]`` by name.
        chip: The chip a transformed network was made for.
        batch: Samples at a time; bounds the memory.
    """
    n = len(next(iter(inputs.values())))
    parts: dict[str, list[FloatArray]] = {node.name: [] for node in network.outputs}
    for start in range(0, n, batch):
        piece = {name: array[start : start + batch] for name, array in inputs.items()}
        values = node_values(network, piece, chip)
        for name, found in parts.items():
            found.append(values[name].to(torch.float64).numpy())
    return {name: np.concatenate(found) for name, found in parts.items()}


def float_values(
    network: Network, inputs: Mapping[str, AnyArray], given: Mapping[str, torch.Tensor] | None = None
) -> dict[str, torch.Tensor]:
    """Return every tensor of a float network by node name, float32 ``[N, ...]``; for calibration-sized inputs.

    Tensors in ``given`` stand in for what their nodes would give: a way to continue from a changed layer.
    """
    return node_values(network, inputs, None, given)


def node_values(
    network: Network,
    inputs: Mapping[str, AnyArray],
    chip: Chip | None,
    given: Mapping[str, torch.Tensor] | None = None,
) -> dict[str, torch.Tensor]:
    """Return the tensor of every node; core tensors are signals ``[T, N, n]``."""
    values: dict[str, torch.Tensor] = dict(given or {})
    n = len(next(iter(inputs.values())))
    for node in network.nodes:
        if node.name not in values:
            read = [values[name] for name in node.inputs]
            values[node.name] = _value(node, read, inputs, (n, network.steps), chip)
    return values


def _value(
    node: ops.Node, given: list[torch.Tensor], inputs: Mapping[str, AnyArray], sizes: tuple[int, int], chip: Chip | None
) -> torch.Tensor:
    n, steps = sizes
    match node:
        case ops.Input():
            return torch.from_numpy(np.array(inputs[node.name], dtype=np.float32 if chip is None else np.float64))
        case ops.Constant():
            lead = (1, n) if node.values.dtype.kind == "i" else (n,)
            return torch.from_numpy(np.array(node.values, dtype=np.float32)).expand(*lead, *node.values.shape)
        case ops.Reshape():
            return given[0].reshape(n, *node.shape)
        case ops.Slice():
            return given[0][..., node.start : node.stop : node.step]
        case ops.Concat():
            longest = max(len(x) for x in given)
            return torch.cat([x.expand(longest, *x.shape[1:]) for x in given], dim=-1)
        case ops.Linear() if node.weights.dtype.kind == "i":
            return accumulate(node.weights, given, elementwise=False)
        case ops.Add() if node.coefficients.dtype.kind == "i":
            return accumulate(node.coefficients, given, elementwise=True)
        case ops.Encode():
            return encode_signal(node, given[0], steps)
        case ops.Neuron():
            assert chip is not None, "a transformed network runs on a chip"
            return fire(find_model(node.model, node.name), node.parameters, given[0], steps, chip)
        case ops.Decode():
            counts = count(given[0], steps).to(torch.int64).numpy()
            return torch.from_numpy(decode(counts, node.coefficient, node.element, node.scale, node.offset))
    return _float_value(node, given)


def _float_value(node: ops.Node, given: list[torch.Tensor]) -> torch.Tensor:
    match node:
        case ops.Linear():
            w = torch.from_numpy(np.array(node.weights, dtype=np.float32))
            return given[0].to(torch.float32) @ w.T + torch.from_numpy(np.array(node.bias, dtype=np.float32))
        case ops.Add():
            gains = torch.from_numpy(np.array(node.coefficients, dtype=np.float32))
            shift = torch.from_numpy(np.array(node.bias, dtype=np.float32))
            return (
                torch.stack([x.to(torch.float32) * gain for x, gain in zip(given, gains, strict=True)]).sum(0) + shift
            )
        case ops.Mul():
            rank = max(x.ndim for x in given)
            aligned = [x.reshape(len(x), *(1,) * (rank - x.ndim), *x.shape[1:]) for x in given]
            product = aligned[0]
            for x in aligned[1:]:
                product = product * x
            return product
        case ops.Activation() | ops.Host():
            return apply_function(node.function, given[0], node.parameters if isinstance(node, ops.Activation) else {})
    assert isinstance(node, ops.Output), node
    return given[0]


def encode_signal(node: ops.Encode, x: torch.Tensor, steps: int) -> torch.Tensor:
    """Return the encoded input as a signal: ``[1, N, n]`` for levels, ``[T, N, n]`` for spikes."""
    q = encode(x.to(torch.float64).numpy(), node.scale, node.zero, (node.low, node.high))
    if node.code == "level":
        return torch.from_numpy(q.astype(np.float32))[None]
    return torch.stack([torch.from_numpy(spread_step(q, t, steps).astype(np.float32)) for t in range(steps)])


def apply_function(name: str, x: torch.Tensor, parameters: Mapping[str, float]) -> torch.Tensor:
    """Return the activation or host function ``name`` of ``x``; softmax and argmax go over the last axis."""
    match name:
        case "relu":
            return torch.relu(x)
        case "leaky_relu":
            return torch.where(x >= 0, x, parameters["alpha"] * x)
        case "clip":
            return x.clamp(parameters["low"], parameters["high"])
        case "sigmoid":
            return torch.sigmoid(x)
        case "tanh":
            return torch.tanh(x)
        case "softmax":
            return torch.softmax(x, dim=-1)
        case "argmax":
            return x.argmax(dim=-1).to(x.dtype)
    assert name == "identity", f"no function {name!r}"
    return x
