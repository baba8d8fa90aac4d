"""How much an answer depends on sums: drawn from the network's own answers, whatever stands after its logits."""

import numpy as np
import pytest

from neutrams.base.arrays import FloatArray
from neutrams.network import Activation, Conv, Host, Input, Linear, Network, Output, Reshape, ops
from neutrams.transform.tuning.sensitivity import sensitivities

X = {"x": np.random.default_rng(0).normal(size=(400, 5))}


def network_of(*after: ops.Node) -> Network:
    rng = np.random.default_rng(1)
    first = Linear(name="a", inputs=("x",), weights=rng.normal(size=(6, 5)), bias=np.zeros(6))
    logits = Linear(name="b", inputs=("r",), weights=rng.normal(size=(3, 6)), bias=np.zeros(3))
    relu = Activation(name="r", inputs=("a",), function="relu")
    last = after[-1].name if after else "b"
    return Network((Input(name="x", shape=(5,)), first, relu, logits, *after, Output(name="y", inputs=(last,))))


@pytest.mark.parametrize(
    "after",
    [
        (Host(name="p", inputs=("b",), function="softmax"),),
        (Reshape(name="s", inputs=("b",), shape=(3, 1)), Reshape(name="f", inputs=("s",), shape=(3,))),
        (Host(name="p", inputs=("b",), function="softmax"), Host(name="m", inputs=("p",), function="argmax")),
    ],
)
def test_what_stands_after_the_logits_changes_nothing(after: tuple[ops.Node, ...]) -> None:
    found, wanted = sensitivities(network_of(*after), X, 0), sensitivities(network_of(), X, 0)
    assert found.keys() == wanted.keys() == {"a", "b"}
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)


def test_logits_have_the_fisher_information_of_a_softmax() -> None:
    """d log p(y) / d z is 1 - p or -p: its mean square is p (1 - p)."""
    network = network_of()
    z = np.maximum(X["x"] @ layer(network, "a").T, 0) @ layer(network, "b").T
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    found = sensitivities(network, X, 0)["b"].numpy()
    np.testing.assert_allclose(found.mean(axis=0), (p * (1 - p)).mean(axis=0), rtol=0.2)


def test_an_image_is_no_answer() -> None:
    image = Network((Input(name="x", shape=(1, 4, 4)), conv(), Output(name="y", inputs=("c",))))
    assert sensitivities(image, {"x": np.ones((2, 1, 4, 4))}, 0) == {}


def conv() -> Conv:
    return Conv(
        name="c", inputs=("x",), weights=np.ones((2, 1, 3, 3)), bias=np.zeros(2), stride=(1, 1), dilation=(1, 1)
    )


def layer(network: Network, name: str) -> FloatArray:
    node = network.by_name[name]
    assert isinstance(node, Linear)
    return node.weights
