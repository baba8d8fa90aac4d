"""A network of one step with states in and out gives over a sequence what it gives step by step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neutrams.base.errors import InputError
from neutrams.network import Activation, Add, Concat, Gather, Input, Linear, Network, Output, Reshape
from neutrams.network.sequences import as_sequence
from neutrams.reference import run


def cell(seed: int) -> Network:
    """One step: (a, b) = state; a' = tanh(W [x, a]), b' = a' + b / 2; y = sum of b'."""
    rng = np.random.default_rng(seed)
    halves = np.stack([np.ones(2), np.full(2, 0.5)])
    return Network((
        Input(name="x", shape=(3,)), Input(name="state", shape=(2, 2)), Input(name="unread", shape=()),
        Gather(name="a row", inputs=("state",), indices=np.array([0]), axis=0),
        Reshape(name="a", inputs=("a row",), shape=(2,)),
        Gather(name="b row", inputs=("state",), indices=np.array([1]), axis=0),
        Reshape(name="b", inputs=("b row",), shape=(2,)),
        Concat(name="both", inputs=("x", "a")),
        Linear(name="fc", inputs=("both",), weights=rng.normal(size=(2, 5)), bias=rng.normal(size=2)),
        Activation(name="new a", inputs=("fc",), function="tanh"),
        Add(name="new b", inputs=("new a", "b"), coefficients=halves, bias=np.zeros(2)),
        Reshape(name="first", inputs=("new a",), shape=(1, 2)), Reshape(name="second", inputs=("new b",), shape=(1, 2)),
        Concat(name="joined", inputs=("first", "second"), axis=0),
        Linear(name="head", inputs=("new b",), weights=np.ones((1, 2)), bias=np.zeros(1)),
        Output(name="y", inputs=("head",)), Output(name="next", inputs=("joined",)),
    ))  # fmt: skip


@given(seed=st.integers(0, 999), steps=st.integers(1, 5))
def test_a_sequence_gives_what_steps_give(seed: int, steps: int) -> None:
    network = cell(seed)
    x = np.random.default_rng(seed).normal(size=(2, steps, 3))
    found = run(as_sequence(network, steps, {"next": "state"}), {"x": x})["y"]
    state = np.zeros((2, 2, 2))
    for step in range(steps):
        given_now = run(network, {"x": x[:, step], "state": state, "unread": np.zeros(2)})
        state = given_now["next"]
        np.testing.assert_allclose(found[:, step], given_now["y"], rtol=1e-12)


@pytest.mark.parametrize(
    ("steps", "feedback", "message"),
    [
        (0, {"next": "state"}, "steps is 0"), (2, {"nothing": "state"}, "shall go to input"),
        (2, {"y": "state"}, "has shape"), (2, {"next": "state", "y": "x"}, "has shape"),
    ],
)  # fmt: skip
def test_what_cannot_be_fed_back_is_refused(steps: int, feedback: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_sequence(cell(0), steps, feedback)
