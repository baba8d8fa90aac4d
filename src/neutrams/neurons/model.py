"""What a neuron model is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray

Step = Callable[[IntArray, IntArray, Mapping[str, IntArray], Mapping[str, int]], tuple[IntArray, IntArray]]
"""(acc [N, n], state [S, N, n], parameters [n] each, widths [bit]) -> (output [N, n], new state [S, N, n])."""

Kernel = Callable[[AnyArray, AnyArray, IntArray, tuple[IntArray, ...], Mapping[str, int], int, int], None]
"""(acc, registers, state, parameters, widths, first, last): the step of neurons ``first`` … ``last`` - 1, in place.

acc float32, float64 or int64 [last - first, N], integers; registers float32 or float64 [R, N], a row a neuron, their
outputs; state int64 [S, neurons, N]; parameters int64 [neurons] each, in the model's order.
"""

UNSIGNED = ("multiplier_bits", "shift_bits", "decay_bits", "decay_shift_bits", "refractory_bits", "exponent_bits")
"""Widths of registers that hold no sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One integer a neuron holds.

    Attributes:
        name: Its name in parameter tables.
        meaning: One sentence, with its unit.
        width: The chip key under ``neuron`` that gives its width [bit].
        least: Smallest allowed value whatever the width; None where the width alone decides.
    """

    name: str
    meaning: str
    width: str
    least: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One integer a neuron remembers from step to step.

    Attributes:
        name: Its letter in the equation.
        width: The chip key under ``neuron`` that gives its width [bit]; see `register_range`.
        initial: The parameter that is its value before the first step; empty for 0.
    """

    name: str
    width: str
    initial: str = ""


POTENTIAL = State(name="V", width="potential_bits", initial="initial")


@dataclass(frozen=True, slots=True, kw_only=True)
class NeuronModel:
    """A neuron model in exact integers.

    Attributes:
        name: The name chip files and programs use.
        mode: ``ann`` (an integer every step, no state) or ``snn`` (states; mostly spikes).
        equation: The rule, in one line.
        source: Where it is from.
        parameters: The integers each neuron holds, in table order.
        states: What it remembers, S of them.
        output: ``spike`` (0 or 1), ``level`` (ann mode: ``low`` to ``high``, or what the table holds), or the name of
            the state that it gives (a graded output).
        reset: ``zero`` or ``subtract`` for the integrate-and-fire rule with that reset, which rate coding and the
            compiled loops know; None for any other rule, which runs by its ``kernel`` or ``step``.
        relay: Parameters with which it gives a spike of weight 1 on in the same step; None where it cannot.
        step: The reference rule for a batch of N samples of n neurons; int64 throughout. ``widths`` are those of
            `neutrams.hardware.Chip.widths`, by chip key.
        kernel: The same, compiled; None where there is none.
    """

    name: str
    mode: str
    equation: str
    source: str
    parameters: tuple[Parameter, ...]
    step: Step
    states: tuple[State, ...] = (POTENTIAL,)
    output: str = "spike"
    reset: str | None = None
    relay: Mapping[str, int] | None = None
    kernel: Kernel | None = None

    def start(self, parameters: Mapping[str, AnyArray], shape: tuple[int, ...]) -> IntArray:
        """Return the states before the first step, int64 ``[S, *shape]``; parameters broadcast to ``shape``."""
        state = np.zeros((len(self.states), *shape), dtype=np.int64)
        for i, own in enumerate(self.states):
            state[i] = parameters[own.initial] if own.initial else 0
        return state

    def output_range(self, widths: Mapping[str, int]) -> tuple[int, int]:
        """Smallest and largest output in snn mode."""
        return next((register_range(s.width, widths) for s in self.states if s.name == self.output), (0, 1))


def register_range(width: str, widths: Mapping[str, int]) -> tuple[int, int]:
    """Return the smallest and largest integer of a register whose width is the chip key ``width``."""
    bits = widths[width]
    return (0, (1 << bits) - 1) if width in UNSIGNED else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
