"""A network goes to text and back unchanged; bad text is refused with its line."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_strategies import core_networks
from neutrams.base.errors import FormatError, NeutramsError
from neutrams.hardware import Chip
from neutrams.network import Activation, Constant, Encode, Input, Linear, Network, Neuron, Output
from neutrams.network.text import from_text, to_text
from neutrams.neurons import find_model
from strategies import ODD_NAMES, float_networks

SMALL = Network(
    (
        Input(name="x", shape=(2,)),
        Linear(name="fc1", inputs=("x",), weights=np.eye(2), bias=np.zeros(2)),
        Activation(name="r", inputs=("fc1",), function="clip", parameters={"low": 0.0, "high": 0.1}),
        Output(name="the output", inputs=("r",)),
    )
)
TEXT = """\
neutrams network 1 steps=1
x = Input() shape=[2]
fc1 = Linear(x) weights=@fc1.weights bias=@fc1.bias
r = Activation(fc1) function="clip" parameters={"low": 0.0, "high": 0.1}
"the output" = Output(r)
"""


@given(network=float_networks())
def test_float_networks_round_trip(network: Network) -> None:
    assert from_text(*to_text(network)) == network


@given(case=core_networks())
@settings(max_examples=50)
def test_core_networks_round_trip(case: tuple[Network, Chip]) -> None:
    network, _ = case
    assert from_text(*to_text(network)) == network


@given(names=st.lists(st.text() | st.sampled_from(ODD_NAMES), min_size=3, max_size=3, unique=True))
def test_any_name_survives(names: list[str]) -> None:
    a, b, c = names
    network = Network((Input(name=a, shape=(1,)), Constant(name=b, values=np.arange(3)), Output(name=c, inputs=(b,))))
    assert from_text(*to_text(network)) == network


@given(value=st.floats(allow_nan=False), dtype=st.sampled_from(["<f4", "<f8", "<i4", "<i8", "|u1", "|b1"]))
def test_numbers_and_types_survive(value: float, dtype: str) -> None:
    network = Network(
        (
            Input(name="x", shape=(2,)),
            Constant(name="c", values=np.array([[0, 1]], dtype=dtype)),
            Activation(name="l", inputs=("x",), function="leaky_relu", parameters={"alpha": value, "other": 3}),
            Output(name="y", inputs=("l",)),
        )
    )
    assert from_text(*to_text(network)) == network


def test_names_that_meet_in_array_names_are_kept_apart() -> None:
    model = find_model("requantize", "test")
    parameters = {p.name: np.full(1, i + 1, dtype=np.int64) for i, p in enumerate(model.parameters)}
    ones = np.ones(1)
    network = Network(
        (
            Input(name="x", shape=(1,)),
            Encode(name="q", inputs=("x",), scale=1.0, zero=0.0, low=0, high=1),
            Linear(name="a.parameters", inputs=("q",), weights=np.array([[7]]), bias=np.array([9])),
            Neuron(name="a", inputs=("a.parameters",), model="requantize", parameters=parameters, scale=ones,
                   zero=ones, origin="x", elements=np.zeros(1, dtype=np.int64)),
            Output(name="y", inputs=("a",)),
        )
    )  # fmt: skip
    assert from_text(*to_text(network)) == network


def test_text_reads_as_the_manual_says() -> None:
    text, arrays = to_text(SMALL)
    assert text == TEXT
    assert arrays.keys() == {"fc1.weights", "fc1.bias"}


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("network 1", "network 9", "line 1"),
        ("steps=1", "steps=one", "line 1"),
        ("steps=1", "steps=0", "line 1"),
        ("x = Input", "x = Imput", "line 2"),
        ("shape=[2]", "shape=[2", "line 2"),
        ("shape=[2]", "shape=[2.5]", "line 2"),
        ("shape=[2]", "", "line 2"),
        ("shape=[2]", "shape=[2] shape=[2]", "line 2"),
        ("(x)", "(x", "line 3"),
        ("@fc1.weights", "@fc1.weight", "line 3"),
        ("@fc1.bias", "@fc1.weights", "line 3"),
        ("@fc1.bias", "3", "line 3"),
        ('"clip"', '"clop"', "line 4"),
        ('"low": 0.0, ', "", "line 4"),
        ('"low": 0.0, ', '"low" 0.0, ', "line 4"),
        ("Output(r)", "Output(r) size=3", "line 5"),
        ("Output(r)", "Output(s)", "network text"),
        ("shape=[2]", "shape=[3]", "network text"),
        ("shape=[2]", "shape=[-2]", "network text"),
    ],
)
def test_bad_text_is_refused_with_its_line(before: str, after: str, line: str) -> None:
    text, arrays = to_text(SMALL)
    with pytest.raises(FormatError, match=line):
        from_text(text.replace(before, after, 1), arrays)


@pytest.mark.parametrize("shape", [(), (4,), (2, 2, 1)])
def test_weights_that_are_no_matrix_are_refused_with_their_line(shape: tuple[int, ...]) -> None:
    text, arrays = to_text(SMALL)
    with pytest.raises(FormatError, match="Linear cannot work with these values") as told:
        from_text(text, {**arrays, "fc1.weights": np.ones(shape)})
    assert told.value.where == "network text, line 3"


@given(at=st.integers(0, len(TEXT) - 1), character=st.characters() | st.sampled_from('"{}[]@=,.() 0\n'))
@settings(max_examples=300)
def test_one_wrong_character_never_raises_anything_else(at: int, character: str) -> None:
    _, arrays = to_text(SMALL)
    with suppress(NeutramsError):
        from_text(TEXT[:at] + character + TEXT[at + 1 :], arrays)
