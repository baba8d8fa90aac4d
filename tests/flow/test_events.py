"""Event lists are spike arrays, written down event by event."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import InputError
from neutrams.flow import named_inputs
from neutrams.network import Input

SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 3))


@given(data=st.data(), shape=SHAPES, dt=st.integers(1, 1000))
def test_the_events_of_an_array_give_it_back(data: st.DataObject, shape: tuple[int, ...], dt: int) -> None:
    counts = data.draw(hnp.arrays(np.int64, (2, *shape), elements=st.integers(0, 2)))
    sample, step, address = np.nonzero(counts.reshape(2, shape[0], -1))
    rows = np.stack([sample, step * dt + data.draw(st.integers(0, dt - 1)), address], axis=1)
    rows = np.repeat(rows, counts.reshape(2, shape[0], -1)[sample, step, address], axis=0)
    shuffled = data.draw(st.permutations(range(len(rows))))
    given_arrays = {"spikes.events": rows[shuffled], "spikes.dt": np.array(dt), "spikes.samples": np.array([2])}
    found = named_inputs(given_arrays, (Input(name="spikes", shape=shape),))["spikes"]
    assert np.array_equal(found, counts)
    assert found.dtype == np.float32


def test_an_event_of_channel_1_row_0_column_2_in_step_3() -> None:
    events = np.array([[0, 3500, 1 * 2 * 3 + 0 * 3 + 2]])
    network = (Input(name="dvs", shape=(4, 2, 2, 3)),)
    found = named_inputs({"x.events": events, "x.dt": np.array(1000)}, network)["dvs"]
    assert np.argwhere(found).tolist() == [[0, 3, 1, 0, 2]]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x.events": np.zeros((3, 2), dtype=int)}, r"shape \(3, 2\).*\[E, 3\]"),
        ({"x.events": np.zeros((3, 3))}, "type float64"),
        ({"x.events": np.array([[0, 0, 0], [0, 5, 0]])}, "event 1 has step 5, there are 5"),
        ({"x.events": np.array([[0, 0, 3]])}, "event 0 has address 3, there are 3"),
        ({"x.events": np.array([[-1, 0, 0]])}, "sample -1"),
        ({"x.events": np.array([[2, 0, 0]]), "x.samples": np.array(2)}, "sample 2, there are 2"),
        ({"x.events": np.array([[0, 0, 0]]), "x.dt": np.array(0)}, "'x.dt'.*one whole number"),
        ({"x.events": np.array([[0, 0, 0]]), "x.dt": np.array(2**63, np.uint64)}, "'x.dt': it is 9223372036854775808"),
        (
            {"x.events": np.array([[0, 0, 0]]), "x.samples": np.array(2**63, np.uint64)},
            "'x.samples': it is 922.*to 922",
        ),
        ({"x.events": np.array([[0, 0, 0]]), "x.samples": np.array(2**63 - 1)}, "9223372036854775807 samples.*memory"),
        ({"x.events": np.array([[2**63 - 1, 0, 0]])}, "9223372036854775808 samples of shape .5, 3. are 138.*memory"),
        ({"x.events": np.array([[0, 0, 0], [2**64 - 1, 0, 0]], np.uint64)}, "event 1 is .18446744073709551615, 0, 0."),
        ({"x.events": np.array([[0, 0, 0]]), "x": np.zeros((1, 5, 3))}, "'x': .* as an event list, 'x.events'.*leave"),
    ],
)
def test_events_outside_of_the_input_are_refused(arrays: dict[str, AnyArray], message: str) -> None:
    with pytest.raises(InputError, match=f"(?s){message}"):
        named_inputs(arrays, (Input(name="x", shape=(5, 3)),))


LIMITS = (0, 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)


@given(row=st.tuples(*[st.sampled_from(LIMITS)] * 3), dt=st.sampled_from(LIMITS), n=st.sampled_from(LIMITS[2:]))
def test_no_number_is_too_large_to_be_refused(row: tuple[int, ...], dt: int, n: int) -> None:
    arrays = {"x.events": np.array([row], np.uint64), "x.dt": np.array(dt, np.uint64)}
    inputs = (Input(name="x", shape=(5, 3)),)
    fits = row[0] < 2 and 1 <= dt < 2**63 and row[1] // dt < 5 and max(row) < 2**63 and row[2] < 3
    if fits:
        (found,) = named_inputs(arrays, inputs).values()
        assert np.argwhere(found).tolist() == [[row[0], row[1] // dt, row[2]]]
    else:
        with pytest.raises(InputError, match="input 'x"):
            named_inputs(arrays, inputs)
    with pytest.raises(InputError, match="input 'x"):
        named_inputs(arrays | {"x.samples": np.array(n, np.uint64)}, inputs)
