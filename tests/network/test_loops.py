"""Loops compute what their steps do one after the other; they are in order, and wrong ones are refused."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loop_strategies import looped_networks, unrolled
from neutrams.base.arrays import FloatArray
from neutrams.base.errors import InputError
from neutrams.evaluate import run as evaluate
from neutrams.network import Add, Constant, Input, Network, Node, Output, Stack, State, Unstack, Update
from neutrams.network.loops import Loop
from neutrams.network.text import from_text, to_text
from neutrams.reference import run
from neutrams.transform.canonicalize import canonicalize
from neutrams.transform.names import plain_names
from strategies import float_inputs


@given(data=st.data(), network=looped_networks())
def test_a_loop_is_its_steps_one_after_the_other(data: st.DataObject, network: Network) -> None:
    inputs = data.draw(float_inputs(network))
    found, wanted = run(network, inputs), run(unrolled(network), inputs)
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-12, atol=1e-12)


@given(data=st.data(), network=looped_networks(), change=st.sampled_from([canonicalize, plain_names, Network.pruned]))
def test_passes_keep_what_loops_compute(
    data: st.DataObject, network: Network, change: Callable[[Network], Network]
) -> None:
    inputs = data.draw(float_inputs(network))
    found, wanted = run(change(network), inputs), run(network, inputs)
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-9)


@given(data=st.data(), network=looped_networks())
def test_fast_evaluation_agrees(data: st.DataObject, network: Network) -> None:
    inputs = data.draw(float_inputs(network))
    found, wanted = evaluate(network, inputs, batch=2), run(network, inputs)
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-3, atol=1e-4)


@given(network=looped_networks())
def test_text_round_trips(network: Network) -> None:
    assert from_text(*to_text(network)) == network


def accumulator(*, steps: int = 3, start: int = 2, extra: tuple[Node, ...] = (), state: str = "sum") -> Network:
    """y = cumulative sum of x, from a start of zeros."""
    ones = np.ones((2, 2))
    return Network((
        Input(name="x", shape=(3, 2)), Constant(name="zero", values=np.zeros(start)),
        Unstack(name="step", inputs=("x",)), State(name="sum", inputs=("zero",)),
        Add(name="new", inputs=("step", "sum"), coefficients=ones, bias=np.zeros(2)),
        Update(name="next", inputs=("new",), state=state), Stack(name="all", inputs=("new",), steps=steps),
        *extra, Output(name="y", inputs=("all",)),
    ))  # fmt: skip


def test_a_running_sum() -> None:
    found = run(accumulator(), {"x": np.array([[[1, 10], [2, 20], [3, 30]]])})["y"]
    assert found.tolist() == [[[1, 10], [3, 30], [6, 60]]]


def test_the_nodes_of_a_loop_come_together_between_what_they_read_and_what_reads_them() -> None:
    order = accumulator().order
    kinds = [item.op if isinstance(item, Node) else f"{item.steps} steps" for item in order]
    assert kinds == ["Input", "Constant", "3 steps", "Stack", "Output"]
    assert isinstance(order[2], Loop)
    assert order[2].inputs == ("x", "zero")


def test_what_no_output_needs_of_a_loop_is_pruned() -> None:
    more = (
        State(name="other", inputs=("zero",)), Update(name="other next", inputs=("new",), state="other"),
        Stack(name="others", inputs=("other",), steps=3),
    )  # fmt: skip
    assert accumulator(extra=more).pruned() == accumulator()


def nested() -> tuple[Node, ...]:
    return (Unstack(name="inner", inputs=("new",)), Stack(name="outer", inputs=("inner",), steps=2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: accumulator(steps=2), "'all'.*its loop has 3 steps, not 2"),
        (lambda: accumulator(start=1), "takes 2 tensors of one shape"),
        (lambda: accumulator(state="step"), "'next'.*no state 'step' of its shape"),
        (lambda: accumulator(extra=(Update(name="again", inputs=("step",), state="sum"),)), "'sum'.*has 2 updates"),
        (lambda: accumulator(extra=(State(name="idle", inputs=("zero",)),)), "'idle'.*0 updates"),
        (lambda: accumulator(extra=nested()), "'inner'.*loops do not nest"),
        (lambda: accumulator(extra=(Output(name="z", inputs=("new",)),)), "'z'.*another value at each step"),
        (lambda: accumulator(extra=(Stack(name="s", inputs=("x",), steps=3),)), "'s'.*in no loop"),
        (
            lambda: accumulator(extra=(
                Unstack(name="late", inputs=("all",)),
                Add(name="mixed", inputs=("late", "new"), coefficients=np.ones((2, 2)), bias=np.zeros(2)),
                Stack(name="wrong", inputs=("mixed",), steps=3),
            )),
            "its loop reads what it stacks itself",
        ),
    ],
)  # fmt: skip
def test_wrong_loops_are_refused(make: Callable[[], Network], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_results_are_floats_of_samples_first() -> None:
    found: FloatArray = evaluate(accumulator(), {"x": np.ones((5, 3, 2))})["y"]
    assert found.shape == (5, 3, 2)
