"""Spiking neurons in integers: numbers that no register holds give no warnings and no infinite scales."""

import warnings

import numpy as np
import pytest

from neutrams.flow import CompileOptions, compile_model
from neutrams.network import Input, Linear, Network, Output, Spiking, Stack, Unstack
from neutrams.reference import run
from spiking_strategies import chip_for, spikes

ONE = np.ones(3)
DEAD = np.array([0.0, 1, 1])
LIFE = {"v_threshold": ONE, "v_reset": 0 * ONE}
CUBA = {"tau_mem": 4 * ONE, "tau_syn": 4 * ONE, "v_leak": 0 * ONE, "w_in": ONE}


@pytest.mark.parametrize(
    ("chip_model", "model", "parameters", "dt"),
    [
        ("if_hard", "IF", LIFE | {"r": DEAD}, 1.0),
        ("cuba_lif_hard", "CubaLIF", LIFE | CUBA | {"r": DEAD}, 1.0),
        ("if_hard", "IF", LIFE | {"r": ONE}, 1e-320),
        ("if_hard", "IF", LIFE | {"r": ONE}, 1e-310),
        ("lif_hard", "LIF", LIFE | {"r": ONE, "tau": ONE, "v_leak": 0 * ONE}, 1e-320),
        ("cuba_lif_hard", "CubaLIF", LIFE | CUBA | {"r": ONE}, 1e-200),
    ],
)
def test_inputs_that_add_nothing(chip_model: str, model: str, parameters: dict[str, np.ndarray], dt: float) -> None:
    network = Network((
        Input(name="x", shape=(8, 4)), Unstack(name="now", inputs=("x",)),
        Linear(name="fc", inputs=("now",), weights=np.full((3, 4), 0.7), bias=np.zeros(3)),
        Spiking(name="s", inputs=("fc",), model=model, parameters=parameters, dt=dt, current="first"),
        Stack(name="all", inputs=("s",), steps=8), Output(name="y", inputs=("all",)),
    ))  # fmt: skip
    chip, x = chip_for(chip_model), spikes(network, 0, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        core = compile_model(network, chip, x, CompileOptions(mode="snn")).network
    (found,), (wanted,) = run(core, x, chip).values(), run(network, x).values()
    silent = parameters["r"] * dt < 1e-9
    assert not found[..., silent].any()
    assert (found == wanted).mean() > 0.95
