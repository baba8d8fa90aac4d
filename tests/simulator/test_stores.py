"""Memories of cores at work: nothing without them, linear in accesses, and one program by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains import activity_of, chain, full, ints
from core_parts import core_parts, figure, sram_chip
from neutrams.hardware import Chip
from neutrams.simulator.cost import cost_of
from neutrams.simulator.stores import accesses_of

MEMORIES = ("weights", "state", "buffer")
COUNTS = ("tile_updates", "axon_events", "synapse_events", "neuron_updates", "idle_updates", "sent", "received")
UNITS = {"read_j": "J", "write_j": "J", "leak_w": "W", "area_mm2": "mm2"}


@st.composite
def priced(draw: st.DrawFn) -> Chip:
    """A chip with parts, whose memories have energies, leakage and area with bands."""
    chip = draw(core_parts())
    prices = {key: figure(v := draw(st.integers(1, 9)), unit, low=v / 2, high=v * 3) for key, unit in UNITS.items()}
    return chip.with_values(**dict.fromkeys(MEMORIES, prices))


@given(chip=priced(), factor=st.integers(0, 5), model=st.sampled_from(["requantize", "if_hard"]))
def test_energy_of_memories_is_linear_in_the_counts(chip: Chip, factor: int, model: str) -> None:
    program = chain(chip, (0, 1), model=model)
    activity = activity_of(program, 2, ints(3, 1, 4, 1, 5, 9), ints(2, 6))
    many = replace(activity, **{name: factor * getattr(activity, name) for name in COUNTS})
    once, more = cost_of(program, activity).energy_breakdown_j, cost_of(program, many).energy_breakdown_j
    assert {name for name in MEMORIES if name in once} == set(chip.memories())
    for name in chip.memories():
        assert more[name] == pytest.approx([factor * end for end in once[name]])


@given(chip=priced())
def test_a_memory_adds_its_energy_leakage_and_area_and_nothing_else(chip: Chip) -> None:
    program = chain(chip.with_values(tick={"ann_s": 1.0}), (0, 1))
    none = {name: {"kind": "none"} for name in MEMORIES}
    bare = replace(program, chip=program.chip.with_values(**none))
    whole, rest = cost_of(program, full(program, 2)), cost_of(bare, full(bare, 2))
    memories, cores = chip.memories(), 2
    for name, band in rest.energy_breakdown_j.items():
        leak = np.sum([memory.figure("leak_w").band for memory in memories.values()], axis=0) if memories else 0
        assert whole.energy_breakdown_j[name] == pytest.approx(band + (name == "leakage") * cores * np.array(leak))
    for name, memory in memories.items():
        area_mm2 = memory.figure("area_mm2").band
        assert whole.area_breakdown_mm2[name] == cores * area_mm2[1]
    assert whole.area_mm2 == sum(whole.area_breakdown_mm2.values()) == whole.area_band_mm2[1]
    assert np.diff(whole.area_band_mm2).min() >= 0
    assert np.diff(whole.power_band_w).min() >= 0
    assert whole.power_band_w == pytest.approx([end * whole.throughput_hz for end in whole.energy_band_j])


def test_accesses_by_hand() -> None:
    """Two tiles of 3 neurons and 2 or 3 rows, 2 samples: each row a read, each word of 8 bits a write."""
    program = chain(sram_chip(), (0, 7))
    found = accesses_of(program, full(program, 2))
    counts = {name: (found[name].reads, found[name].writes) for name in MEMORIES}
    # buffer: 2 channels into core 0, 3 words into core 7
    assert counts == {"weights": (2 + 3, 0), "state": (6, 0), "buffer": (2 + 3, 2 + 3)}
    energy = cost_of(program, full(program, 2)).energy_breakdown_j
    assert energy["weights"] == pytest.approx((5 * 30.1e-12, 5 * 48.8e-12, 5 * 95.9e-12))
    assert energy["buffer"][1] == pytest.approx(5 * 3.62e-12 + 5 * 10.5e-12)


def test_spikes_write_states_and_wide_rows_take_several_reads() -> None:
    chip = sram_chip().with_values(weights={"width_bits": 8}, buffer={"width_bits": 0}, tick={"snn_s": 1.0})
    program = chain(chip, (0, 0), model="if_hard", steps=2)
    activity = activity_of(program, 1, ints(1, 0, 2, 0, 0, 1), ints(1, 1))
    found = accesses_of(program, replace(activity, axon_events=ints(2, 4)))
    counts = {name: (found[name].reads, found[name].writes) for name in MEMORIES}
    # 3 weights of 8 bits a row; 6 neurons twice; 2 words from outside and 3 of the core's own first tile
    assert counts == {"weights": (6 * 3, 0), "state": (12, 12), "buffer": (6, 2 + 3)}


def test_a_list_is_read_as_a_stream() -> None:
    chip = sram_chip().with_values(core={"synapses": "list"}, weights={"width_bits": 64})
    program = chain(chip, (0, 1))
    activity = replace(full(program, 1), axon_events=ints(2, 3), synapse_events=ints(4, 9))
    assert accesses_of(program, activity)["weights"].reads == 1 + 2, "8 listed weights an access"


def test_times_at_level_tick_by_hand() -> None:
    """Cycles of 10 ns: words 1, reads 1, sums 1; 3 neurons a cycle each and 3 more; the link 10, routers 40 ns."""
    program = chain(sram_chip(), (0, 1))
    cost = cost_of(program, full(program, 1))
    core_s = (3 + 2 + 3 + 3) * 10e-9
    # 3 flits over the link and 1 write, or 3 writes; then the path of one hop, and 2 cycles into the buffer
    assert (cost.tick_s, cost.tick_limit) == (pytest.approx(core_s + (3 + 1 + 5 + 2) * 10e-9), "core 1")
    slow = chain(sram_chip().with_values(buffer={"write_s": 100e-9}), (0, 1))
    cost = cost_of(slow, full(slow, 1))
    assert (cost.tick_s, cost.tick_limit) == (pytest.approx(core_s + (30 + 5 + 2) * 10e-9), "buffer of core 1")
    ported = chain(sram_chip().with_values(buffer={"write_s": 100e-9, "ports": 3}), (0, 1))
    assert cost_of(ported, full(ported, 1)).tick_s == pytest.approx(core_s + (3 + 10 + 5 + 2) * 10e-9)


def test_a_core_writes_its_own_words_while_it_works() -> None:
    """3 words from core 0 to itself, 3 to core 1: those alone are waited for."""
    program = chain(sram_chip().with_values(buffer={"write_s": 100e-9}), (0, 0, 1))
    assert cost_of(program, full(program, 1)).tick_limit == "buffer of core 1"
