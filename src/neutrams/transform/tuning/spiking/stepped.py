"""What a float neuron does in a step, in numbers: what is left of its potential and current, what its input adds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from neutrams.base.arrays import FloatArray
from neutrams.base.errors import UnsupportedError
from neutrams.network import ops


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """A neuron of input x in steps: v <- keep v + gain x + leak, firing where v passes the threshold.

    With a current it is u <- keep_current u + gain x, and v takes u for gain x. All arrays are float64 ``[C]``.

    Attributes:
        keep: What is left of the potential.
        gain: What one unit of input adds.
        leak: Added in every step.
        keep_current: What is left of the current; None without one.
        late: Whether the potential reads the current of the step before.
        threshold: Where it fires.
        strict: Whether above the threshold only, or also at it.
        soft: Whether a spike takes the threshold off; else it sets the potential to ``reset``.
        reset: Potential after a spike, if not soft.
        initial: Potential before the first step.
        refractory: Silent steps after a spike.
    """

    keep: FloatArray
    gain: FloatArray
    leak: FloatArray
    keep_current: FloatArray | None
    late: bool
    threshold: FloatArray
    strict: bool
    soft: bool
    reset: FloatArray
    initial: FloatArray
    refractory: FloatArray


def stepped(node: ops.Spiking) -> Stepped:
    """Return what a node of the models IF, LIF, CubaLIF or Threshold does in a step.

    The formulas are those of `neutrams.neurons.dynamics.steps`.

    Raises:
        UnsupportedError: A parameter differs within a channel.
    """
    p = _per_channel(node)
    one, zero = np.ones_like(p["v_threshold" if "v_threshold" in p else "threshold"]), 0.0
    keep, share = one, one * (1.0 if node.method == "impulse" else node.dt)
    keep_current, gain, rest = None, one, zero * one
    match node.model:
        case "IF":
            gain = share * p["r"]
        case "LIF":
            keep, gain = _decay(p["tau"], node, p["r"])
            rest = p["v_leak"]
        case "CubaLIF":
            keep, drive = _decay(p["tau_mem"], node, p["r"])
            keep_current, taken = _decay(p["tau_syn"], node, p["w_in"])
            gain = drive * taken * (keep_current if node.method == "impulse" else 1.0)
            rest = p["v_leak"]
        case "Threshold":
            keep = zero * one
    return Stepped(
        keep=keep, gain=gain, leak=(1 - keep) * rest, keep_current=keep_current, late=node.current == "last",
        threshold=p["threshold"] if node.model == "Threshold" else p["v_threshold"],
        strict=node.strict, soft=node.reset == "subtract" and node.model != "Threshold",
        reset=p.get("v_reset", zero * one), initial=p.get("initial", zero * one),
        refractory=p.get("refractory", zero * one),
    )  # fmt: skip


def _decay(tau: FloatArray, node: ops.Spiking, gain: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (what a step leaves, what one unit of drive adds) for a time constant."""
    if node.method == "euler":
        return 1 - node.dt / tau, node.dt / tau * gain
    left: FloatArray = np.exp(-node.dt / tau)
    return left, gain if node.method == "impulse" else (1 - left) * gain


def _per_channel(node: ops.Spiking) -> Mapping[str, FloatArray]:
    found: dict[str, FloatArray] = {}
    for name, values in node.parameters.items():
        flat = values.reshape(len(values), -1)
        if (flat != flat[:, :1]).any():
            raise UnsupportedError(
                f"{name} of spiking node {node.name!r} differs between places of a channel",
                where="transform, spiking neurons",
                fix="give it one value a channel: on a chip the neurons of a channel share their parameters",
            )
        found[name] = flat[:, 0].copy()
    return found


@dataclass(frozen=True, slots=True)
class Instant:
    """Neurons in one step, ``[N, C, *size]``: potential before a reset, current (0 without one), which fire."""

    potential: torch.Tensor
    current: torch.Tensor
    fires: torch.Tensor


def each_step(x: torch.Tensor, real: Stepped) -> Iterator[Instant]:
    """Yield what neurons do in each step.

    Args:
        x: Input of every step, float ``[T, N, C, *size]``.
        real: The neurons.
    """
    p = {name: _along(getattr(real, name), x) for name in ("keep", "gain", "leak", "threshold", "reset", "refractory")}
    v = _along(real.initial, x).expand(x.shape[1:]).clone()
    u, rest = torch.zeros_like(v), torch.zeros_like(v)
    for now in x.double():
        drive = p["gain"] * now
        if real.keep_current is not None:
            before, u = u, _along(real.keep_current, x) * u + drive
            drive = before if real.late else u
        awake = rest <= 0
        v = torch.where(awake, p["keep"] * v + drive + p["leak"], v)
        fires = awake & ((v > p["threshold"]) if real.strict else (v >= p["threshold"]))
        yield Instant(v, u, fires)
        v = torch.where(fires, v - p["threshold"] if real.soft else p["reset"], v)
        rest = torch.where(fires, p["refractory"], (rest - 1).clamp(min=0))


def reached(x: torch.Tensor, real: Stepped) -> tuple[FloatArray, FloatArray]:
    """Return the largest sizes that potential and current reach, float64 ``[C]`` each; arguments as for `each_step`."""
    most = current = torch.zeros(x.shape[1:], dtype=torch.float64)
    for at in each_step(x, real):
        most = torch.maximum(most, at.potential.abs())
        current = torch.maximum(current, at.current.abs())
    return _largest(most), _largest(current)


def _along(values: FloatArray, x: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float64)).reshape(-1, *(1,) * (x.ndim - 3))


def _largest(x: torch.Tensor) -> FloatArray:
    found: FloatArray = x.transpose(0, 1).flatten(1).amax(1).numpy()
    return found
