"""What the leaky models share: how potentials and currents decay, the refractory period, the two resets.

Where a chip's own arithmetic differs in a detail (Loihi fires above the threshold rather than at it, and its current
wraps where ours saturates), the models say so.
"""

from collections.abc import Callable, Mapping

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.kernels import leaky as kernels
from neutrams.neurons.model import POTENTIAL, Kernel, Parameter, State, Step, register_range

Decay = Callable[[IntArray, IntArray, Mapping[str, int]], IntArray]
"""(potential, its decay parameter, widths) -> what is left of the potential after a step."""

LOIHI = (
    "Davies et al. (2018), Loihi, IEEE Micro 38(1), doi 10.1109/MM.2018.112130359; rounding and refractory period as "
    "in Intel's bit-accurate model of it, Lava"
)
LATE = (
    "Pedersen et al. (2024), NIR, CubaLIF, doi 10.1038/s41467-024-52259-9; integers as Davies et al. (2018), Loihi, "
    "doi 10.1109/MM.2018.112130359"
)
SPIKER = "Carpegna et al. (2024), Spiker+, arXiv:2401.01141: exponential decay by a shift"

AWAKE = "while R > 0: R <- R - 1; else"
SCALED = "trunc(V (2^w - d) / 2^w)"
SHIFTED = "V - (V >> k)"
NEW_CURRENT = "U <- clamp(trunc(U (2^w - c) / 2^w) + acc 2^e)"
FIRE_SOFT = "fire if V >= theta, then V <- V - theta and R <- refractory"
FIRE_HARD = "fire if V >= theta, then V <- reset and R <- refractory"

CURRENT = State(name="U", width="synaptic_bits")
WAITING = State(name="R", width="refractory_bits")

LEAK = Parameter(name="leak", meaning="added to V every step [LSB of the potential]", width="leak_bits")
THRESHOLD = Parameter(
    name="threshold", meaning="fires at or above [LSB of the potential]", width="threshold_bits", least=1
)
INITIAL = Parameter(name="initial", meaning="V before the first step [LSB of the potential]", width="potential_bits")
DECAY = Parameter(name="decay", meaning="V loses d / 2^w of itself a step [2^-w, w = decay_bits]", width="decay_bits")
SHIFT = Parameter(name="decay_shift", meaning="V loses V >> k a step [bit]", width="decay_shift_bits")
CURRENT_DECAY = Parameter(
    name="current_decay", meaning="U loses c / 2^w of itself a step [2^-w, w = decay_bits]", width="decay_bits"
)
REFRACTORY = Parameter(name="refractory", meaning="silent steps after a spike [step]", width="refractory_bits")
EXPONENT = Parameter(
    name="exponent", meaning="e: the sum counts 2^e times, weights fill their bits [bit]", width="exponent_bits"
)
RESET = Parameter(name="reset", meaning="V after a spike [LSB of the potential]", width="potential_bits")

RELAY = {"leak": 0, "threshold": 1, "initial": 0, "refractory": 0, "exponent": 0, "reset": 0}

STATES = (POTENTIAL, WAITING)
CURRENT_STATES = (POTENTIAL, CURRENT, WAITING)


def scaled(x: IntArray, decay: IntArray, widths: Mapping[str, int]) -> IntArray:
    """Return x (2^w - d) / 2^w, w = decay_bits, rounded towards zero: with d > 0 every charge is gone in the end."""
    bits = widths["decay_bits"]
    kept = (np.abs(x) * ((1 << bits) - decay)) >> bits
    return np.where(x < 0, -kept, kept)


def shifted(x: IntArray, shift: IntArray, widths: Mapping[str, int]) -> IntArray:
    """Return x - (x >> k); the shift rounds towards minus infinity, so 0 < x < 2^k stays and x < 0 comes back to 0."""
    return x - (x >> shift)


def leaky_fire(decay: Decay, soft: bool) -> Step:
    """Return the step of a leaky integrate-and-fire neuron, reset by subtraction (soft) or to ``reset``."""
    name = _decay_name(decay)

    def step(
        acc: IntArray, state: IntArray, parameters: Mapping[str, IntArray], widths: Mapping[str, int]
    ) -> tuple[IntArray, IntArray]:
        v, waiting = state
        drive = decay(v, parameters[name], widths) + (acc << parameters["exponent"]) + parameters["leak"]
        return _fired(v, drive, waiting, parameters, widths, soft)

    return step


