"""What a report is made of: frozen records of runs, and their JSON file form."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from neutrams.base.errors import FormatError

Band = tuple[float, float, float]
"""(low, nominal, high)."""

KIND = "neutrams-result"
VERSION = 2
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """What one constraint cost one unit of one layer.

    Attributes:
        layer: Name of the source network's tensor.
        unit: Which part of it; ``""`` for all of it.
        constraint: The chip's limit, or the pass, that caused the loss.
        relative_error: Error over size of the tensor itself [1]; None where it is zero throughout.
        output_error: Change of the first output over its size, with this error alone [1]; None where not finite.
        agreement: Likewise the fraction of samples whose arg-max stays [1]; None where not measured.
        accuracy: Fraction of samples classified rightly [1]; None where no labels were given.
    """

    layer: str
    unit: str
    constraint: str
    relative_error: float | None
    output_error: float | None
    agreement: float | None = None
    accuracy: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorCore:
    """One core on the floor plan.

    Attributes:
        core: Its number.
        x: Column on the board, counted in cores.
        y: Row on the board, counted in cores.
        chip: Number of the chip it is on.
        use: Fraction of its crossbar cells in use [1].
        sent: Words (ann) or spikes (snn) its neurons send [1 per sample].
        label: What sits there; ``""`` for an empty core.
    """

    core: int
    x: int
    y: int
    chip: int
    use: float
    sent: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorRouter:
    """One router without a core; those in use stand in rows below the cores, at column ``x``, row ``y``."""

    router: int
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorLink:
    """One directed link between two router positions (mid of their cores), and its load ``flits`` [flit per sample]."""

    x0: float
    y0: float
    x1: float
    y1: float
    flits: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term of what a placement costs, as it is and as it would be in sequential order; ``unit`` of both."""

    name: str
    unit: str
    placed: float
    sequential: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequential:
    """The same program with its tiles in order on cores in order: floor plan, loaded links, and terms of cost."""

    floor: tuple[FloorCore, ...]
    routers: tuple[FloorRouter, ...]
    links: tuple[FloorLink, ...]
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """The spikes of one sample.

    Attributes:
        ticks: Ticks shown.
        neurons: Rows shown.
        of: Neurons the program has; more than ``neurons`` where a sample of them is shown.
        spikes: (tick, row) of each spike, in order.
        bands: (name, first row, rows) of each group of rows, in order.
    """

    ticks: int
    neurons: int
    of: int
    spikes: tuple[tuple[int, int], ...]
    bands: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRow:
    """One number of the chip file: dotted key, value with band and unit, kind and source (`hardware.figure`)."""

    key: str
    value: float
    unit: str
    kind: str
    source: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveEntry:
    """Accuracy of a network of rates after some steps.

    Attributes:
        steps: T.
        read: ``counts`` or ``potentials``: what the host reads of output neurons.
        compiled_for: Steps it was compiled for; more than T where it is stopped early.
        accuracy: Fraction of samples classified as the labels say [1].
    """

    steps: int
    read: str
    compiled_for: int
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """Everything a page shows of one run. What was not computed is None or empty.

    Attributes:
        title: Heading.
        chip: Name of the chip.
        mode: ``ann`` or ``snn``.
        steps: T, steps a sample.
        samples: Samples simulated; accuracies are over these.
        float_accuracy: Of the source network [1].
        chip_accuracy: Of the simulated chip [1].
        agreement: Fraction of samples with the float network's arg-max [1].
        spikes_equal: Of a spiking network: fraction of output steps as in the float network [1].
        spikes_coincident: Of a spiking network: share of output spikes that come in the same step as there [1].
        rate_error: Of a spiking network: root mean square error of output rates, over that of the rates [1].
        cores: Cores used.
        chips: Chips used.
        tiles: Tiles.
        neurons: Neurons on the chip.
        synapses: Weights that are not an empty place.
        utilization: Fraction of the used cores' crossbar cells that hold a synapse [1].
        chip_mac_fraction: Fraction of the network's products done on the chip [1].
        host_ops: Operators that run outside the chip.
        ledger: The loss ledger, in order of the units.
        energy_band_j: Per sample [J].
        energy_breakdown_j: Per sample and component [J].
        latency_s: First input to last output of a sample [s].
        throughput_hz: Samples a second [Hz].
        power_w: Energy times throughput [W].
        power_band_w: The same with its band [W].
        area_mm2: Cores, their memories and routers in use [mm2].
        area_band_mm2: The same with its band [mm2].
        tick_s: Period of a tick [s].
        tick_limit: What sets it.
        noc: Traffic figures per sample.
        word_latencies: Words by their latency at level ``cycle``, a count for so many cycles each, from 0 on.
        word_latency_step: How many [cycle].
        weighted_hops: Traffic-weighted hops of the placement.
        sequential_weighted_hops: The same, had tiles been placed in order.
        floor: Cores of the chips in use.
        links: Loaded links.
        sequential: What it is compared with, where its traffic was counted.
        raster: Spikes of one sample, in snn mode.
        curve: Accuracy against T, where it was measured.
        figures: Every number that the chip file gives.
        warnings: What in the chip's description contradicts each other.
        references: The methods' references.
        provenance: Versions, seed, options, hashes.
        seconds: Wall time of each stage [s].
    """

    __pydantic_config__ = _STRICT

    title: str
    chip: str
    mode: str
    steps: int
    samples: int
    float_accuracy: float | None = None
    chip_accuracy: float | None = None
    agreement: float | None = None
    spikes_equal: float | None = None
    spikes_coincident: float | None = None
    rate_error: float | None = None
    cores: int
    chips: int = 1
    tiles: int
    neurons: int
    synapses: int
    utilization: float
    chip_mac_fraction: float | None = None
    host_ops: tuple[str, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()
    energy_band_j: Band | None = None
    energy_breakdown_j: Mapping[str, Band] = field(default_factory=dict)
    latency_s: float | None = None
    throughput_hz: float | None = None
    power_w: float | None = None
    power_band_w: Band | None = None
    area_mm2: float | None = None
    area_band_mm2: Band | None = None
    tick_s: float | None = None
    tick_limit: str | None = None
    noc: Mapping[str, float] = field(default_factory=dict)
    word_latencies: tuple[int, ...] = ()
    word_latency_step: int = 1
    weighted_hops: float | None = None
    sequential_weighted_hops: float | None = None
    floor: tuple[FloorCore, ...] = ()
    routers: tuple[FloorRouter, ...] = ()
    links: tuple[FloorLink, ...] = ()
    sequential: Sequential | None = None
    raster: Raster | None = None
    curve: tuple[CurveEntry, ...] = ()
    figures: tuple[FigureRow, ...] = ()
    warnings: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """One page: a title and its runs (one at least), in the order shown."""

    __pydantic_config__ = _STRICT

    title: str
    runs: tuple[RunRecord, ...]


@cache
def _adapter() -> TypeAdapter[ReportData]:
    return TypeAdapter(ReportData)


def to_json(data: ReportData) -> str:
    """Return the text of a result file; same content in the same order, same text."""
    document = {"kind": KIND, "version": VERSION, **asdict(data)}
    return json.dumps(document, allow_nan=False, indent=1) + "\n"


def from_json(text: str | bytes, where: str) -> ReportData:
    """Read what :func:`to_json` wrote.

    Args:
        text: Content of a result file.
        where: Its name, for messages.

    Raises:
        FormatError: It is damaged, not a result file, of another version, or a value is out of its range.
    """
    advice = "write it again with `neutrams simulate P.neu --inputs X.npz --result R.json`"
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"not a result file: it is not JSON ({error})", where=where, fix=advice) from None
    if not isinstance(document, dict) or document.pop("kind", None) != KIND:
        raise FormatError("not a result file: its kind is not 'neutrams-result'", where=where, fix=advice)
    version = document.pop("version", None)
    if version != VERSION:
        raise FormatError(
            f"format version is {version!r}, this release reads {VERSION}",
            where=where,
            fix="use the release of neutrams that wrote it, or write it again with this one",
        )
    try:
        data = _adapter().validate_json(json.dumps(document), strict=True)
    except (ValidationError, ValueError) as error:
        raise FormatError(_first_problem(error), where=where, fix=advice) from None
    if not data.runs:
        raise FormatError("it holds no run", where=where, fix=advice)
    return data


def _first_problem(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return f"a value cannot be read ({error})"
    problems = error.errors(include_url=False)
    key = ".".join(str(part) for part in problems[0]["loc"])
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{key}: {problems[0]['msg']}{more}"
