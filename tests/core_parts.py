"""Chips with pipelines and memories of their own: random ones, and one of SRAMs whose figures are an open model's."""

from functools import cache

from hypothesis import strategies as st

from chains import round_chip
from neutrams.hardware import Chip, Figure, load_chip


def figure(value: float, unit: str, *, low: float | None = None, high: float | None = None) -> Figure:
    source = "CACTI 7, itrs-lstp, 65 nm, one port"
    return Figure(value=value, unit=unit, kind="tool", source=source, node_nm=65, low=low, high=high)


@cache
def sram_chip() -> Chip:
    """TIANJI's organisation at 65 nm: 64 KB of weights as two 32 KB macros of 256 bits, 2 KB of states and words."""
    small = {
        "kind": "SRAM",
        "read_s": figure(1.46e-9, "s"),
        "write_s": figure(1.46e-9, "s"),
        "read_j": figure(3.62e-12, "J"),
        "write_j": figure(10.5e-12, "J"),
        "area_mm2": figure(0.0141, "mm2"),
    }
    weights = {
        "kind": "SRAM",
        "width_bits": 256,
        "ports": 2,
        "read_s": figure(2.05e-9, "s"),
        "read_j": figure(48.8e-12, "J", low=30.1e-12, high=95.9e-12),
        "area_mm2": figure(0.432, "mm2"),
    }
    return load_chip("tianji").with_values(
        pipeline={"lanes": 32, "neurons_per_cycle": 1, "neuron_cycles": 3, "axon_cycles": 2},
        weights=weights,
        state={**small, "width_bits": 64},
        buffer={**small, "width_bits": 8},
        technology={"row_s": 0.0, "neuron_s": 0.0},
    )


@st.composite
def core_parts(draw: st.DrawFn) -> Chip:
    """A chip of 1 ms cycles with rows of 1 ms, arrays of 2 ms and neurons of 3 ms, and any pipeline and memories."""
    few = st.integers(0, 5)
    names = ("lanes", "neurons_per_cycle", "neuron_cycles", "table_cycles", "axon_cycles")
    pipeline = {name: draw(few) for name in names}
    time = st.sampled_from([0.0, 1e-4, 1e-3, 2.5e-3, 4e-3])
    memories = {
        name: {
            "kind": draw(st.sampled_from(["none", "SRAM", "off-chip"])),
            "width_bits": draw(st.sampled_from([0, 1, 7, 8, 64])),
            "ports": draw(st.integers(1, 5)),
            "read_s": draw(time),
            "write_s": draw(time),
        }
        for name in ("weights", "state", "buffer")
    }
    return round_chip().with_values(tick={"cycle_s": 1e-3}, pipeline=pipeline, **memories)
