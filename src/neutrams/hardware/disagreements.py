"""Pairs of values in a chip's description that cannot both be true: warnings, for such a chip still loads and runs."""

from collections.abc import Iterator

import numpy as np

from neutrams.hardware.chip import Chip
from neutrams.hardware.clock import clock_s, fixed_tick_s
from neutrams.hardware.core_times import in_seconds
from neutrams.hardware.figure import Figure
from neutrams.neurons import find_model

CLOSE = 1.05
"""Values that differ by less than this factor are taken to agree."""

DRIVEN = 10
"""The mean synaptic event may cost so many times less than a driven cell at its largest conductance, not more."""


def disagreements(chip: Chip) -> list[str]:
    """Return each pair of values that cannot both be true, in one sentence: keys, values, and the factor between."""
    return [*_cell_rules(chip), *_pipeline_rules(chip), *_tick_rules(chip), *_clock_rules(chip), *_memory_rules(chip)]


def _times(factor: float) -> str:
    return f"{factor:,.0f} times" if factor >= 10 else f"{factor:.2g} times"


def _cell_rules(chip: Chip) -> Iterator[str]:
    """Ohm's law: a driven cell takes v^2 / R for the time of the pulse.

    Nominal values of the cell stand against the high end of the energy. Told of is what lies below a tenth of a cell at
    its largest conductance (`DRIVEN`), or below every cell off.
    """
    cell = chip.cell
    if cell.on_ohm is None or cell.read_v is None or cell.pulse_s is None or not cell.on_ohm.value:
        return
    whole_j = cell.read_v.value**2 * cell.pulse_s.value / cell.on_ohm.value
    least_j = whole_j / DRIVEN
    if cell.off_ohm is not None and cell.off_ohm.value:
        least_j = max(least_j, cell.read_v.value**2 * cell.pulse_s.value / cell.off_ohm.value)
    key, given_j = _cell_energy(chip)
    if given_j < least_j / CLOSE:
        yield (
            f"{key} gives a cell {given_j:.2g} J at most, but cell.read_v {cell.read_v.value:g} V on cell.on_ohm "
            f"{cell.on_ohm.value:g} ohm for cell.pulse_s {cell.pulse_s.value:g} s takes {whole_j:.2g} J at full "
            f"conductance{f', {_times(whole_j / given_j)} more' if given_j else ''}"
        )


def _cell_energy(chip: Chip) -> tuple[str, float]:
    """Return the key that prices a synaptic event, and what it gives one cell at the high end of its band [J]."""
    core, technology = chip.core, chip.technology
    cells = -(-core.weight_bits // (chip.cell.cell_bits or core.weight_bits)) * (2 if core.sign_scheme == "pair" else 1)
    if technology.synapse_j.value or not technology.array_j.value:
        return "technology.synapse_j", technology.synapse_j.band[2] / cells
    return "technology.array_j", technology.array_j.band[2] / (core.axons * core.neurons * cells)


def _pipeline_rules(chip: Chip) -> Iterator[str]:
    """A time of the technology section that the pipeline replaces says another thing than the pipeline."""
    pipeline, technology, period = chip.pipeline, chip.technology, clock_s(chip)
    if pipeline.lanes and chip.core.synapses == "list":
        by = f"pipeline.lanes {pipeline.lanes}"
        yield from _replaced("technology.synapse_s", technology.figure("synapse_s"), by, period / pipeline.lanes)
    elif pipeline.lanes:
        added_s = -(-chip.core.neurons // pipeline.lanes) * period
        yield from _replaced("technology.row_s", technology.row_s, f"pipeline.lanes {pipeline.lanes}", added_s)
    if pipeline.neurons_per_cycle:
        name = f"pipeline.neurons_per_cycle {pipeline.neurons_per_cycle}"
        yield from _replaced("technology.neuron_s", technology.neuron_s, name, period / pipeline.neurons_per_cycle)


def _replaced(key: str, figure: Figure, by: str, other_s: float) -> Iterator[str]:
    low, value, high = figure.band
    if value and not low / CLOSE <= other_s <= high * CLOSE:
        factor, way = (value / other_s, "shorter") if other_s < value else (other_s / value, "longer")
        yield f"{key} is {value:g} s, but {by} makes it {other_s:.3g} s, {_times(factor)} {way}; [pipeline] counts"


def _tick_rules(chip: Chip) -> Iterator[str]:
    """A fixed tick in which a core with all rows active, and as many neurons as it then can hold, cannot be done."""
    for name in dict.fromkeys(chip.neuron.models):
        mode = find_model(name, chip.name, chip.neuron.definitions).mode
        fixed_s = fixed_tick_s(chip, mode)
        needed_s = _full_core_s(chip, name)
        if fixed_s and needed_s > fixed_s * CLOSE:
            yield (
                f"tick.{mode}_s is {fixed_s:g} s, but a core whose {chip.core.axons} rows are all active needs "
                f"{needed_s:.3g} s with {name!r}, {_times(needed_s / fixed_s)} longer"
            )


def _full_core_s(chip: Chip, model: str) -> float:
    core, times, busy = chip.core, in_seconds(chip, model), np.zeros(1, dtype=np.bool_)
    listed = core.synapses == "list"
    columns = core.neurons if listed else max(1, min(core.neurons, core.synapse_limit // core.axons))
    rows, synapses = core.axons, min(core.axons * columns, core.synapse_limit)
    read_s = times.rows(np.array([rows]), np.array([synapses]), np.array([columns]))
    return float((read_s + times.array + times.turns(np.array([columns]), busy) + times.depth(busy))[0])


def _clock_rules(chip: Chip) -> Iterator[str]:
    """A link cannot be passed within a part of a cycle, and cycles take time."""
    link_s, cycle_s = float(chip.technology.link_s.value), chip.tick.cycle_s
    if cycle_s and 0 < link_s < cycle_s / CLOSE:
        yield (
            f"technology.link_s is {link_s:g} s, but tick.cycle_s is {cycle_s:g} s, {_times(cycle_s / link_s)} "
            "longer; level cycle counts a whole cycle"
        )
    if not cycle_s and not link_s and (chip.memories() or any(dict(chip.pipeline).values())):
        yield "tick.cycle_s and technology.link_s are 0, so the cycles of [pipeline] and of memories take no time"


def _memory_rules(chip: Chip) -> Iterator[str]:
    """A memory that is of another technology than the crossbar, or whose figures do not count."""
    if chip.weights.kind in ("SRAM", "ReRAM") and chip.weights.kind != chip.core.crossbar:
        yield f"core.crossbar is {chip.core.crossbar}, but weights.kind is {chip.weights.kind}; [weights] counts"
    for name in ("weights", "state", "buffer"):
        given = [key for key in chip.figures if key.startswith(f"{name}.")]
        if given and not getattr(chip, name).there:
            yield f"{given[0]} is given, but {name}.kind is none, so no figure of [{name}] counts"
