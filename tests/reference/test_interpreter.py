"""Functions by hand; samples are kept apart: what the interpreter gives for one does not depend on the others."""

from collections.abc import Callable
from math import inf, log, nan

import numpy as np
import pytest

from neutrams.base.arrays import FloatArray
from neutrams.base.errors import InputError
from neutrams.evaluate import run as evaluate
from neutrams.hardware import load_chip
from neutrams.network import Activation, Concat, Decode, Encode, Host, Input, Mul, Network, Output, Slice, ops
from neutrams.reference import prepare, run

Execute = Callable[..., dict[str, FloatArray]]

POINTS: list[tuple[str, dict[str, float], dict[float, float]]] = [
    ("identity", {}, {-2.0: -2, 3.0: 3}),
    ("relu", {}, {-2.0: 0, 3.0: 3}),
    ("leaky_relu", {"alpha": 0.25}, {-2.0: -0.5, 3.0: 3}),
    ("clip", {"low": -1, "high": 2}, {-2.0: -1, 1.0: 1, 3.0: 2}),
    ("sigmoid", {}, {0.0: 0.5, log(3): 0.75, -800.0: 0}),
    ("tanh", {}, {0.0: 0, log(3): 0.8}),
    ("elu", {"alpha": 2}, {-log(2): -1, 3.0: 3, 800.0: 800}),
    ("selu", {"alpha": 2, "gamma": 3}, {-log(2): -3, 3.0: 9}),
    ("hard_sigmoid", {"alpha": 0.25, "beta": 0.5}, {-3.0: 0, 1.0: 0.75, 4.0: 1}),
    ("hard_swish", {}, {-4.0: 0, 0.0: 0, 1.5: 1.125, 4.0: 4}),
    ("silu", {}, {0.0: 0, log(3): 0.75 * log(3)}),
    ("gelu", {}, {0.0: 0, 1.0: 0.8413447460685429, -1.0: -0.15865525393145707}),
    ("gelu_tanh", {}, {0.0: 0, 1.0: 0.8411919906082768}),
    ("mish", {}, {0.0: 0, 1.0: 0.8650983882673103}),
    ("softplus", {}, {0.0: log(2), 800.0: 800, -800.0: 0}),
    ("softsign", {}, {-1.0: -0.5, 3.0: 0.75}),
    ("erf", {}, {0.0: 0, 1.0: 0.8427007929497149}),
    ("exp", {}, {0.0: 1, log(3): 3}),
    ("log", {}, {1.0: 0, 0.0: -inf, -1.0: nan}),
    ("sqrt", {}, {9.0: 3, -1.0: nan}),
    ("reciprocal", {}, {4.0: 0.25, 0.0: inf}),
    ("power", {"exponent": 3}, {-2.0: -8, 3.0: 27}),
    ("abs", {}, {-2.0: 2, 3.0: 3}),
]


@pytest.mark.parametrize(("function", "parameters", "points"), POINTS)
@pytest.mark.parametrize("execute", [run, evaluate])
def test_functions_at_points_known(
    execute: Execute, function: str, parameters: dict[str, float], points: dict[float, float]
) -> None:
    node = Activation(name="f", inputs=("x",), function=function, parameters=parameters)
    network = Network((Input(name="x", shape=(1,)), node, Output(name="y", inputs=("f",))))
    x = np.array(list(points))[:, None]
    wanted = np.array([float(y) for y in points.values()])
    tolerance = 1e-14 if execute is run else 3e-7
    np.testing.assert_allclose(execute(network, {"x": x})["y"][:, 0], wanted, rtol=tolerance, atol=tolerance)


def test_every_function_has_points() -> None:
    assert {function for function, _, _ in POINTS} == set(ops.FUNCTIONS)


