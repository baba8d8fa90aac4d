"""Tensors of a network come in order and are let go after their last reader."""

import weakref

import numpy as np
import torch

from neutrams.evaluate import float_values, stream_values
from neutrams.network import Activation, Add, Input, Network, Output


def chain(length: int) -> Network:
    """x -> r0 -> r1 ... and at the end the sum of the last and of r0."""
    layers = [
        Activation(name=f"r{i}", inputs=("x" if i == 0 else f"r{i - 1}",), function="softplus") for i in range(length)
    ]
    total = Add(name="sum", inputs=("r0", layers[-1].name), coefficients=np.ones((2, 3)), bias=np.zeros(3))
    return Network((Input(name="x", shape=(3,)), *layers, total, Output(name="y", inputs=("sum",))))


def test_only_what_is_still_read_stays() -> None:
    alive: dict[str, weakref.ref[torch.Tensor]] = {}
    for node, value in stream_values(chain(5), {"x": np.zeros((2, 3))}):
        if node.name == "sum":
            break
        alive[node.name] = weakref.ref(value)
        del value
        held = {name for name, found in alive.items() if found() is not None}
        assert held <= {"r0", node.name}, node.name


def test_every_node_comes_once_in_order() -> None:
    network = chain(3)
    assert [node for node, _ in stream_values(network, {"x": np.zeros((2, 3))})] == list(network.nodes)


def test_a_tensor_given_stands_in_for_its_node() -> None:
    found = float_values(chain(2), {"x": np.zeros((1, 3))}, {"r0": torch.full((1, 3), 4.0), "r1": torch.zeros(1, 3)})
    assert found["y"].tolist() == [[4.0, 4.0, 4.0]]
