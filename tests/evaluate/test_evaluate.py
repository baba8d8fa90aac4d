"""Fast evaluation gives what the reference interpreter gives: exactly on core networks, closely on float ones."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_image_strategies import WIDE, beyond_float32, core_images
from core_strategies import GRADED, core_inputs, core_networks, plain_chip
from neutrams.base.arrays import FloatArray
from neutrams.evaluate import run as evaluate
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.reference import run as reference
from strategies import FUNCTIONS, float_inputs, float_networks, image_networks


@given(
    data=st.data(),
    job=core_networks() | core_networks("snn", GRADED) | core_images(mode="ann") | core_images(mode="snn"),
)
def test_core_networks_agree(data: st.DataObject, job: tuple[Network, Chip]) -> None:
    network, chip = job
    inputs = data.draw(core_inputs(network))
    expected = reference(network, inputs, chip)
    for name, values in evaluate(network, inputs, chip, batch=2).items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-12, atol=1e-15)  # softmax on the host may differ


@given(data=st.data(), network=float_networks() | image_networks(functions=tuple(FUNCTIONS)))
def test_float_networks_agree_to_float32(data: st.DataObject, network: Network) -> None:
    inputs = data.draw(float_inputs(network))
    expected = reference(network, inputs)
    for name, values in evaluate(network, inputs).items():
        if expected[name].ndim > 1:  # an arg-max may flip between equal values
            np.testing.assert_allclose(values, expected[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("execute", [evaluate, reference])
@pytest.mark.parametrize("padded", [False, True])
def test_a_sum_beyond_float32_is_exact(execute: Callable[..., dict[str, FloatArray]], padded: bool) -> None:
    found = execute(beyond_float32(padded), {"x": np.array([[[65535]]])}, WIDE)
    assert found["y"].tolist() == [[0, 0] if padded else [0]]


@pytest.mark.parametrize("execute", [evaluate, reference])
def test_sums_of_potentials_beyond_float32_are_exact(execute: Callable[..., dict[str, FloatArray]]) -> None:
    """Potentials 2^24 + 1, 2^24 + 2 and 2^24 + 3 of a leaky integrator."""
    network = one_integrator(initial=1 << 24)
    chip = plain_chip(neuron={"models": ("li",), "potential_bits": 32, "decay_bits": 4})
    assert execute(network, {"x": np.ones((1, 1))}, chip)["y"].tolist() == [[3 * (1 << 24) + 6]]


def one_integrator(initial: int) -> Network:
    """An integrator without leak that adds its input, in 3 steps."""
    one, zero = np.ones(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    nodes = (
        ops.Input(name="x", shape=(1,)),
        ops.Encode(name="q", inputs=("x",), scale=1.0, zero=0.0, low=0, high=1),
        ops.Linear(name="acc", inputs=("q",), weights=one[None], bias=zero),
        ops.Neuron(
            name="v", inputs=("acc",), model="li",
            parameters={"leak": zero, "initial": zero + initial, "decay": zero, "exponent": zero},
            scale=np.ones(1), zero=np.zeros(1), origin="v", elements=zero,
        ),
        ops.Decode(name="d", inputs=("v",), coefficient=one, element=zero, scale=np.ones(1), offset=np.zeros(1)),
        ops.Output(name="y", inputs=("d",)),
    )  # fmt: skip
    return Network(nodes, 3)