@pytest.mark.parametrize("execute", [run, evaluate])
def test_indices_below_0_count_from_the_end_and_others_outside_are_zero_or_refused(execute: Execute) -> None:
    lenient, strict = (
        Network((
            Input(name="x", shape=(2,)), Host(name="h", inputs=("x",), function="one_hot", parameters=parameters),
            Output(name="y", inputs=("h",)),
        ))
        for parameters in ({"depth": 3}, {"depth": 3, "strict": 1})
    )  # fmt: skip
    for network in (lenient, strict):
        found = execute(network, {"x": np.array([[0, 2], [-1, -3]])})["y"]
        assert found.tolist() == [[[1, 0, 0], [0, 0, 1]], [[0, 0, 1], [1, 0, 0]]]
    for outside in (3, -4, 0.5):
        assert execute(lenient, {"x": np.array([[0, outside]])})["y"].tolist() == [[[1, 0, 0], [0, 0, 0]]]
        with pytest.raises(InputError, match=rf"1 of 4 indices are not among its 3 entries, the first is {outside}"):
            execute(strict, {"x": np.array([[0, 2], [1, outside]])})


@pytest.mark.parametrize("execute", [run, evaluate])
def test_matrix_products_of_different_rank_broadcast_inside_each_sample(execute: Execute) -> None:
    rng = np.random.default_rng(0)
    x = {"a": rng.integers(-4, 5, (2, 3, 4)).astype(float), "b": rng.integers(-4, 5, (2, 5, 4, 1)).astype(float)}
    inputs = tuple(Input(name=name, shape=values.shape[1:]) for name, values in x.items())
    node = Host(name="m", inputs=("a", "b"), function="matmul")
    found = execute(Network((*inputs, node, Output(name="y", inputs=("m",)))), x)["y"]
    np.testing.assert_array_equal(found, [x["a"][i] @ x["b"][i] for i in range(2)])


def test_a_host_head_gives_what_the_encoders_read() -> None:
    def encode(name: str, source: str) -> Encode:
        return Encode(name=name, inputs=(source,), scale=1.0, zero=0.0, low=0, high=9)

    nodes = (
        Input(name="x", shape=(2,)),
        Input(name="index", shape=()),
        Host(name="hot", inputs=("index",), function="one_hot", parameters={"depth": 2}),
        Concat(name="both", inputs=("x", "hot")),
        encode("q", "both"),
        Slice(name="first", inputs=("x",), start=0, stop=1),
        encode("r", "first"),
        Concat(name="all", inputs=("q", "r")),
        Decode(name="d", inputs=("all",), coefficient=np.ones(5, dtype=np.int64), element=np.arange(5),
               scale=np.ones(5), offset=np.zeros(5)),
        Output(name="y", inputs=("d",)),
    )  # fmt: skip
    network, inputs = Network(nodes), {"x": np.array([[3, 4], [5, 6.4]]), "index": np.array([1, 0])}
    found = prepare(network, inputs)
    assert {name: values.tolist() for name, values in found.items()} == {
        "both": [[3, 4, 0, 1], [5, 6.4, 1, 0]], "x": [[3, 4], [5, 6.4]],
    }  # fmt: skip
    for execute in (run, evaluate):
        assert execute(network, inputs, load_chip("tianji"))["y"].tolist() == [[3, 4, 0, 1, 3], [5, 6, 1, 0, 5]]


@pytest.mark.parametrize("samples", [1, 2, 3])
@pytest.mark.parametrize("execute", [run, evaluate])
def test_products_of_different_rank_broadcast_inside_each_sample(execute: Execute, samples: int) -> None:
    shapes = {"a": (3,), "b": (2, 3), "c": (2, 2, 1)}
    rng = np.random.default_rng(0)
    x = {name: rng.integers(-4, 5, (samples, *shape)).astype(np.float64) for name, shape in shapes.items()}
    inputs = tuple(Input(name=name, shape=shape) for name, shape in shapes.items())
    network = Network((*inputs, Mul(name="m", inputs=("a", "b", "c")), Output(name="y", inputs=("m",))))
    wanted = np.stack([x["a"][i] * x["b"][i] * x["c"][i] for i in range(samples)])
    np.testing.assert_array_equal(execute(network, x)["y"], wanted)
