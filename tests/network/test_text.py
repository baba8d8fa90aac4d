"""A network goes to text and back unchanged; bad text is refused with its line."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_image_strategies import core_images
from core_strategies import core_networks
from neutrams.base.arrays import IntArray
from neutrams.base.errors import FormatError, NeutramsError
from neutrams.hardware import Chip
from neutrams.network import Activation, Constant, Encode, Input, Linear, Network, Neuron, Output
from neutrams.network.text import from_text, to_text
from neutrams.neurons import find_model
from strategies import FUNCTIONS, ODD_NAMES, float_networks, image_networks

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


@given(network=float_networks() | image_networks(functions=tuple(FUNCTIONS)))
def test_float_networks_round_trip(network: Network) -> None:
    assert from_text(*to_text(network)) == network


@given(case=core_networks() | core_images())
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


@pytest.mark.parametrize("table", [np.arange(3), np.arange(8).reshape(2, 4), np.arange(1)])
def test_an_index_that_leaves_its_table_is_refused(table: IntArray) -> None:
    zeros = np.zeros(1, dtype=np.int64)
    parameters = dict.fromkeys(("bias", "multiplier"), zeros) | {
        "shift": zeros + 1,
        "low": zeros - 1,
        "high": zeros + 2,
    }
    neuron = Neuron(
        name="n", inputs=("s",), model="requantize", parameters=parameters, scale=np.ones(1), zero=np.zeros(1),
        origin="x", elements=zeros, table=np.arange(4),
    )  # fmt: skip
    nodes = (
        Input(name="x", shape=(1,)),
        Encode(name="q", inputs=("x",), scale=1.0, zero=0.0, low=0, high=1),
        Linear(name="s", inputs=("q",), weights=np.array([[7]]), bias=zeros),
        neuron,
        Output(name="y", inputs=("n",)),
    )
    text, arrays = to_text(Network(nodes))
    assert from_text(text, arrays) == Network(nodes)
    assert neuron.output_limits == (0, 3)
    with pytest.raises(FormatError, match="Neuron cannot work with these values"):
        from_text(text, {**arrays, "n.table": table})


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


OTHERS = """\
neutrams network 1 steps=1
x = Input() shape=[2, 5]
c = Conv(x) weights=@w bias=@b stride=[1] dilation=[1] groups=1
m = Pool(x) kind="max" kernel=[2] stride=[1] dilation=[1] before=[0] after=[0] count_padding=false
g = Gather(x) indices=@i axis=-1
s = Slice(x) start=0 stop=2 step=1 axis=0
p = Pad(x) before=[0, 1] after=[0, 0] value=0.5
t = Transpose(x) axes=[1, 0]
h = Host(x) function="one_hot" parameters={"depth": 3}
y = Output(x)
"""
ARRAYS = {"w": np.ones((1, 2, 3)), "b": np.zeros(1), "i": np.arange(5)}


def test_every_operator_reads_as_written() -> None:
    assert len(from_text(OTHERS, ARRAYS).nodes) == 9


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("@w", "@i", 3),
        ("bias=@b", "bias=@i", 3),
        ("stride=[1] dilation=[1] groups", "stride=[1, 1] dilation=[1] groups", 3),
        ("stride=[1] dilation=[1] groups", "stride=[] dilation=[] groups", 3),
        ("groups=1", "groups=0", 3),
        ('"max"', '"least"', 4),
        ("kernel=[2]", "kernel=[]", 4),
        ("kernel=[2]", "kernel=[2, 2]", 4),
        ("false", "0", 4),
        ("indices=@i", "indices=@b", 5),
        ("indices=@i", "indices=@two", 5),
        ("indices=@i", "indices=@none", 5),
        ("step=1", "step=0", 6),
        ("start=0", "start=2", 6),
        ("before=[0, 1]", "before=[0]", 7),
        ("before=[0, 1] after=[0, 0]", "before=[] after=[]", 7),
        ("axes=[1, 0]", "axes=[1, 0.5]", 8),
        ('{"depth": 3}', "{}", 9),
        ('{"depth": 3}', '{"depth": 0}', 9),
        ('{"depth": 3}', '{"depth": 2.5}', 9),
    ],
)
def test_values_no_node_can_have_are_refused_with_their_line(before: str, after: str, line: int) -> None:
    arrays = {**ARRAYS, "two": np.zeros((2, 2), dtype=np.int64), "none": np.zeros(0, dtype=np.int64)}
    assert before in OTHERS
    with pytest.raises(FormatError) as told:
        from_text(OTHERS.replace(before, after, 1), arrays)
    assert told.value.where == f"network text, line {line}"


@given(at=st.integers(0, len(TEXT) - 1), character=st.characters() | st.sampled_from('"{}[]@=,.() 0\n'))
@settings(max_examples=300)
def test_one_wrong_character_never_raises_anything_else(at: int, character: str) -> None:
    _, arrays = to_text(SMALL)
    with suppress(NeutramsError):
        from_text(TEXT[:at] + character + TEXT[at + 1 :], arrays)
