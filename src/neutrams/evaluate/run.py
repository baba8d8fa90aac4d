"""Run a whole network in batches: float32 for float nodes, exact integers for core nodes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import torch

from neutrams.base.arrays import AnyArray, FloatArray
from neutrams.base.codec import decode
from neutrams.evaluate.floats import float_value
from neutrams.evaluate.moves import moved
from neutrams.evaluate.signals import accumulate, count, encode_signal, fire, fire_once, look_up, potential
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.network.loops import Loop
from neutrams.network.spiking import SpikingMemory, has_spiking
from neutrams.neurons import find_model

BATCH = 2048
BATCH_ELEMENTS = 1 << 24

Patches = Mapping[str, Sequence[tuple[slice, torch.Tensor]]]
"""Tensor of a loop -> (samples, what it is for them at all steps, ``[T, n, *shape]``)."""


def run(
    network: Network, inputs: Mapping[str, AnyArray], chip: Chip | None = None, batch: int | None = None
) -> dict[str, FloatArray]:
    """Return the outputs of ``network`` by name, float64 ``[N, ...]``.

    Core nodes give the same integers as `neutrams.reference`; float nodes agree with it to float32 precision, those
    around a chip and networks with `Spiking` nodes to float64 precision: the same potentials give the same spikes.

    Args:
        network: A float network, or a transformed one (then ``chip`` gives the register widths).
        inputs: Each input tensor ``[N, *shape]`` by name.
        chip: The chip a transformed network was made for.
        batch: Samples at a time; bounds the memory. None: as many as keep every tensor below 2^24 elements, to 2048.
    """
    n = len(next(iter(inputs.values())))
    size = batch or min(BATCH, max(1, BATCH_ELEMENTS // _elements(network)))
    parts: dict[str, list[FloatArray]] = {node.name: [] for node in network.outputs}
    for start in range(0, n, size):
        piece = {name: array[start : start + size] for name, array in inputs.items()}
        for node, value in stream_values(network, piece, chip, only=read_outside(network)):
            if isinstance(node, ops.Output):
                parts[node.name].append(value.to(torch.float64).numpy())
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
    """Return the tensor of every node at once, as `stream_values` gives them."""
    return {node.name: value for node, value in stream_values(network, inputs, chip, given)}


def stream_values(
    network: Network,
    inputs: Mapping[str, AnyArray],
    chip: Chip | None = None,
    given: Mapping[str, torch.Tensor] | None = None,
    only: frozenset[str] | None = None,
    patches: Patches | None = None,
) -> Iterator[tuple[ops.Node, torch.Tensor]]:
    """Yield every node with its tensor, in order; one is dropped after its last reader unless the caller holds it.

    Float tensors are ``[N, *shape]``, float32, or float64 around a chip and with `Spiking` nodes; in a loop they are
    given for all steps, ``[T, N, *shape]``; core tensors are signals ``[T or 1, N, *shape]``.

    Args:
        network: A float network, or a transformed one (then ``chip`` gives the register widths).
        inputs: Each input tensor ``[N, *shape]`` by name.
        chip: The chip a transformed network was made for.
        given: Tensors that stand in for what their nodes would give.
        only: Which tensors of loops are yielded; None: all.
        patches: What stands in for some samples of tensors of loops.
    """
    n = len(next(iter(inputs.values())))
    stand_ins = given or {}
    last = {name: place for place, item in enumerate(network.order) for name in item.inputs}
    values: dict[str, torch.Tensor] = {}
    for place, item in enumerate(network.order):
        if isinstance(item, Loop):
            kept = {node.name for node in item.nodes if only is None or node.name in only}
            values |= _loop_values(network, item, values, _Given(stand_ins, patches or {}, n, chip), kept)
        elif item.name in stand_ins:
            values[item.name] = stand_ins[item.name]
        elif isinstance(item, ops.Input):
            kind = np.float32 if chip is None and not has_spiking(network) else np.float64
            values[item.name] = torch.from_numpy(np.array(inputs[item.name], dtype=kind))
        else:
            values[item.name] = _read(network, item, values, n, chip)
        for name in dict.fromkeys(item.inputs):
            if last[name] == place:
                del values[name]
        for node in item.nodes if isinstance(item, Loop) else (item,):
            if node.name not in values:
                continue
            yield node, values[node.name]
            if node.name not in last:
                del values[node.name]


def read_outside(network: Network) -> frozenset[str]:
    """Return the names of the tensors of loops that are read outside of them."""
    outside = [item for item in network.order if not isinstance(item, Loop)]
    return frozenset(name for item in outside for name in item.inputs)


def _elements(network: Network) -> int:
    """Return about how many elements a sample takes at once: its largest tensor, or a loop's step and outputs."""
    sizes = {name: prod(shape) for name, shape in network.shapes.items()}
    loops = [item for item in network.order if isinstance(item, Loop)]
    read = read_outside(network)
    most = max(
        (sum(sizes[n.name] * (loop.steps if n.name in read else 1) for n in loop.nodes) for loop in loops), default=0
    )
    return max(most, *sizes.values()) * network.steps


