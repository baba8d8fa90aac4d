"""Spiking nodes stand in loops, have the parameters of their model, and round-trip as text."""

from pathlib import Path

import numpy as np
import pytest

from neutrams.base.arrays import FloatArray
from neutrams.base.errors import FormatError, InputError
from neutrams.network import Host, Input, Network, Node, Output, Spiking, Stack, Unstack
from neutrams.network.store import load_network, save_network
from neutrams.network.text import from_text, to_text
from neutrams.reference import run


def lif(inputs: tuple[str, ...] = ("now",), **changes: object) -> Spiking:
    parameters = {"tau": 0.02, "r": 1.0, "v_leak": 0.0, "v_threshold": 0.25, "v_reset": -0.5}
    fields: dict[str, object] = {
        "model": "LIF", "dt": 0.01, "parameters": {name: np.full(2, value) for name, value in parameters.items()}
    } | changes  # fmt: skip
    return Spiking(name="n", inputs=inputs, **fields)  # type: ignore[arg-type]


def network(node: Spiking, *more: Node) -> Network:
    return Network((
        Input(name="x", shape=(3, 2)), Unstack(name="now", inputs=("x",)), node,
        Stack(name="all", inputs=("n",), steps=3), *more, Output(name="y", inputs=("all",)),
    ))  # fmt: skip


def changed(name: str, value: FloatArray) -> dict[str, FloatArray]:
    return {**lif().parameters, name: value}


def test_by_hand() -> None:
    """V: 0.5 x after the first step, then reset to -0.5, then -0.25 + 0.5 x."""
    x = np.array([[[1.0, 0.5], [1.0, 0.5], [1.0, 1.0]]])
    assert run(network(lif()), {"x": x})["y"].tolist() == [[[1, 0], [0, 1], [1, 0]]]


def test_counts_are_a_host_function() -> None:
    total = network(lif(), Host(name="sum", inputs=("all",), function="sum"), Output(name="n spikes", inputs=("sum",)))
    x = np.array([[[1.0, 0.5], [1.0, 0.5], [1.0, 1.0]]])
    assert run(total, {"x": x})["n spikes"].tolist() == [[2, 1]]


def test_text_and_file_round_trip(tmp_path: Path) -> None:
    node = lif(reset="subtract", strict=False, many=True, current="first", method="exponential")
    assert from_text(*to_text(network(node))) == network(node)
    save_network(network(node), tmp_path / "n")
    assert load_network(tmp_path / "n") == network(node)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (lif(("x",)), "node 'n': what it reads is in no loop"),
        (lif(model="HH"), "there is no dynamics model 'HH'; take one of CubaLI"),
        (lif(parameters={}), "parameter 'r' of LIF is missing or unknown; give tau, r"),
        (
            lif(parameters=changed("w_in", np.ones(2))),
            "parameter 'w_in' of LIF is missing or unknown.*may have initial",
        ),
        (lif(parameters=changed("tau", np.array([0.1, 0]))), "tau is 0; give positive values"),
        (lif(parameters=changed("r", np.array([np.inf, 0]))), "r of node 'n': 1 of 2 values are NaN or infinite"),
        (lif(parameters=changed("refractory", np.array([0.5, 0]))), "refractory is 0.5; give whole numbers of steps"),
        (lif(parameters=changed("v_threshold", np.zeros(2)), many=True), "v_threshold is 0; give positive"),
        (lif(parameters=changed("r", np.ones(3))), r"one tensor of the shape of its parameters, \(2,\), \(3,\)"),
        (lif(dt=0.0), "a step of 0.0 s; give dt as a positive"),
        (lif(reset="soft"), "reset is 'soft'; take one of zero, subtract"),
        (lif(method="rk4"), "method is 'rk4'; take one of euler"),
    ],
)
def test_wrong_neurons_are_refused(node: Spiking, message: str) -> None:
    with pytest.raises(InputError, match=message):
        network(node) if node.inputs == ("now",) else Network((
            Input(name="x", shape=(2,)), node, Output(name="y", inputs=("n",)),
        ))  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new"),
    [('model="LIF"', 'model="HH"'), ("dt=0.01", 'dt="0.01"'), ("dt=0.01", "dt=-1.0"), ('"tau"', '"tua"')],
)
def test_damaged_text_is_refused(old: str, new: str) -> None:
    text, arrays = to_text(network(lif()))
    assert old in text
    with pytest.raises(FormatError, match="network text"):
        from_text(text.replace(old, new), arrays)
