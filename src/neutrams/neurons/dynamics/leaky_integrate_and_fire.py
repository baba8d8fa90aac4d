"""LIF: leaky integrate and fire."""

from neutrams.base.arrays import FloatArray
from neutrams.neurons.dynamics.model import NIR, DynamicsModel, Parameters, Rules, State
from neutrams.neurons.dynamics.steps import AT_SPIKES, fired, leaked, rested


def start(p: Parameters, rules: Rules, shape: tuple[int, ...]) -> State:
    """The first potential, 0 or ``initial``, and no rest."""
    return rested(p, shape)


def step(x: FloatArray, state: State, p: Parameters, rules: Rules) -> tuple[FloatArray, State]:
    """V leaks towards v_leak under the drive r x, then fire and reset; gives spikes."""
    v, rest = state
    return fired(v, leaked(v, p["v_leak"], p["r"] * x, p["tau"], rules), rest, p, rules)


MODEL = DynamicsModel(
    name="LIF", equation="tau dv/dt = (v_leak - v) + r x; spike where v > v_threshold, then v <- v_reset", source=NIR,
    parameters=("tau", "r", "v_leak", "v_threshold", "v_reset"), optional=AT_SPIKES, start=start, step=step,
)  # fmt: skip