@dataclass(frozen=True, slots=True)
class _Given:
    """What a loop is given besides tensors: stand-ins for whole tensors and for some samples, N, the chip."""

    stand_ins: Mapping[str, torch.Tensor]
    patches: Patches
    samples: int
    chip: Chip | None


def _loop_values(
    network: Network, loop: Loop, values: Mapping[str, torch.Tensor], given: _Given, kept: set[str]
) -> dict[str, torch.Tensor]:
    """Return what some nodes of a loop give at all its steps, ``[T, N, *shape]``."""
    n, chip = given.samples, given.chip
    memory: dict[str, AnyArray] = {}
    states = {node.name: values[node.inputs[0]] for node in loop.nodes if isinstance(node, ops.State)}
    spiking = SpikingMemory()
    found: dict[str, list[torch.Tensor]] = {name: [] for name in kept}
    for step in range(loop.steps):
        now = {name: values[name] for name in loop.inputs}
        for node in loop.nodes:
            if node.name in given.stand_ins:
                value = given.stand_ins[node.name][step]
            elif isinstance(node, ops.Unstack):
                value = now[node.inputs[0]][:, step]
            elif isinstance(node, ops.State):
                value = states[node.name]
            elif isinstance(node, ops.Neuron) and chip is not None and _spikes(node, chip):
                value, memory[node.name] = fire_once(node, now[node.inputs[0]], memory.get(node.name), chip)
            elif isinstance(node, ops.Spiking):
                value = torch.from_numpy(spiking.step(node, now[node.inputs[0]].detach().numpy()))
            else:
                value = now[node.inputs[0]] if isinstance(node, ops.Update) else _read(network, node, now, n, chip)
            for part, patch in given.patches.get(node.name, ()):
                value = value.clone()
                value[part] = patch[step]
            now[node.name] = value
            if node.name in kept:
                found[node.name].append(value)
        states = {node.state: now[node.name] for node in loop.nodes if isinstance(node, ops.Update)}
    return {name: _joined(parts, len(network.shapes[name])) for name, parts in found.items()}


def _joined(parts: list[torch.Tensor], rank: int) -> torch.Tensor:
    """Return the steps of a tensor together: floats are ``[N, *shape]`` each, signals ``[1, N, *shape]``."""
    return torch.cat(parts) if parts[0].ndim > rank + 1 else torch.stack(parts)


def _spikes(node: ops.Neuron, chip: Chip) -> bool:
    return find_model(node.model, node.name, chip.neuron.definitions).mode == "snn"


def _read(
    network: Network, node: ops.Node, values: Mapping[str, torch.Tensor], n: int, chip: Chip | None
) -> torch.Tensor:
    """Return what ``node`` gives for the tensors that it reads."""
    if isinstance(node, ops.Constant) and has_spiking(network):
        return torch.from_numpy(node.values.astype(np.float64)).expand(n, *node.values.shape)
    given = [values[name] for name in node.inputs]
    shapes = [network.shapes[name] for name in node.inputs]
    leads = [x.shape[: x.ndim - len(shape)] for x, shape in zip(given, shapes, strict=True)]
    return _value(node, given, leads, (n, network.steps), chip)


def _value(
    node: ops.Node, given: list[torch.Tensor], leads: list[torch.Size], sizes: tuple[int, int], chip: Chip | None
) -> torch.Tensor:
    n, steps = sizes
    on_chip = bool(leads) and len(leads[0]) > 1
    match node:
        case ops.Constant():
            lead = (1, n) if chip is not None and node.values.dtype.kind == "i" else (n,)
            kind = np.float32 if chip is None or len(lead) > 1 else np.float64
            return torch.from_numpy(np.array(node.values, dtype=kind)).expand(*lead, *node.values.shape)
        case ops.Linear() | ops.Conv() | ops.Add() if on_chip:
            return accumulate(node, given)
        case ops.Encode():
            return encode_signal(node, given[0], steps)
        case ops.Neuron():
            assert chip is not None, "a transformed network runs on a chip"
            model = find_model(node.model, node.name, chip.neuron.definitions)
            if node.readout == "potential":
                return potential(model, node.parameters, given[0], steps, chip)
            fired = fire(model, node.parameters, given[0], steps, chip)
            return look_up(node.table, node.parameters["low"], fired) if node.table.size else fired
        case ops.Stack():
            return given[0].transpose(0, 1)
        case ops.Decode():
            counts = count(given[0], steps).to(torch.int64).numpy()
            return torch.from_numpy(decode(counts, node.coefficient, node.element, node.scale, node.offset))
    found = moved(node, given, leads)
    return float_value(node, given) if found is None else found
