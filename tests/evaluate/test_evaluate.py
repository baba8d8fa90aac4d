"""Fast evaluation gives what the reference interpreter gives: exactly on core networks, closely on float ones."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core_strategies import core_inputs, core_networks
from neutrams.evaluate import run as evaluate
from neutrams.hardware import Chip
from neutrams.network import Network
from neutrams.reference import run as reference
from strategies import float_inputs, float_networks


@given(data=st.data(), job=core_networks())
def test_core_networks_agree(data: st.DataObject, job: tuple[Network, Chip]) -> None:
    network, chip = job
    inputs = data.draw(core_inputs(network))
    expected = reference(network, inputs, chip)
    for name, values in evaluate(network, inputs, chip, batch=2).items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-12, atol=1e-15)  # softmax on the host may differ


@given(data=st.data(), network=float_networks())
def test_float_networks_agree_to_float32(data: st.DataObject, network: Network) -> None:
    inputs = data.draw(float_inputs(network))
    expected = reference(network, inputs)
    for name, values in evaluate(network, inputs).items():
        if expected[name].ndim > 1:  # an arg-max may flip between equal values
            np.testing.assert_allclose(values, expected[name], rtol=1e-3, atol=1e-4)
