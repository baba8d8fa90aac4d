"""Records that look like the demo's, made by hand."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from neutrams.report import ReportData, RunRecord
from neutrams.report.data import FigureRow, FloorCore, FloorLink, LedgerEntry, Raster

PARTS = ("axon", "synapse", "neuron", "router", "link", "chip_link", "leakage", "array")


def make_entry(constraint: str, output_error: float | None, layer: str = "fc1", unit: str = "") -> LedgerEntry:
    """One row of a ledger."""
    return LedgerEntry(
        layer=layer, unit=unit, constraint=constraint, relative_error=0.5, output_error=output_error, agreement=0.999,
        accuracy=0.981,
    )  # fmt: skip


def make_record(title: str = "TIANJI, ANN mode", mode: str = "ann", label: str = "fc1") -> RunRecord:
    """A complete record of 14 cores on three 2 x 3 chips."""
    cells = tuple(
        FloorCore(
            core=n,
            x=3 * (n // 6) + n % 3,
            y=(n % 6) // 3,
            chip=n // 6,
            use=max(0.0, 1 - n / 16) if n < 14 else 0.0,
            sent=(120.0 * (n % 5)) if n < 14 else 0.0,
            label=f"{label} [{n + 1}/14 +]" if n < 14 else "",
        )
        for n in range(18)
    )
    east = tuple(
        FloorLink(x0=x, y0=y, x1=x + 1.0, y1=y, flits=40.0 * (x + y + 1))
        for x in map(float, range(7))
        for y in map(float, range(2))
    )
    west = tuple(
        FloorLink(x0=x + 1, y0=y, x1=x, y1=y, flits=15.0 * (7 - x))
        for x in map(float, range(7))
        for y in map(float, range(2))
    )
    south = tuple(FloorLink(x0=x, y0=0.0, x1=x, y1=1.0, flits=25.0 * (x + 1)) for x in map(float, range(8)))
    spikes = tuple((t, n) for t in range(64) for n in range(120) if (t * 7 + n * 13) % (9 + n % 17) == 0)
    raster = Raster(
        ticks=64, neurons=120, of=1010, spikes=spikes, bands=((label, 0, 55), ("fc2", 55, 55), ("fc3", 110, 10))
    )
    errors = (("fan_in", 0.0), ("weight_bits", 0.0021), ("signal_bits", 0.0043), ("inherited", 0.003))
    ledger = tuple(
        make_entry(constraint, error * k, layer=layer, unit=unit)
        for k, (layer, unit) in enumerate(((label, f"{label} 1/2"), (label, f"{label} 2/2"), ("fc2", "fc2")), 1)
        for constraint, error in errors
    ) + tuple(make_entry("all", 0.02, layer=layer, unit=layer) for layer in (label, "fc2"))
    return RunRecord(
        title=title, chip="tianji", mode=mode, steps=1 if mode == "ann" else 64, samples=1000, float_accuracy=0.972,
        chip_accuracy=0.971, agreement=0.995, cores=14, chips=3, tiles=14, neurons=1010, synapses=640_500,
        utilization=0.73, chip_mac_fraction=1.0, host_ops=("softmax (softmax_0)",), ledger=ledger,
        energy_band_j=(4.1e-7, 1.23e-6, 4.4e-6),
        energy_breakdown_j={p: (3e-8 * k, 8e-8 * k, 2.2e-7 * k) for k, p in enumerate(PARTS[::-1])},
        latency_s=8.2e-6, throughput_hz=3.6e5, power_w=0.44, area_mm2=3.21, tick_s=2.73e-6, tick_limit="core 3",
        noc={"flits": 5210.0, "hops": 9120.0, "peak_link_flits": 320.0, "mean_hops": 1.75},
        weighted_hops=9120.0, sequential_weighted_hops=13400.0, floor=cells, links=east + west + south,
        raster=raster if mode == "snn" else None,
        figures=(
            FigureRow(key="core.axons", value=256.0, unit="count", kind="published", source="IEDM 2015"),
            FigureRow(key="technology.synapse_j", value=8.5e-13, unit="J", kind="assumed",
                      source="scaled from a 65 nm figure, see reference", low=2e-13, high=3e-12),
            FigureRow(key="board.rows", value=2.0, unit="count", kind="derived", source="6 cores a chip as 2 x 3"),
        ),
        references=("Ji et al. (2016). doi:10.1109/MICRO.2016.7783724",),
        provenance={"neutrams": "0.1.0", "seed": 0, "options": {"mode": mode, "effort": 1}, "model sha256": "ab" * 32},
        seconds={"transform": 3.21, "mapping": 0.4, "simulation": 1.5},
    )  # fmt: skip


@pytest.fixture
def entry() -> Callable[..., LedgerEntry]:
    """The builder of ledger rows: constraint, output error, layer, unit."""
    return make_entry


@pytest.fixture
def record() -> Callable[..., RunRecord]:
    """The builder of records."""
    return make_record


@pytest.fixture
def demo_page() -> ReportData:
    """Four runs, as the demo shows them."""
    runs = (
        make_record(),
        replace(make_record("TIANJI, SNN mode, hard reset", "snn"), chip_accuracy=0.966),
        make_record("TIANJI variant, soft reset", "snn"),
        replace(make_record("PRIME, ANN mode"), chip="prime", links=()),
    )
    return ReportData(title="A digit network on two chips", runs=runs)
