"""Nodes whose shapes do not fit are refused by name when the network is built."""

import numpy as np
import pytest

from neutrams.base.errors import InputError
from neutrams.network import Add, Input, Linear, Network, Node, Output, Reshape, Slice


def around(node: Node) -> Network:
    return Network((Input(name="x", shape=(4,)), node, Output(name="y", inputs=(node.name,))))


@pytest.mark.parametrize(
    ("node", "shape"),
    [
        (Linear(name="n", inputs=("x",), weights=np.ones((3, 4)), bias=np.zeros(3)), (3,)),
        (Add(name="n", inputs=("x", "x"), coefficients=np.ones((2, 4)), bias=np.zeros(4)), (4,)),
        (Reshape(name="n", inputs=("x",), shape=(2, 2)), (2, 2)),
        (Slice(name="n", inputs=("x",), start=0, stop=4, step=3), (2,)),
    ],
)
def test_shapes_by_hand(node: Node, shape: tuple[int, ...]) -> None:
    assert around(node).shapes["n"] == shape


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            Linear(name="n", inputs=("x",), weights=np.ones((3, 4)), bias=np.zeros(1)),
            r"Linear takes a bias of shape \(3,\), it is given one of shape \(1,\)",
        ),
        (
            Add(name="n", inputs=("x",), coefficients=np.ones((1, 4)), bias=np.zeros(())),
            r"Add takes a bias of shape \(4,\), it is given one of shape \(\)",
        ),
        (Reshape(name="n", inputs=("x",), shape=(-2, -2)), r"Reshape takes a shape without empty axes"),
        (Reshape(name="n", inputs=("x",), shape=(3,)), r"Reshape takes one tensor with as many elements as \(3,\)"),
        (Slice(name="n", inputs=("x",), start=0, stop=4, step=0), "Slice takes one tensor whose last axis holds 0:4:0"),
        (Slice(name="n", inputs=("x",), start=0, stop=5), "Slice takes one tensor whose last axis holds 0:5:1"),
    ],
)
def test_what_does_not_fit_is_refused(node: Node, message: str) -> None:
    with pytest.raises(InputError, match=message) as told:
        around(node)
    assert told.value.where == "node 'n'"
