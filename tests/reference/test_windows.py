"""Convolution and pooling by hand, with padding, stride, dilation and groups."""

import numpy as np
import pytest

from neutrams.base.arrays import AnyArray
from neutrams.network import Conv, Input, Network, Node, Output, Pool
from neutrams.reference import run

RAMP = np.arange(1.0, 7.0)  # 1 2 3 4 5 6


def given(node: Node, x: AnyArray) -> list[object]:
    found = run(Network((Input(name="x", shape=x.shape), node, Output(name="y", inputs=(node.name,)))), {"x": x[None]})
    listed: list[object] = found["y"][0].tolist()
    return listed


def conv(weights: list[object], stride: int = 1, dilation: int = 1, groups: int = 1) -> Conv:
    w = np.array(weights, dtype=np.float64)
    return Conv(name="n", inputs=("x",), weights=w, bias=np.full(len(w), 10.0), stride=(stride,), dilation=(dilation,),
                groups=groups)  # fmt: skip


def pool(kind: str, **change: object) -> Pool:
    plain = {"kernel": (2,), "stride": (2,), "dilation": (1,), "before": (0,), "after": (0,)}
    return Pool(name="n", inputs=("x",), kind=kind, **(plain | change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("node", "wanted"),
    [
        (conv([[[1, -2]]]), [[7, 6, 5, 4, 3]]),
        (conv([[[1, -2]]], stride=2), [[7, 5, 3]]),
        (conv([[[1, 0, 1]]], dilation=2), [[16, 18]]),
        (conv([[[1, 0, 1]], [[0, 1, 0]]], stride=3), [[14, 20], [12, 15]]),
        (pool("max"), [[2, 4, 6]]),
        (pool("max", kernel=(3,), before=(1,), after=(1,), stride=(3,)), [[2, 5]]),
        (pool("max", kernel=(2,), dilation=(3,), stride=(1,)), [[4, 5, 6]]),
        (pool("average"), [[1.5, 3.5, 5.5]]),
        (pool("average", before=(1,), after=(1,)), [[1, 2.5, 4.5, 6]]),
        (pool("average", before=(1,), after=(1,), count_padding=True), [[0.5, 2.5, 4.5, 3]]),
    ],
)
def test_windows_of_a_ramp(node: Node, wanted: list[object]) -> None:
    assert given(node, RAMP[None]) == wanted


def test_the_largest_is_never_padding() -> None:
    assert given(pool("max", before=(1,), after=(1,)), -RAMP[None]) == [[-1, -2, -4, -6]]


def test_groups_read_their_own_channels() -> None:
    x = np.array([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0], [1000.0, 2000.0]])
    weights: list[object] = [[[1], [1]], [[2], [0]], [[1], [1]], [[0], [2]]]
    wanted = [[21, 32], [12, 14], [1110, 2210], [2010, 4010]]
    assert given(conv(weights, groups=2), x) == wanted


def test_a_kernel_is_not_flipped() -> None:
    x = np.arange(9.0).reshape(1, 3, 3)
    weights = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    node = Conv(name="n", inputs=("x",), weights=weights, bias=np.zeros(1), stride=(1, 1), dilation=(1, 1))
    assert given(node, x) == [[[27, 37], [57, 67]]]
