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
from strategies import PARTS, PLAIN, float_networks, image_networks

Job = tuple[Network, Chip, dict[str, AnyArray], dict[str, AnyArray]]
JOINED, MOVED = (tuple(part for part in PARTS if part not in (other, "gated")) for other in ("moved", "joined"))
"""Parts of an image network; not both, as tensors that are joined and then meet in one channel may be refused."""
FUNCTIONS_AND_PARTS = (
    *(((*PLAIN, "abs"), parts) for parts in (JOINED, MOVED, JOINED, MOVED)),
    (("relu", "tanh", "hard_swish"), ("residual", "scaled")), (("relu", "sigmoid"), ("gated",)),
)  # fmt: skip
"""What image networks are made of; what is approximated makes many units, so it is rarer."""


def with_host_tanh(node: ops.Node) -> list[ops.Node]:
    """Put a tanh, which runs on the host, before an output."""
    if not isinstance(node, ops.Output):
        return [node]
    squashed = ops.Activation(name="squashed", inputs=node.inputs, function="tanh")
    return [squashed, replace(node, inputs=("squashed",))]


def compilable(network: Network) -> bool:
    """Whether all of ``network`` has a way onto a chip."""
    return not unsupported(canonicalize(network))


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    """(network, chip, calibration, inputs); inputs go beyond what calibration showed."""
    network = draw(float_networks().filter(compilable))
    if draw(st.booleans()):
        network = network.map(with_host_tanh)
    return _job(draw, network, draw(chips()))


@st.composite
def image_jobs(draw: st.DrawFn) -> Job:
    """The same of a network on images, for chips of 4 to 40 axons a core and larger fan-out: relays take long."""
    functions, parts = draw(st.sampled_from(FUNCTIONS_AND_PARTS))
    network = draw(image_networks(functions=functions, parts=parts).filter(compilable))
    core = {"axons": draw(st.integers(4, 40)), "fan_out": draw(st.sampled_from([4, 16, 64])), "synapse_memory_bits": 0}
    return _job(draw, network, draw(chips()).with_values(core=core, board={"chips": 1 << 16}))


def _job(draw: st.DrawFn, network: Network, chip: Chip) -> Job:
    rng = np.random.default_rng(draw(st.integers(0, 1 << 16)))
    low = draw(st.sampled_from([0.0, -1.0]))
    n = draw(st.integers(1, 12))
    calibration = {i.name: rng.uniform(low, 1, (n, *i.shape)) for i in network.inputs}
    inputs = {i.name: rng.uniform(1.5 * low, 1.5, (5, *i.shape)).astype(np.float32) for i in network.inputs}
    return network, chip, calibration, inputs
