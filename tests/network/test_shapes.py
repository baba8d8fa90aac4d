"""Nodes whose shapes do not fit are refused by name when the network is built."""

import numpy as np
import pytest

from neutrams.base.errors import InputError
from neutrams.network import (
    Add,
    Concat,
    Conv,
    Gather,
    Host,
    Input,
    Linear,
    Max,
    Mul,
    Network,
    Node,
    Output,
    Pad,
    Pool,
    Reshape,
    Slice,
    Transpose,
)


def around(node: Node) -> Network:
    return Network((Input(name="x", shape=(4,)), node, Output(name="y", inputs=(node.name,))))


@pytest.mark.parametrize(
    ("node", "shape"),
    [
        (Linear(name="n", inputs=("x",), weights=np.ones((3, 4)), bias=np.zeros(3)), (3,)),
        (Add(name="n", inputs=("x", "x"), coefficients=np.ones((2, 4)), bias=np.zeros(4)), (4,)),
        (Reshape(name="n", inputs=("x",), shape=(2, 2)), (2, 2)),
        (Slice(name="n", inputs=("x",), start=0, stop=4, step=3), (2,)),
        (Gather(name="n", inputs=("x",), indices=np.array([3, 3, 0, 1, 2]), axis=0), (5,)),
        (Pad(name="n", inputs=("x",), before=(1,), after=(2,)), (7,)),
        (Max(name="n", inputs=("x", "x")), (4,)),
        (Host(name="n", inputs=("x",), function="one_hot", parameters={"depth": 3}), (4, 3)),
        (Host(name="n", inputs=("x",), function="argmax"), ()),
        (Concat(name="n", inputs=("x", "x"), axis=0), (8,)),
        (Transpose(name="n", inputs=("x",), axes=(0,)), (4,)),
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
        (Slice(name="n", inputs=("x",), start=0, stop=4, step=0), "Slice takes one tensor whose axis -1 holds 0:4:0"),
        (Slice(name="n", inputs=("x",), start=0, stop=5), "Slice takes one tensor whose axis -1 holds 0:5:1"),
        (Slice(name="n", inputs=("x",), start=0, stop=1, axis=1), "Slice takes one tensor with an axis 1"),
        (Gather(name="n", inputs=("x",), indices=np.array([4])), "Gather takes one tensor whose axis holds all"),
        (Pad(name="n", inputs=("x",), before=(1, 1), after=(0, 0)), "Pad takes one tensor with 2 axes"),
        (Pad(name="n", inputs=("x",), before=(-1,), after=(0,)), "Pad takes borders of at least 0"),
        (Max(name="n"), "Max takes tensors of one shape"),
        (Mul(name="n"), "Mul takes at least one tensor"),
        (Transpose(name="n", inputs=("x",), axes=(1,)), "Transpose takes one tensor with 1 axes"),
        (Host(name="n", inputs=("x", "x"), function="matmul"), "Host takes two tensors"),
    ],
)
def test_what_does_not_fit_is_refused(node: Node, message: str) -> None:
    with pytest.raises(InputError, match=message) as told:
        around(node)
    assert told.value.where == "node 'n'"


def conv(**change: object) -> Conv:
    plain = {"weights": np.ones((4, 1, 3, 2)), "bias": np.zeros(4), "stride": (2, 1), "dilation": (1, 3), "groups": 2}
    return Conv(name="n", inputs=("x",), **(plain | change))  # type: ignore[arg-type]


def pool(**change: object) -> Pool:
    plain = {"kernel": (2, 3), "stride": (2, 2), "dilation": (1, 1), "before": (0, 1), "after": (1, 0)}
    return Pool(name="n", inputs=("x",), kind="max", **(plain | change))  # type: ignore[arg-type]


def image(node: Node) -> Network:
    return Network((Input(name="x", shape=(2, 5, 6)), node, Output(name="y", inputs=("n",))))


@pytest.mark.parametrize(
    ("node", "shape"),
    [
        (conv(), (4, 2, 3)),
        (pool(), (2, 3, 3)),
        (Add(name="n", inputs=("x",), coefficients=np.ones((1, 2)), bias=np.zeros(2)), (2, 5, 6)),
        (Transpose(name="n", inputs=("x",), axes=(1, 2, 0)), (5, 6, 2)),
        (Gather(name="n", inputs=("x",), indices=np.zeros(9, dtype=np.int64), axis=-2), (2, 9, 6)),
        (Concat(name="n", inputs=("x", "x"), axis=-3), (4, 5, 6)),
    ],
)
def test_shapes_of_images_by_hand(node: Node, shape: tuple[int, ...]) -> None:
    assert image(node).shapes["n"] == shape


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (conv(groups=1), "Conv takes one tensor of 1 channels and 2 other axes"),
        (conv(bias=np.zeros(3)), "Conv takes a bias and a multiple of its groups"),
        (conv(stride=(2,)), "Conv takes a bias and a multiple of its groups"),
        (conv(stride=(0, 1)), "Conv takes strides and dilations of at least 1"),
        (conv(dilation=(3, 1)), r"Conv takes a tensor no smaller than its kernel \(3, 2\)"),
        (pool(kernel=(2,)), "Pool takes one tensor of channels and 1 other axes"),
        (pool(before=(-1, 0)), "Pool takes windows, strides and dilations of at least 1"),
        (pool(kernel=(7, 1)), r"Pool takes a tensor no smaller than its window \(7, 1\)"),
        (Add(name="n", inputs=("x",), coefficients=np.ones((1, 6)), bias=np.zeros(6)), "with 6 channels"),
    ],
)
def test_what_does_not_fit_an_image_is_refused(node: Node, message: str) -> None:
    with pytest.raises(InputError, match=message):
        image(node)
