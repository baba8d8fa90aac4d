"""Energy by component: event counts times the technology figures of the chip, with their bands."""

from collections.abc import Mapping

from neutrams.hardware import Chip, Figure
from neutrams.simulator.result import Band

EVENTS = (
    "axon", "synapse", "array", "neuron", "idle_neuron", "inject", "router", "link", "link_y", "chip_link", "input",
    "output",
)  # fmt: skip
"""What is counted, and costs ``technology.<event>_j`` each."""

PART_OF = {"idle_neuron": "neuron", "link_y": "link"}
"""The component an event belongs to, where that has another name."""

COMPONENTS = tuple(name for name in EVENTS if name not in PART_OF)
"""What the energy of events is told by."""


def event_energy(chip: Chip, events: Mapping[str, float]) -> dict[str, Band]:
    """Return the energy of each of ``COMPONENTS`` from the counts of ``EVENTS`` [J]: linear in the counts."""
    found: dict[str, list[Band]] = {name: [] for name in COMPONENTS}
    for name in EVENTS:
        found[PART_OF.get(name, name)].append(scaled(chip.technology.figure(f"{name}_j"), events[name]))
    return {name: total(bands) for name, bands in found.items()}


def leakage_energy(chip: Chip, cores: int, routers: int, time_s: float) -> Band:
    """Return (cores * core_w + routers * router_w) * time [J]; parts not in use are taken to be switched off."""
    technology = chip.technology
    return total([scaled(technology.core_w, cores * time_s), scaled(technology.router_w, routers * time_s)])


def scaled(figure: Figure, amount: float) -> Band:
    """Return the band of ``figure`` times an amount."""
    low, nominal, high = figure.band
    return low * amount, nominal * amount, high * amount


def total(bands: list[Band]) -> Band:
    """Return the sum of bands end by end: the sources are taken to err together, so the sum's band is the widest."""
    return sum(b[0] for b in bands), sum(b[1] for b in bands), sum(b[2] for b in bands)
