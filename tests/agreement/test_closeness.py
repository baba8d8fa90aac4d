"""On a chip of eight bits a transformed network stays close to its original, also with weak rows and large biases."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core_strategies import plain_chip
from neutrams.flow import CompileOptions, compile_model, run_compiled
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.reference import run as reference
from neutrams.transform.canonicalize import canonicalize
from neutrams.transform.lower import unsupported
from strategies import PLAIN, float_networks, image_networks

CHIP = plain_chip(neuron={"multiplier_bits": 16})
PARTS = ("pool", "residual", "scaled", "joined", "largest")


@st.composite
def uneven_networks(draw: st.DrawFn) -> Network:
    """A network some of whose rows are a thousand times weaker than others, and some of whose biases are large."""
    network = draw(float_networks(tails=("",)).filter(lambda n: not unsupported(canonicalize(n))))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 16)))

    def uneven(node: ops.Node) -> ops.Node:
        if not isinstance(node, ops.Linear):
            return node
        out = len(node.bias)
        gain = rng.choice([1.0, 1.0, 1e-3], out)
        bias = node.bias * rng.choice([0.0, 1.0, 3.0], out)
        return ops.Linear(name=node.name, inputs=node.inputs, weights=node.weights * gain[:, None], bias=bias)

    return network.map(uneven)


@given(network=uneven_networks(), seed=st.integers(0, 1 << 16))
def test_outputs_stay_within_a_tenth_of_their_range(network: Network, seed: int) -> None:
    assert_close(network, CHIP, seed)


@settings(max_examples=40)
@given(
    network=image_networks((*PLAIN, "abs"), PARTS, ("",)).filter(lambda n: not unsupported(canonicalize(n))),
    seed=st.integers(0, 1 << 16), axons=st.sampled_from([8, 20, 40]),
)  # fmt: skip
def test_images_stay_within_a_tenth_of_their_range(network: Network, seed: int, axons: int) -> None:
    assert_close(network, CHIP.with_values(core={"axons": axons, "fan_out": 16}), seed)


def assert_close(network: Network, chip: Chip, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = {node.name: rng.uniform(0, 1, (64, *node.shape)) for node in network.inputs}
    compiled = compile_model(network, chip, x, CompileOptions())
    given_, exact = run_compiled(compiled, x).outputs["y"], reference(network, x)["y"]
    assert np.abs(given_ - exact).max() <= 0.1 * max(float(np.abs(exact).max()), 1e-6)
