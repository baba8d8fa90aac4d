"""The interpreter keeps samples apart: what it gives for one does not depend on the others."""

from collections.abc import Callable

import numpy as np
import pytest

from neutrams.base.arrays import FloatArray
from neutrams.evaluate import run as evaluate
from neutrams.network import Input, Mul, Network, Output
from neutrams.reference import run


@pytest.mark.parametrize("samples", [1, 2, 3])
@pytest.mark.parametrize("execute", [run, evaluate])
def test_products_of_different_rank_broadcast_inside_each_sample(
    execute: Callable[..., dict[str, FloatArray]], samples: int
) -> None:
    shapes = {"a": (3,), "b": (2, 3), "c": (2, 2, 1)}
    rng = np.random.default_rng(0)
    x = {name: rng.integers(-4, 5, (samples, *shape)).astype(np.float64) for name, shape in shapes.items()}
    inputs = tuple(Input(name=name, shape=shape) for name, shape in shapes.items())
    network = Network((*inputs, Mul(name="m", inputs=("a", "b", "c")), Output(name="y", inputs=("m",))))
    wanted = np.stack([x["a"][i] * x["b"][i] * x["c"][i] for i in range(samples)])
    np.testing.assert_array_equal(execute(network, x)["y"], wanted)
