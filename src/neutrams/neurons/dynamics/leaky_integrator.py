"""LI: a leaky integrator."""

from neutrams.base.arrays import FloatArray
from neutrams.neurons.dynamics.model import NIR, DynamicsModel, Parameters, Rules, State
from neutrams.neurons.dynamics.steps import leaked, rested


def start(p: Parameters, rules: Rules, shape: tuple[int, ...]) -> State:
    """The first potential, 0 or ``initial``."""
    return rested(p, shape)[:1]


def step(x: FloatArray, state: State, p: Parameters, rules: Rules) -> tuple[FloatArray, State]:
    """V leaks towards v_leak under the drive r x; gives the new v."""
    v = leaked(state[0], p["v_leak"], p["r"] * x, p["tau"], rules)
    return v, (v,)


MODEL = DynamicsModel(
    name="LI", equation="tau dv/dt = (v_leak - v) + r x; gives v", source=NIR, parameters=("tau", "r", "v_leak"),
    optional=("initial",), start=start, step=step,
)  # fmt: skip
