"""The core network under construction, and what a mode must bring to build it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.transform.ledger import LedgerRow
from neutrams.transform.tuning.ablation import Ablation
from neutrams.transform.tuning.context import Context
from neutrams.transform.tuning.originals import Originals
from neutrams.transform.tuning.ranges import OutputRange
from neutrams.transform.tuning.signal import Signal
from neutrams.transform.tuning.unit import Fit, Unit


class Fitter(Protocol):
    """How a mode turns inputs and units into integers.

    Attributes:
        makes_up: Whether a term of a sum is fitted to make up for what the terms before it lack.
    """

    @property
    def makes_up(self) -> bool:
        """Whether it is."""
        ...

    def encode(self, name: str, source: str, values: torch.Tensor, joined: bool) -> ops.Encode:
        """Return the encoder of a tensor with calibration values float32 ``[N, *shape]``.

        ``joined`` says that sums read it together with signals of the chip.
        """
        ...

    def fit(self, unit: Unit, context: Context) -> Fit:
        """Return the unit in integers."""
        ...

    def gain(self, unit: Unit, context: Context, fit: Fit, given: Signal) -> FloatArray:
        """Return the scale of each channel of the fitted unit, in the light of what it really gives."""
        ...

    def decoded(self, value: torch.Tensor, target: torch.Tensor) -> tuple[FloatArray, FloatArray]:
        """Return (gain, shift) of each decoded channel, in the light of what is really decoded."""
        ...


@dataclass
class Build:
    """The core network so far.

    Attributes:
        source: The split float network.
        chip: The chip.
        fitter: The mode's fitter.
        steps: T.
        values: What the original gives on calibration data, by tensor.
        ablation: Measures what errors cost at the outputs.
        repeats: Tensor that holds some channels several times → which of the original each one is, int64 ``[C]``.
        importance: What an error in each value of a sum counts, by its name; empty: all the same.
        ties: Tensor → the tensors that are added up with it.
        meetings: Tensor of whose channels some meet in one channel → the tensors they meet.
        remembered: State → what it really holds on calibration data, float32 ``[N T, C]``, where that is known.
        ranges: Tensor that updates a state → how its values map to integers.
        exact: Sums that update states in two signals (`neutrams.transform.tuning.exact_products`).
        accounts: Whether losses are written into the ledger.
        open: Rows of the ledger whose effect is not measured yet, with what their units have.
        nodes: Core nodes so far.
        signals: What they deliver on calibration data.
        owed: Tensor of the source that sums read → what it lacks of the original, float32 ``[N, C, *size]``.
        copies: Tensor of the source → the core tensors that carry it in equal shares, where there are several.
        activity: Words or spikes a sample, by core node.
        renamed: Tensor of the source → node that gives it to the host tail.
        ledger: Losses so far.
    """

    source: Network
    chip: Chip
    fitter: Fitter
    steps: int
    values: Originals
    ablation: Ablation
    ties: Mapping[str, tuple[str, ...]]
    meetings: Mapping[str, tuple[str, ...]]
    repeats: Mapping[str, IntArray]
    importance: Mapping[str, torch.Tensor]
    remembered: Mapping[str, torch.Tensor] = field(default_factory=dict)
    ranges: dict[str, OutputRange] = field(default_factory=dict)
    exact: frozenset[str] = frozenset()
    accounts: bool = True
    open: list[tuple[int, torch.Tensor]] = field(default_factory=list)
    nodes: list[ops.Node] = field(default_factory=list)
    signals: dict[str, Signal] = field(default_factory=dict)
    owed: dict[str, torch.Tensor] = field(default_factory=dict)
    copies: dict[str, tuple[str, ...]] = field(default_factory=dict)
    activity: dict[str, FloatArray] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    ledger: list[LedgerRow] = field(default_factory=list)
