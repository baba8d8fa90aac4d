"""What a loop remembers, on a chip: the integers that the units which update states give, one step late."""

from collections.abc import Callable, Mapping

import numpy as np
import torch

from neutrams.base.arrays import AnyArray, FloatArray, IntArray
from neutrams.base.codec import encode
from neutrams.evaluate.run import node_values, run
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.transform.tuning.ablation import relative
from neutrams.transform.tuning.build import Build
from neutrams.transform.tuning.exact_products import hold_in_two
from neutrams.transform.tuning.ranges import OutputRange
from neutrams.transform.tuning.signal import Signal
from neutrams.transform.tuning.steps import merged


def add_state(build: Build, node: ops.State) -> None:
    """Append a state: the integers it begins with, and what it delivers on calibration data.

    That is what the original remembers, or, where the network was built before, what its units really gave.
    """
    updated = next(n for n in build.source.nodes if isinstance(n, ops.Update) and n.state == node.name)
    reach = build.ranges[updated.inputs[0]]
    begin = build.source.by_name[node.inputs[0]]
    if updated.inputs[0] in build.exact:
        assert isinstance(begin, ops.Constant)
        hold_in_two(build, node, reach, begin.values)
        return
    name = f"{node.name} begins"
    if isinstance(begin, ops.Constant):
        first = _coded(begin.values[None], reach)[0]
        build.nodes.append(ops.Constant(name=name, values=first))
    else:
        encoder = ops.Encode(
            name=name, inputs=(begin.name,), scale=float(reach.scale[0]), zero=float(reach.zero[0]),
            low=reach.low, high=reach.high,
        )  # fmt: skip
        build.nodes.append(encoder)
    build.nodes.append(ops.State(name=node.name, inputs=(name,)))
    held = build.remembered.get(node.name)
    if held is None:
        exact = build.values[node.name].double().numpy()
        held = torch.from_numpy(_coded(exact, reach).astype(np.float32))
    build.signals[node.name] = Signal.of(held[None], reach.scale, reach.zero, build.steps)
    build.values.release(node.name)


def _coded(x: FloatArray, reach: OutputRange) -> IntArray:
    """Return the integers that stand for values ``[N, C, *size]``, int64 of their shape."""
    shape = (-1, *(1,) * (x.ndim - 2))
    return encode(x, reach.scale.reshape(shape), reach.zero.reshape(shape), (reach.low, reach.high))


Built = Callable[[Mapping[str, torch.Tensor], bool], tuple[Network, Build]]
"""(what states hold on calibration data, empty: what the original remembers; whether losses are accounted) -> the core
network, and its build."""


def through_time(
    built: Built, source: Network, inputs: Mapping[str, AnyArray], chip: Chip, rounds: int
) -> tuple[Network, Build]:
    """Return the core network whose outputs come nearest the original's when its own states go round.

    The first is fitted on the states of the original, each further one on those that the one before really held: so
    units make up for what the chip has forgotten (dataset aggregation).

    Args:
        built: Builds a core network.
        source: The original, split.
        inputs: Calibration data.
        chip: The chip.
        rounds: Most networks that are built; one where there is no state.

    References:
        Ross et al. (2011), DAgger. arXiv:1011.0686
    """
    best: Mapping[str, torch.Tensor] = {}
    held, least = best, np.inf
    rounds = rounds if any(isinstance(node, ops.State) for node in source.nodes) else 1
    wanted = run(source, inputs) if rounds > 1 else {}
    for _ in range(rounds if rounds > 1 else 0):
        found, _ = built(held, False)
        error, after = _closed_loop(found, inputs, chip, wanted)
        if error < least:
            best, least = held, error
        held = after
    return built(best, True)


def _closed_loop(
    core: Network, inputs: Mapping[str, AnyArray], chip: Chip, wanted: Mapping[str, FloatArray]
) -> tuple[float, dict[str, torch.Tensor]]:
    """Return (mean relative error of the outputs, what each state holds, float32 ``[N T, C]``)."""
    values = node_values(core, inputs, chip)
    errors = [
        relative(values[name] - torch.from_numpy(target), torch.from_numpy(target)) for name, target in wanted.items()
    ]
    held = {node.name: merged(values[node.name]) for node in core.nodes if isinstance(node, ops.State)}
    return float(np.mean(errors)), held
