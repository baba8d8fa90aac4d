"""Inspect: every node that computes is told of, with how it runs and why; what was counted adds up."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from neutrams.flow import inspect_network
from neutrams.hardware import load_chip
from neutrams.network import Network, ops
from neutrams.transform.how import COMPUTING
from strategies import float_networks, image_networks

TIANJI = load_chip("tianji")
WAYS = {"native", "construction", "table", "approximator", "host", "unsupported"}


@given(network=float_networks() | image_networks())
@settings(max_examples=40)
def test_every_network_is_told_of_whole(network: Network) -> None:
    found = inspect_network(network, TIANJI)
    computing = [node.name for node in network.nodes if isinstance(node, (*COMPUTING, ops.Host))]
    assert [layer["name"] for layer in found["layers"]] == computing
    assert list(found["placement"]) == computing
    assert {text.partition(":")[0] for text in found["placement"].values()} <= WAYS
    assert sum(found["operators"].values()) == len(network.nodes)
    assert sum(layer["macs"] for layer in found["layers"]) == found["macs"]


def test_a_function_of_a_single_number_is_unsupported_not_a_crash() -> None:
    x, y = ops.Input(name="x", shape=()), ops.Output(name="y", inputs=("f",))
    network = Network((x, ops.Activation(name="f", inputs=("x",), function="relu"), y))
    found = inspect_network(network, TIANJI)
    assert found["placement"] == {"f": "unsupported"}
    assert found["unsupported"]


def image_network(function: str = "relu", channels: int = 4) -> Network:
    rng = np.random.default_rng(0)
    return Network(
        (
            ops.Input(name="image", shape=(channels, 8, 8)),
            ops.Conv(name="conv", inputs=("image",), weights=rng.normal(size=(6, channels, 3, 3)), bias=np.zeros(6),
                     stride=(1, 1), dilation=(1, 1)),
            ops.Add(name="norm", inputs=("conv",), coefficients=np.full((1, 6), 0.5), bias=np.ones(6)),
            ops.Activation(name="act", inputs=("norm",), function=function),
            ops.Pool(name="max", inputs=("act",), kind="max", kernel=(2, 2), stride=(2, 2), dilation=(1, 1),
                     before=(0, 0), after=(0, 0)),
            ops.Pool(name="mean", inputs=("max",), kind="average", kernel=(3, 3), stride=(1, 1), dilation=(1, 1),
                     before=(0, 0), after=(0, 0)),
            ops.Reshape(name="flat", inputs=("mean",), shape=(6,)),
            ops.Linear(name="fc", inputs=("flat",), weights=rng.normal(size=(3, 6)), bias=np.ones(3)),
            ops.Host(name="p", inputs=("fc",), function="softmax", parameters={"axis": 0.0}),
            ops.Output(name="y", inputs=("p",)),
        )
    )  # fmt: skip


def test_multiplications_of_a_convolution_count_once_a_position() -> None:
    found = inspect_network(image_network())
    assert found["macs"] == 6 * 4 * 9 * 36 + 18
    assert found["parameters"] == 6 * 4 * 9 + 12 + 18 + 3, "a bias of zeros is none"
    assert found["placement"] is None


@pytest.mark.parametrize(
    ("network", "name", "how"),
    [
        (image_network(), "conv", "native"),
        (image_network(channels=64), "conv", "construction: split, fan-in 576 > 256"),
        (image_network(), "norm", "native: folded into its neighbours"),
        (image_network(), "act", "native"),
        (image_network("leaky_relu"), "act", "construction: from ReLU"),
        (image_network("sigmoid"), "act", "approximator: no sigmoid on this chip"),
        (image_network(), "max", "construction: from ReLU"),
        (image_network(), "mean", "construction: a convolution of equal weights"),
        (image_network(), "p", "host: no core does softmax"),
    ],
)
def test_how_a_node_runs_and_why(network: Network, name: str, how: str) -> None:
    if "leaky" in str(network.by_name["act"].function):
        network = network.map(lambda n: replace(n, parameters={"alpha": 0.1}) if n.name == "act" else n)
    assert inspect_network(network, TIANJI)["placement"][name] == how


@pytest.mark.parametrize(("chip", "free"), [("tianji", 256), ("prime", 255)])
def test_a_layer_is_split_from_one_input_too_many(chip: str, free: int) -> None:
    for width, how in ((free, "native"), (free + 1, f"construction: split, fan-in {free + 1} > {free}")):
        nodes = (
            ops.Input(name="x", shape=(width,)),
            ops.Linear(name="fc", inputs=("x",), weights=np.ones((2, width)), bias=np.ones(2)),
            ops.Output(name="y", inputs=("fc",)),
        )
        assert inspect_network(Network(nodes), load_chip(chip))["placement"] == {"fc": how}


def test_a_chip_with_tables_looks_a_function_up() -> None:
    chip = load_chip("tianji", {"neuron.table_bits": "8"})
    assert (
        inspect_network(image_network("sigmoid"), chip)["placement"]["act"] == "table: sigmoid looked up by the neuron"
    )
