"""I: an integrator."""

from neutrams.base.arrays import FloatArray
from neutrams.neurons.dynamics.model import NIR, DynamicsModel, Parameters, Rules, State
from neutrams.neurons.dynamics.steps import charged, rested


def start(p: Parameters, rules: Rules, shape: tuple[int, ...]) -> State:
    """The first potential, 0 or ``initial``."""
    return rested(p, shape)[:1]


def step(x: FloatArray, state: State, p: Parameters, rules: Rules) -> tuple[FloatArray, State]:
    """V <- v + dt r x; gives the new v."""
    v = charged(state[0], p["r"] * x, rules)
    return v, (v,)


MODEL = DynamicsModel(
    name="I", equation="dv/dt = r x; gives v", source=NIR, parameters=("r",), optional=("initial",),
    start=start, step=step,
)  # fmt: skip
