"""A random float network, a random chip it can be compiled for, calibration data and inputs."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from core_strategies import chips
from neutrams.base.arrays import AnyArray
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.transform.canonicalize import canonicalize
from neutrams.transform.lower import unsupported
from strategies import PLAIN, float_networks

LOOKED_UP = ("sigmoid", "tanh", "silu")

Job = tuple[Network, Chip, dict[str, AnyArray], dict[str, AnyArray]]


def with_host_tanh(node: ops.Node) -> list[ops.Node]:
    """Put a tanh, which runs on the host, before an output."""
    if not isinstance(node, ops.Output):
        return [node]
    squashed = ops.Activation(name="squashed", inputs=node.inputs, function="tanh")
    return [squashed, replace(node, inputs=("squashed",))]


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    """(network, chip, calibration, inputs); curved functions where tables are; inputs go beyond the calibration."""
    chip = draw(chips())
    functions = (*PLAIN, *LOOKED_UP) if chip.neuron.table_bits else PLAIN
    network = draw(float_networks(functions).filter(lambda n: not unsupported(canonicalize(n))))
    if draw(st.booleans()):
        network = network.map(with_host_tanh)
    rng = np.random.default_rng(draw(st.integers(0, 1 << 16)))
    low = draw(st.sampled_from([0.0, -1.0]))
    calibration = {i.name: rng.uniform(low, 1, (draw(st.integers(1, 12)), *i.shape)) for i in network.inputs[:1]}
    n = len(next(iter(calibration.values())))
    calibration |= {i.name: rng.uniform(low, 1, (n, *i.shape)) for i in network.inputs[1:]}
    inputs = {i.name: rng.uniform(1.5 * low, 1.5, (5, *i.shape)).astype(np.float32) for i in network.inputs}
    return network, chip, calibration, inputs
