"""The neuron models once more, one neuron at a time in Python's own integers, as their sources describe them."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import floor, trunc

Numbers = Mapping[str, int]
Rule = Callable[[int, dict[str, int], Numbers, Numbers], int]
"""(acc, states by name (changed), parameters, widths) -> output."""


def saturated(x: int, bits: int) -> int:
    """The nearest integer that ``bits`` bits of two's complement hold."""
    return min(max(x, -(2 ** (bits - 1))), 2 ** (bits - 1) - 1)


def left(x: int, d: int, w: Numbers) -> int:
    """What a decay by a fraction leaves, rounded towards zero."""
    return trunc(x * (1 - Fraction(d, 2 ** w["decay_bits"])))


def left_by_shift(x: int, k: int, w: Numbers) -> int:
    """What a decay by a shift leaves: x less x / 2^k, rounded down."""
    return x - floor(Fraction(x, 2**k))


def fire(s: dict[str, int], drive: int, p: Numbers, w: Numbers, soft: bool) -> int:
    """What follows the sum that a potential would become, if the neuron is awake."""
    if s["R"] > 0:
        s["R"] -= 1
        return 0
    s["V"] = saturated(drive, w["potential_bits"])
    if s["V"] < p["threshold"]:
        return 0
    s["V"] = s["V"] - p["threshold"] if soft else p["reset"]
    s["R"] = p["refractory"]
    return 1


def lif(soft: bool, shift: bool) -> Rule:
    """Leaky integrate-and-fire."""

    def rule(acc: int, s: dict[str, int], p: Numbers, w: Numbers) -> int:
        rest = left_by_shift(s["V"], p["decay_shift"], w) if shift else left(s["V"], p["decay"], w)
        return fire(s, rest + acc * 2 ** p["exponent"] + p["leak"], p, w, soft)

    return rule


def cuba(soft: bool, late: bool) -> Rule:
    """The same with a synaptic current."""

    def rule(acc: int, s: dict[str, int], p: Numbers, w: Numbers) -> int:
        old = s["U"]
        s["U"] = saturated(left(old, p["current_decay"], w) + acc * 2 ** p["exponent"], w["synaptic_bits"])
        return fire(s, left(s["V"], p["decay"], w) + (old if late else s["U"]) + p["leak"], p, w, soft)

    return rule


def integrator(shift: bool) -> Rule:
    """Leaky integrator."""

    def rule(acc: int, s: dict[str, int], p: Numbers, w: Numbers) -> int:
        rest = left_by_shift(s["V"], p["decay_shift"], w) if shift else left(s["V"], p["decay"], w)
        s["V"] = saturated(rest + acc * 2 ** p["exponent"] + p["leak"], w["potential_bits"])
        return s["V"]

    return rule


def integrate_fire(soft: bool) -> Rule:
    """Integrate-and-fire with a constant leak."""

    def rule(acc: int, s: dict[str, int], p: Numbers, w: Numbers) -> int:
        s["V"] = saturated(s["V"] + acc + p["leak"], w["potential_bits"])
        fires = s["V"] >= p["threshold"]
        if fires:
            s["V"] = s["V"] - p["threshold"] if soft else 0
        return int(fires)

    return rule


def threshold(acc: int, s: dict[str, int], p: Numbers, w: Numbers) -> int:
    """A step function."""
    return int(saturated(acc + p["leak"], w["potential_bits"]) >= p["threshold"])


RULES: dict[str, Rule] = {
    "if_soft": integrate_fire(soft=True), "if_hard": integrate_fire(soft=False), "threshold": threshold,
    "lif_soft": lif(soft=True, shift=False), "lif_hard": lif(soft=False, shift=False),
    "lif_shift_soft": lif(soft=True, shift=True), "lif_shift_hard": lif(soft=False, shift=True),
    "cuba_lif_soft": cuba(soft=True, late=False), "cuba_lif_hard": cuba(soft=False, late=False),
    "cuba_lif_soft_late": cuba(soft=True, late=True), "cuba_lif_hard_late": cuba(soft=False, late=True),
    "li": integrator(shift=False), "li_shift": integrator(shift=True),
}  # fmt: skip
