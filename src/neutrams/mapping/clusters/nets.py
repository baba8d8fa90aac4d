"""The problem's hypergraph: a net for each neuron that sends, to all that it reaches."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, IntArray
from neutrams.base.errors import InputError

MOST = 1 << 28
"""Neurons and nets that 32-bit pins can tell apart, with two bits for the role."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nets:
    """A directed hypergraph of neurons: one net a source, which reads nothing from itself but what it lists.

    A target that a net lists twice counts once.

    Attributes:
        neurons: How many neurons there are [count].
        source: int32 or int64 ``[nets]``, the neuron that sends; each sends in one net.
        start: int64 ``[nets + 1]``, targets of net e are ``target[start[e]:start[e + 1]]``.
        target: int32 or int64 ``[synapses]``, the neurons that receive.
        weight: float64 ``[nets]``, spikes of the source [1/tick].

    Raises:
        InputError: The arrays do not belong together, or a value is outside its range.
    """

    neurons: int
    source: AnyArray
    start: IntArray
    target: AnyArray
    weight: FloatArray

    def __post_init__(self) -> None:
        nets = len(self.source)
        if not 0 <= self.neurons < MOST:
            raise _bad(f"there are {self.neurons} neurons, allowed are 0 to {MOST - 1}", "neurons", "cut the network")
        if len(self.start) != nets + 1 or len(self.weight) != nets:
            raise _bad(
                f"{nets} sources have {len(self.start)} starts and {len(self.weight)} weights",
                "start",
                "give one start more than sources, and as many weights",
            )
        if self.start[0] != 0 or self.start[-1] != len(self.target) or (np.diff(self.start) < 0).any():
            raise _bad(
                f"the starts do not rise from 0 to the {len(self.target)} targets", "start", "give sums of lengths"
            )
        _check_neurons(self.source, self.neurons, "source")
        _check_neurons(self.target, self.neurons, "target")
        again = np.flatnonzero(np.bincount(self.source, minlength=1) > 1)
        if len(again):
            raise _bad(f"neuron {again[0]} is the source of several nets", "source", "join its nets into one")
        if not (np.isfinite(self.weight) & (self.weight >= 0)).all():
            raise _bad("a weight is negative or not finite", "weight", "give spikes a tick, 0 or more")

    @property
    def synapses(self) -> int:
        """Pairs of source and target [count]."""
        return len(self.target)


def _check_neurons(values: AnyArray, neurons: int, name: str) -> None:
    if values.dtype.kind not in "iu":
        raise _bad(f"values are {values.dtype}", name, "give whole numbers")
    if len(values) and (values.min() < 0 or values.max() >= neurons):
        first = int(values[(values < 0) | (values >= neurons)][0])
        raise _bad(f"{first} is no neuron of {neurons}", name, f"give numbers from 0 to {neurons - 1}")


def _bad(what: str, name: str, fix: str) -> InputError:
    return InputError(what, where=f"Nets.{name}", fix=fix)