def current_fire(soft: bool, late: bool) -> Step:
    """Return the step of a leaky neuron with a synaptic current, which V takes before (late) or after its update."""

    def step(
        acc: IntArray, state: IntArray, parameters: Mapping[str, IntArray], widths: Mapping[str, int]
    ) -> tuple[IntArray, IntArray]:
        v, before, waiting = state
        u = scaled(before, parameters["current_decay"], widths) + (acc << parameters["exponent"])
        u = np.clip(u, *register_range("synaptic_bits", widths))
        drive = scaled(v, parameters["decay"], widths) + (before if late else u) + parameters["leak"]
        output, (v, waiting) = _fired(v, drive, waiting, parameters, widths, soft)
        return output, np.stack([v, u, waiting])

    return step


def leaky_sum(decay: Decay) -> Step:
    """Return the step of a leaky integrator: what it gives is its potential."""
    name = _decay_name(decay)

    def step(
        acc: IntArray, state: IntArray, parameters: Mapping[str, IntArray], widths: Mapping[str, int]
    ) -> tuple[IntArray, IntArray]:
        v = decay(state[0], parameters[name], widths) + (acc << parameters["exponent"]) + parameters["leak"]
        v = np.clip(v, *register_range("potential_bits", widths))
        return v, v[None]

    return step


def _fired(
    v: IntArray,
    drive: IntArray,
    waiting: IntArray,
    parameters: Mapping[str, IntArray],
    widths: Mapping[str, int],
    soft: bool,
) -> tuple[IntArray, IntArray]:
    """Return (output, [V, R]): while R > 0 the potential stands still and nothing fires."""
    v = np.where(waiting > 0, v, np.clip(drive, *register_range("potential_bits", widths)))
    fired = (waiting == 0) & (v >= parameters["threshold"])
    rest = v - parameters["threshold"] if soft else parameters["reset"]
    waiting = np.where(fired, parameters["refractory"], np.maximum(waiting - 1, 0))
    return fired.astype(np.int64), np.stack([np.where(fired, rest, v), waiting])


def _decay_name(decay: Decay) -> str:
    return "decay_shift" if decay is shifted else "decay"


def leaky_fire_kernel(shifts: bool, soft: bool) -> Kernel:
    """Return the compiled `leaky_fire`; parameters as the models order them, reset last if hard."""

    def run(
        acc: AnyArray,
        registers: AnyArray,
        state: IntArray,
        parameters: tuple[IntArray, ...],
        widths: Mapping[str, int],
        first: int,
        last: int,
    ) -> None:
        leak, theta, _, decay, refractory, exponent, *reset = parameters
        rule = (*register_range("potential_bits", widths), widths["decay_bits"], shifts, soft)
        own = (leak, theta, decay, refractory, exponent, reset[0] if reset else leak)
        kernels.leaky_fire(acc, registers, state, own, rule, first, last)

    return run


def current_fire_kernel(soft: bool, late: bool) -> Kernel:
    """Return the compiled `current_fire`; as above, with the current's decay before the potential's."""

    def run(
        acc: AnyArray,
        registers: AnyArray,
        state: IntArray,
        parameters: tuple[IntArray, ...],
        widths: Mapping[str, int],
        first: int,
        last: int,
    ) -> None:
        leak, theta, _, current_decay, decay, refractory, exponent, *reset = parameters
        own = (leak, theta, current_decay, decay, refractory, exponent, reset[0] if reset else leak)
        ranges = (*register_range("potential_bits", widths), *register_range("synaptic_bits", widths))
        kernels.current_fire(acc, registers, state, own, (*ranges, widths["decay_bits"], soft, late), first, last)

    return run


def leaky_sum_kernel(shifts: bool) -> Kernel:
    """Return the compiled `leaky_sum`; parameters leak, initial, decay, exponent."""

    def run(
        acc: AnyArray,
        registers: AnyArray,
        state: IntArray,
        parameters: tuple[IntArray, ...],
        widths: Mapping[str, int],
        first: int,
        last: int,
    ) -> None:
        leak, _, decay, exponent = parameters
        rule = (*register_range("potential_bits", widths), widths["decay_bits"], shifts)
        kernels.leaky_sum(acc, registers, state, (leak, decay, exponent), rule, first, last)

    return run
