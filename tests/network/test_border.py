"""A port tensor is the last tensor before an encoder that is more than another one in a new order."""

import numpy as np

from neutrams.network import Activation, Concat, Encode, Gather, Input, Network, Node, Output, Pad, Reshape, Slice
from neutrams.network.border import port_tensors


def ports(*nodes: Node) -> dict[str, str]:
    inputs = (Input(name="x", shape=(2, 3)), Input(name="z", shape=(2, 3)))
    encoders = (Encode(name="q", inputs=(nodes[-1].name,), scale=1.0, zero=0.0, low=0, high=1),)
    return port_tensors(Network((*inputs, *nodes, *encoders, Output(name="y", inputs=("q",)))))


def test_movement_is_followed_back_to_its_input() -> None:
    flat = Reshape(name="flat", inputs=("x",), shape=(6,))
    parts = (Slice(name="a", inputs=("flat",), start=0, stop=2), Gather(name="b", inputs=("x",), indices=np.arange(2)))
    whole = (Reshape(name="c", inputs=("b",), shape=(4,)), Concat(name="d", inputs=("a", "c")))
    assert ports(flat, *parts, *whole) == {"q": "x"}


def test_a_computed_tensor_is_a_port_tensor() -> None:
    relu = Activation(name="r", inputs=("x",), function="relu")
    assert ports(relu, Reshape(name="flat", inputs=("r",), shape=(6,))) == {"q": "r"}
    assert ports(Pad(name="p", inputs=("x",), before=(0, 1), after=(0, 0))) == {"q": "p"}


def test_several_tensors_joined_are_one_port_tensor() -> None:
    joined = Concat(name="j", inputs=("x", "z"), axis=0)
    assert ports(joined, Reshape(name="flat", inputs=("j",), shape=(12,))) == {"q": "j"}
