"""Times of a core: those of a stage-by-stage count, as before without new keys, never longer with more of anything."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chains import ints, round_chip
from core_parts import core_parts, sram_chip
from neutrams.base.arrays import IntArray
from neutrams.hardware import Chip
from neutrams.hardware.accesses import neuron_accesses, row_accesses, word_accesses
from neutrams.hardware.clock import clock_s
from neutrams.hardware.core_times import CoreTimes, in_cycles, in_seconds

MODELS = st.sampled_from(["requantize", "if_hard"])
BUSY = np.zeros(1, dtype=np.bool_)


def full_rows(times: CoreTimes, rows: int, columns: int) -> float:
    return float(times.rows(ints(rows), ints(rows * columns), ints(columns))[0])


def turn(times: CoreTimes, neuron: int) -> float:
    return float(times.turns(ints(neuron), BUSY)[0])


def stage_by_stage(chip: Chip, model: str, rows: int, columns: int) -> int:
    """Rows one after another through three stages, each of which is free again when it has passed a row on."""

    def cycles(seconds: float) -> int:
        return int(np.ceil(round(seconds / clock_s(chip), 6)))

    def access(memory: str, key: str) -> int:
        return max(1, cycles(float(getattr(chip, memory).figure(key).value)))

    bits, lanes = columns * chip.core.weight_bits, chip.pipeline.lanes
    reads = 0
    if chip.weights.there:
        width = chip.weights.width_bits or bits
        reads = len(range(0, len(range(0, bits, width)), chip.weights.ports)) * access("weights", "read_s")
    fetch = word_accesses(chip, model) * access("buffer", "read_s") if chip.buffer.there else 0
    add = len(range(0, columns, lanes)) if lanes else cycles(float(chip.technology.row_s.value))
    free = [0, 0, 0]
    for _ in range(rows):
        ready = 0
        for i, taken in enumerate((fetch, reads, add)):
            ready = free[i] = max(ready, free[i]) + taken
    return free[-1]


@given(chip=core_parts(), model=MODELS, rows=st.integers(0, 6), columns=st.integers(1, 40))
def test_rows_stream_through_their_stages(chip: Chip, model: str, rows: int, columns: int) -> None:
    assert full_rows(in_cycles(chip, model), rows, columns) == stage_by_stage(chip, model, rows, columns)


@given(chip=core_parts(), model=MODELS, neurons=st.integers(1, 20))
def test_neurons_wait_for_logic_and_for_the_ports_of_their_states(chip: Chip, model: str, neurons: int) -> None:
    times, lanes = in_cycles(chip, model), chip.pipeline.neurons_per_cycle
    logic = len(range(0, neurons, lanes)) if lanes else 3 * neurons
    found = turn(times, neurons)
    assert found >= logic
    assert found * chip.state.ports >= neurons * times.state
    assert found == logic or (found - 1) * chip.state.ports < neurons * times.state
    assert times.depth(np.array([False, True])).tolist() == [
        chip.pipeline.neuron_cycles, chip.pipeline.neuron_cycles + chip.pipeline.table_cycles
    ]  # fmt: skip


@given(seconds=st.tuples(*[st.integers(0, 9)] * 4), rows=st.integers(0, 9), columns=st.integers(1, 9), model=MODELS)
def test_a_chip_without_parts_takes_the_times_of_its_technology(
    seconds: tuple[int, ...], rows: int, columns: int, model: str
) -> None:
    row, array, neuron, idle = seconds
    figures = {"row_s": row * 1e-3, "array_s": array * 1e-3, "neuron_s": neuron * 1e-3, "idle_neuron_s": idle * 1e-3}
    chip = round_chip().with_values(tick={"cycle_s": 1e-3}, technology=figures)
    whole, real = in_cycles(chip, model), in_seconds(chip, model)
    assert full_rows(whole, rows, columns) == rows * row
    assert (whole.array, turn(whole, columns)) == (array, columns * neuron)
    assert whole.turns(ints(columns), ~BUSY)[0] == columns * idle
    assert full_rows(real, rows, columns) == rows * (row * 1e-3), "to the bit"
    assert (real.array, turn(real, columns)) == (array * 1e-3, columns * (neuron * 1e-3))
    assert not whole.depth(BUSY)
    assert whole.store == 0


@given(chip=core_parts(), model=MODELS, rows=st.integers(0, 9), columns=st.integers(1, 40), data=st.data())
def test_more_of_anything_never_lengthens(chip: Chip, model: str, rows: int, columns: int, data: st.DataObject) -> None:
    memory = data.draw(st.sampled_from(["weights", "state", "buffer"]))
    section, key = data.draw(
        st.sampled_from(
            [("pipeline", "lanes"), ("pipeline", "neurons_per_cycle"), (memory, "ports"), (memory, "width_bits")]
        )
    )
    least = getattr(getattr(chip, section), key)
    if not least:  # 0: another key decides, or all fits
        return
    more = chip.with_values(**{section: {key: least + data.draw(st.integers(1, 40))}})
    before, after = in_cycles(chip, model), in_cycles(more, model)
    assert full_rows(after, rows, columns) <= full_rows(before, rows, columns)
    assert turn(after, columns) <= turn(before, columns)


@given(chip=core_parts(), model=MODELS, rows=st.integers(1, 9), columns=st.integers(1, 40))
def test_each_further_row_takes_as_long_as_the_slowest_stage(chip: Chip, model: str, rows: int, columns: int) -> None:
    times = in_cycles(chip, model)
    steps = np.diff([full_rows(times, r, columns) for r in range(1, rows + 2)])
    one = full_rows(times, 1, columns)
    assert len(set(steps)) == 1
    assert one / 3 <= steps[0] <= one


@given(chip=core_parts(), model=MODELS, rows=st.integers(0, 9), columns=st.integers(1, 40))
def test_both_levels_agree_where_times_are_whole_cycles(chip: Chip, model: str, rows: int, columns: int) -> None:
    whole, real, period = in_cycles(chip, model), in_seconds(chip, model), clock_s(chip)
    np.testing.assert_allclose(full_rows(real, rows, columns), full_rows(whole, rows, columns) * period)
    np.testing.assert_allclose(turn(real, columns), turn(whole, columns) * period)


def test_an_sram_core_by_hand() -> None:
    """256 weights of 8 bits are 8 reads of 256 bits, on 2 ports 4 cycles; 32 lanes add it in 8; the word is 1."""
    chip = sram_chip()
    times = in_cycles(chip, "requantize")
    assert full_rows(times, 1, 256) == 1 + 4 + 8
    assert full_rows(times, 100, 256) == 1 + 4 + 8 + 99 * 8
    # 52 bits of parameters in 64-bit words, no state: a read a neuron, less than the cycle of its logic
    assert (neuron_accesses(chip, "requantize"), turn(times, 256)) == ((1, 0), 256)
    # V, leak, threshold: 24 + 16 + 16 bits to read, V to write: 2 accesses on one port
    assert (neuron_accesses(chip, "if_hard"), turn(in_cycles(chip, "if_hard"), 256)) == ((1, 1), 512)
    np.testing.assert_allclose(full_rows(in_seconds(chip, "requantize"), 100, 256), 805 * 10e-9)


def accesses(chip: Chip, columns: int) -> IntArray:
    return row_accesses(chip, ints(columns))


def test_accesses_by_hand() -> None:
    chip = sram_chip()
    assert [int(accesses(chip, n)[0]) for n in (0, 1, 32, 33, 256)] == [0, 1, 1, 2, 8]
    pair = chip.with_values(core={"sign_scheme": "pair"})
    assert int(accesses(pair, 32)[0]) == 2, "two magnitudes a weight"
    whole = chip.with_values(weights={"width_bits": 0})
    assert int(accesses(whole, 256)[0]) == 1
    narrow = chip.with_values(buffer={"width_bits": 3}, signal={"graded_bits": 7})
    assert (word_accesses(narrow, "requantize"), word_accesses(narrow, "if_hard")) == (3, 3)
    assert word_accesses(chip, "if_hard") == 1
    none: dict[str, Any] = {"kind": "none"}
    assert not accesses(chip.with_values(weights=none), 256).any()


def test_a_list_of_synapses_is_read_as_a_stream() -> None:
    """5 rows of 70 synapses of 8 bits: 3 reads of 256 bits on 2 ports are 2 cycles; 20 + 70 cycles to add; word 1."""
    chip = sram_chip().with_values(
        core={"synapses": "list"}, pipeline={"lanes": 0}, technology={"row_s": 40e-9, "synapse_s": 10e-9}
    )
    # the sums of 90 cycles are the slowest stage; the first row waits for a fifth of 5 words and 2 cycles of reads
    assert in_cycles(chip, "if_hard").rows(ints(5), ints(70), ints(256)).tolist() == [90 + 2]
    lanes = chip.with_values(pipeline={"lanes": 32})
    assert in_cycles(lanes, "if_hard").rows(ints(5), ints(70), ints(256)).tolist() == [20 + 3 + 2]
