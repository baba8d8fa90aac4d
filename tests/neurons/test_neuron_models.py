"""Every spiking model against the same rule in Python's own integers, its kernel against its step, and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuron_cases import SNN, Case, cases
from neuron_rules import RULES
from neutrams.base.errors import SpecError
from neutrams.neurons import find_model, models, register_range

WIDE = {
    "accumulator_bits": 24, "potential_bits": 8, "decay_bits": 12, "decay_shift_bits": 3, "synaptic_bits": 8,
    "refractory_bits": 6, "exponent_bits": 3, "threshold_bits": 8, "leak_bits": 8,
}  # fmt: skip


def test_every_spiking_model_has_a_scalar_rule() -> None:
    assert sorted(RULES) == SNN


@settings(max_examples=400)
@given(case=cases(SNN))
def test_a_step_is_what_the_equation_says(case: Case) -> None:
    model = case.model
    steps, n, width = case.acc.shape
    state = model.start(case.parameters, (n, width))
    alone = [[dict(zip([s.name for s in model.states], state[:, i, j].tolist(), strict=True)) for j in range(width)]
             for i in range(n)]  # fmt: skip
    own = [{name: int(values[j]) for name, values in case.parameters.items()} for j in range(width)]
    for t in range(steps):
        output, state = model.step(case.acc[t], state, case.parameters, case.widths)
        assert output.dtype == state.dtype == np.int64
        for i in range(n):
            for j in range(width):
                given = RULES[model.name](int(case.acc[t, i, j]), alone[i][j], own[j], case.widths)
                assert output[i, j] == given
                assert state[:, i, j].tolist() == list(alone[i][j].values())


@given(case=cases(SNN))
def test_states_and_outputs_stay_within_their_widths(case: Case) -> None:
    state = case.model.start(case.parameters, case.acc.shape[1:])
    for acc in case.acc:
        output, state = case.model.step(acc, state, case.parameters, case.widths)
        ends = [
            case.model.output_range(case.widths),
            *(register_range(s.width, case.widths) for s in case.model.states),
        ]
        for values, (low, high) in zip([output, *state], ends, strict=True):
            assert low <= values.min() <= values.max() <= high


@settings(max_examples=300)
@given(
    case=st.sampled_from([24, 52]).flatmap(lambda bits: cases([m for m in SNN if models()[m].kernel], (1 << bits) - 1)),
    kind=st.sampled_from([np.float32, np.float64, np.int64]),
)
def test_a_kernel_gives_what_the_step_gives(case: Case, kind: type) -> None:
    model = case.model
    if kind is np.float32:
        case.acc = np.clip(case.acc, 1 - (1 << 24), (1 << 24) - 1)
    assert model.kernel is not None
    steps, n, width = case.acc.shape
    first, more = 2, 3  # neurons of other tiles before and after
    parameters = tuple(
        np.concatenate([v[:1], v[:1], v, v[:3]]) for v in (case.parameters[p.name] for p in model.parameters)
    )
    state = model.start(case.parameters, (n, width))
    inner = np.full((len(model.states), first + width + more, n), 5, dtype=np.int64)
    inner[:, first : first + width] = state.swapaxes(1, 2)
    registers = np.full((first + width + more, n), 7.0)
    for t in range(steps):
        output, state = model.step(case.acc[t], state, case.parameters, case.widths)
        acc = np.ascontiguousarray(case.acc[t].T.astype(kind))
        model.kernel(acc, registers, inner, parameters, case.widths, first, first + width)
        np.testing.assert_array_equal(registers[first : first + width], output.T)
        np.testing.assert_array_equal(inner[:, first : first + width], state.swapaxes(1, 2))
    outside = [0, 1, -3, -2, -1]
    assert (registers[outside] == 7).all()
    assert (inner[:, outside] == 5).all()


@given(case=cases([m for m in SNN if models()[m].relay is not None]), spikes=st.lists(st.integers(0, 1), max_size=12))
def test_a_relay_gives_every_spike_on_in_its_step(case: Case, spikes: list[int]) -> None:
    """Whatever the parameters that a relay keeps."""
    relay = case.model.relay or {}
    parameters = {name: np.full_like(v, relay[name]) if name in relay else v for name, v in case.parameters.items()}
    state = case.model.start(parameters, (1, 4))
    for spike in spikes:
        output, state = case.model.step(np.full((1, 4), spike), state, parameters, case.widths)
        assert (output == spike).all()


def run(
    name: str, acc: list[int], widths: dict[str, int] = WIDE, **parameters: int
) -> tuple[list[int], list[list[int]]]:
    """Outputs and states of one neuron after each step; parameters not given are 0."""
    model = find_model(name, "test")
    own = {p.name: np.array([parameters.get(p.name, 0)]) for p in model.parameters}
    state, outputs, states = model.start(own, (1, 1)), [], []
    for value in acc:
        output, state = model.step(np.array([[value]]), state, own, widths)
        outputs.append(int(output[0, 0]))
        states.append(state[:, 0, 0].tolist())
    return outputs, states


def test_decay_rounds_towards_zero_by_hand() -> None:
    """d = 2048 of 4096 halves: 7, 3, 1, 0 and likewise below zero; a shift by 1 rounds down: 7, 4, 2, 1, 1."""
    assert [v for [v] in run("li", [7, 0, 0, 0], decay=2048)[1]] == [7, 3, 1, 0]
    assert [v for [v] in run("li", [-7, 0, 0, 0], decay=2048)[1]] == [-7, -3, -1, 0]
    assert [v for [v] in run("li_shift", [7, 0, 0, 0, 0], decay_shift=1)[1]] == [7, 4, 2, 1, 1]
    assert [v for [v] in run("li_shift", [-7, 0, 0, 0, 0], decay_shift=1)[1]] == [-7, -3, -1, 0, 0]


def test_a_refractory_neuron_is_silent_and_stands_still_by_hand() -> None:
    """A spike, then 2 steps in which input is lost; the soft reset keeps 3 of 13 throughout."""
    outputs, states = run("lif_soft", [13, 50, 50, 6, 1], threshold=10, refractory=2)
    assert outputs == [1, 0, 0, 0, 1]
    assert states == [[3, 2], [3, 1], [3, 0], [9, 0], [0, 2]]
    outputs, states = run("lif_hard", [13, 50, 50, 6, 9], threshold=10, refractory=2, reset=-4)
    assert outputs == [1, 0, 0, 0, 1]
    assert states == [[-4, 2], [-4, 1], [-4, 0], [2, 0], [-4, 2]]


def test_potentials_saturate_at_both_ends_by_hand() -> None:
    assert run("lif_soft", [1 << 40, -(1 << 40)], threshold=127)[1] == [[0, 0], [-128, 0]]
    assert run("li", [1 << 40, -(1 << 40)])[0] == [127, -128]
    assert run("threshold", [1 << 40, -(1 << 40)], threshold=127)[0] == [1, 0]


def test_the_order_of_current_and_potential_by_hand() -> None:
    """Weight 8, both halve: U 8 4 2; V takes U at once, or a step late."""
    same = {"threshold": 100, "current_decay": 2048, "decay": 2048}
    assert run("cuba_lif_soft", [8, 0, 0], **same)[1] == [[8, 8, 0], [8, 4, 0], [6, 2, 0]]
    assert run("cuba_lif_soft_late", [8, 0, 0], **same)[1] == [[0, 8, 0], [8, 4, 0], [8, 2, 0]]


def test_a_current_runs_on_while_the_neuron_rests_by_hand() -> None:
    outputs, states = run("cuba_lif_hard", [20, 6, 0], threshold=10, refractory=1, current_decay=2048, decay=4095)
    assert outputs == [1, 0, 0]
    assert states == [[0, 20, 1], [0, 16, 0], [8, 8, 0]]


def test_an_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(SpecError, match=r"there is no neuron model 'izhikevich'.*lif_soft"):
        find_model("izhikevich", "test")
