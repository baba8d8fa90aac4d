"""The threshold neuron, which remembers nothing (McCulloch and Pitts)."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.kernels.leaky import fire_at
from neutrams.neurons.model import NeuronModel, Parameter, register_range


def step(
    acc: IntArray, state: IntArray, parameters: Mapping[str, IntArray], widths: Mapping[str, int]
) -> tuple[IntArray, IntArray]:
    """Y = 1 where clamp(acc + leak) >= threshold, else 0."""
    summed = np.clip(acc + parameters["leak"], *register_range("potential_bits", widths))
    return (summed >= parameters["threshold"]).astype(np.int64), state


def run(
    acc: AnyArray,
    registers: AnyArray,
    state: IntArray,
    parameters: tuple[IntArray, ...],
    widths: Mapping[str, int],
    first: int,
    last: int,
) -> None:
    """Compute `step` for neurons ``first`` … ``last`` - 1, compiled."""
    leak, theta = parameters
    fire_at(acc, registers, (leak, theta), register_range("potential_bits", widths), first, last)


MODEL = NeuronModel(
    name="threshold",
    mode="snn",
    equation="fire if clamp(acc + leak) >= theta",
    source="McCulloch and Pitts (1943), Bull. Math. Biophys. 5, doi 10.1007/BF02478259; in NIR: Threshold",
    parameters=(
        Parameter(name="leak", meaning="added to the sum [LSB of the potential]", width="leak_bits"),
        Parameter(name="threshold", meaning="fires at or above [LSB of the potential]", width="threshold_bits"),
    ),
    states=(),
    relay={"leak": 0, "threshold": 1},
    step=step,
    kernel=run,
)
