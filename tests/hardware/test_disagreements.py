"""Warnings: none where values agree, one sentence with keys, values and factor where they do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_parts import sram_chip
from neutrams.hardware import Chip, disagreements, load_chip, preset_names

CELL = {"on_ohm": 1e3, "off_ohm": 20e3, "read_v": 0.2, "pulse_s": 100e-9}


def cells(synapse_j: float, **cell: float) -> list[str]:
    chip = load_chip("tianji").with_values(core={"crossbar": "ReRAM"}, technology={"synapse_j": synapse_j})
    return disagreements(chip.with_values(cell={**CELL, **cell}))


@pytest.mark.parametrize("name", [name for name in preset_names() if name != "prime"])
def test_presets_agree_with_themselves(name: str) -> None:
    assert disagreements(load_chip(name)) == []


def test_an_sram_core_agrees_with_itself() -> None:
    assert disagreements(sram_chip()) == []


def test_the_composed_energy_of_prime_is_not_that_of_its_published_cells() -> None:
    """1.9 nJ over 256 x 128 weights of 4 cells is 14 fJ a cell; 0.2 V on 1 kOhm for 100 ns is 4 pJ."""
    assert disagreements(load_chip("prime")) == [
        "technology.array_j gives a cell 1.4e-14 J at most, but cell.read_v 0.2 V on cell.on_ohm 1000 ohm for "
        "cell.pulse_s 1e-07 s takes 4e-12 J at full conductance, 276 times more"
    ]


@given(femtojoules=st.floats(1e-3, 10), pulse_s=st.floats(3.16e-9, 1e-6))
def test_any_femtojoule_energy_contradicts_a_cell_of_1_kohm(femtojoules: float, pulse_s: float) -> None:
    (text,) = cells(femtojoules * 1e-15, read_v=0.2, pulse_s=pulse_s)
    assert text.startswith("technology.synapse_j gives a cell")


def test_a_cell_of_high_resistance_agrees_with_femtojoules() -> None:
    """NVSim's sample cell: 0.4 V on 100 kOhm for 1.49 ns is 2.4 fJ."""
    assert cells(1.83e-15, on_ohm=100e3, off_ohm=10e6, read_v=0.4, pulse_s=1.49e-9) == []


def test_the_least_a_cell_can_take_is_a_tenth_of_its_largest_or_its_smallest() -> None:
    """4 pJ at full conductance; off cells take a twentieth of that, and at 2 kOhm half of it."""
    assert cells(0.41e-12) == cells(2.1e-12, off_ohm=2e3) == []
    assert cells(0.37e-12)
    assert cells(1.8e-12, off_ohm=2e3)
    (text,) = cells(0.0)
    assert text.endswith("takes 4e-12 J at full conductance"), "there is no factor to nothing"
    assert cells(1e-18, on_ohm=0.0) == []
    assert cells(0.6e-12) == []
    assert cells(0.6e-12, cell_bits=4), "two cells share it"


def changed(**sections: dict[str, object]) -> list[str]:
    return disagreements(load_chip("tianji").with_values(**sections))


@pytest.mark.parametrize(
    ("sections", "text"),
    [
        (
            {"pipeline": {"lanes": 256}, "technology": {"row_s": 81e-9}},
            "technology.row_s is 8.1e-08 s, but pipeline.lanes 256 makes it 1e-08 s, 8.1 times shorter; [pipeline] "
            "counts",
        ),
        (
            {"pipeline": {"lanes": 1}},
            "technology.row_s is 8e-08 s, but pipeline.lanes 1 makes it 2.56e-06 s, 32 times longer; [pipeline] counts",
        ),
        (
            {"pipeline": {"neurons_per_cycle": 4}},
            "technology.neuron_s is 1e-08 s, but pipeline.neurons_per_cycle 4 makes it 2.5e-09 s, 4 times shorter; "
            "[pipeline] counts",
        ),
        (
            {"tick": {"snn_s": 10e-6}},
            "tick.snn_s is 1e-05 s, but a core whose 256 rows are all active needs 2.3e-05 s with 'if_hard', "
            "2.3 times longer",
        ),
        (
            {"technology": {"link_s": 1e-9}},
            "technology.link_s is 1e-09 s, but tick.cycle_s is 1e-08 s, 10 times longer; level cycle counts a whole "
            "cycle",
        ),
        (
            {"technology": {"link_s": 0.0}, "tick": {"cycle_s": 0.0}, "pipeline": {"neuron_cycles": 1}},
            "tick.cycle_s and technology.link_s are 0, so the cycles of [pipeline] and of memories take no time",
        ),
        (
            {"core": {"synapses": "list"}, "technology": {"synapse_s": 5e-9}, "pipeline": {"lanes": 16}},
            "technology.synapse_s is 5e-09 s, but pipeline.lanes 16 makes it 6.25e-10 s, 8 times shorter; [pipeline] "
            "counts",
        ),
        (
            {"weights": {"kind": "ReRAM"}},
            "core.crossbar is SRAM, but weights.kind is ReRAM; [weights] counts",
        ),
        (
            {"state": {"read_j": 1e-12}},
            "state.read_j is given, but state.kind is none, so no figure of [state] counts",
        ),
    ],
)  # fmt: skip
def test_each_warning_says_what_disagrees(sections: dict[str, dict[str, object]], text: str) -> None:
    assert changed(**sections) == [text]


def test_what_lies_within_a_band_agrees() -> None:
    """TIANJI's row_s is 80 ns, 10 to 320 ns."""
    assert changed(pipeline={"lanes": 256}) == changed(pipeline={"lanes": 8}) == []
    assert changed(pipeline={"lanes": 7})


@given(factor=st.floats(0.5, 2))
def test_a_fixed_tick_is_told_of_where_a_full_core_takes_longer(factor: float) -> None:
    full_s = 256 * 80e-9 + 256 * 10e-9

    def chip_of(seconds: float) -> Chip:
        return load_chip("tianji").with_values(tick={"ann_s": seconds})

    assert bool(disagreements(chip_of(full_s * factor))) == (factor * 1.05 < 1)


def test_a_full_core_holds_no_more_synapses_than_its_memory() -> None:
    """Of 256 rows with room for 256 x 64 weights: 256 x 80 ns and 64 x 10 ns are 21.1 us, 256 neurons 23.0 us."""
    tight = {"core": {"synapse_memory_bits": 256 * 64 * 8}, "tick": {"snn_s": 20e-6}}
    assert changed(**tight | {"tick": {"snn_s": 21e-6}}) == []
    (text,) = changed(**tight)
    assert "needs 2.11e-05 s" in text
