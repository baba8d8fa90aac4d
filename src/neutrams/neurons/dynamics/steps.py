"""The pieces of a step that models share: leak, charge, synapse, firing.

With a = exp(-dt / tau), a leak of y towards ``rest`` under a drive becomes

    euler        y <- y + dt / tau ((rest - y) + drive)            forward Euler
    exponential  y <- rest + a (y - rest) + (1 - a) drive          exact for a drive that is constant in a step
    impulse      y <- rest + a (y - rest) + drive                  exact for a drive that is an impulse at its end

and an impulse on a synapse comes at the start of a step instead: i <- a (i + w_in x).
"""

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.neurons.dynamics.model import Parameters, Rules, State

AT_SPIKES = ("initial", "v_min", "refractory")
"""Parameters that spiking models may have: the first potential, the least, and steps of rest after a spike."""


def leaked(y: FloatArray, rest: FloatArray, drive: FloatArray, tau: FloatArray, rules: Rules) -> FloatArray:
    """Return ``y`` after a step of leak towards ``rest`` under ``drive``."""
    moved: FloatArray
    if rules.method == "euler":
        moved = y + rules.dt / tau * ((rest - y) + drive)
        return moved
    a = np.exp(-rules.dt / tau)
    moved = rest + a * (y - rest) + (drive if rules.method == "impulse" else (1 - a) * drive)
    return moved


def charged(v: FloatArray, drive: FloatArray, rules: Rules) -> FloatArray:
    """Return a potential without leak after a step: v + dt drive, or v + drive for impulses."""
    more: FloatArray = v + (drive if rules.method == "impulse" else rules.dt * drive)
    return more


def synapse(i: FloatArray, x: FloatArray, p: Parameters, rules: Rules) -> FloatArray:
    """Return the synaptic current after a step: tau_syn di/dt = -i + w_in x."""
    drive = p["w_in"] * x
    if rules.method == "impulse":
        decayed: FloatArray = np.exp(-rules.dt / p["tau_syn"]) * (i + drive)
        return decayed
    return leaked(i, np.zeros(()), drive, p["tau_syn"], rules)


def membrane(v: FloatArray, i: FloatArray, x: FloatArray, p: Parameters, rules: Rules) -> tuple[FloatArray, FloatArray]:
    """Return (potential, current) of a leaky membrane behind a synapse after a step."""
    new = synapse(i, x, p, rules)
    read = new if rules.current == "first" else i
    return leaked(v, p["v_leak"], p["r"] * read, p["tau_mem"], rules), new


def rested(p: Parameters, shape: tuple[int, ...]) -> State:
    """Return the state (potential, steps of rest left) before the first step."""
    return np.array(np.broadcast_to(p.get("initial", 0.0), shape), dtype=np.float64), np.zeros(shape)


def fired(before: FloatArray, v: FloatArray, rest: FloatArray, p: Parameters, rules: Rules) -> tuple[FloatArray, State]:
    """Return (spikes, (potential, steps of rest left)): a neuron at rest keeps its potential and is silent.

    Args:
        before: The potential before the step.
        v: The potential that the step's input leads to.
        rest: Steps of rest left.
        p: The model's parameters; of `AT_SPIKES`, those it has.
        rules: Threshold and reset.
    """
    awake = rest <= 0
    v = np.where(awake, v, before)
    theta = p["v_threshold"]
    fires = awake & (v > theta if rules.strict else v >= theta)
    spikes = np.where(fires, np.floor(v / theta) if rules.many else 1.0, 0.0)
    v = np.where(fires, v - spikes * theta if rules.reset == "subtract" else p["v_reset"], v)
    if "v_min" in p:
        v = np.maximum(v, p["v_min"])
    return spikes, (v, np.where(fires, p.get("refractory", 0.0), np.maximum(rest - 1, 0)))
