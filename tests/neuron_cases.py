"""Random neurons: registers of any width, parameters and sums at their ends."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from neutrams.neurons import NeuronModel, models, register_range

SNN = sorted(name for name, model in models().items() if model.mode == "snn")


@dataclass
class Case:
    """Neurons of a model with what they are given, int64 ``[T, N, n]``."""

    model: NeuronModel
    widths: dict[str, int]
    parameters: dict[str, Any]
    acc: Any


@st.composite
def widths(draw: st.DrawFn) -> dict[str, int]:
    """Widths of the registers, within what a chip may have [bit]."""
    ranges = {
        "accumulator_bits": (8, 32), "potential_bits": (8, 32), "threshold_bits": (2, 32), "leak_bits": (1, 32),
        "decay_bits": (1, 16), "decay_shift_bits": (1, 5), "synaptic_bits": (2, 32), "refractory_bits": (0, 3),
        "exponent_bits": (0, 3),
    }  # fmt: skip
    return {name: draw(st.sampled_from([low, (low + high) // 2, high])) for name, (low, high) in ranges.items()}


def edge(rng: np.random.Generator, low: int, high: int, size: Any) -> Any:
    """Integers of a range: its ends, their neighbours, small numbers, or anything."""
    favourites = np.clip([low, low + 1, -2, -1, 0, 1, 2, high - 1, high, (low + high) // 2], low, high)
    anything = rng.integers(low, high, size, endpoint=True)
    return np.where(rng.random(size) < 0.6, rng.choice(favourites, size), anything).astype(np.int64)


def case(model: NeuronModel, widths: dict[str, int], seed: int, peak: int = 1 << 52) -> Case:
    """3 samples of 4 neurons, some steps of sums: around the threshold, small, at the ends, beyond every register."""
    rng = np.random.default_rng(seed)
    n, samples, steps = 4, 3, int(rng.integers(1, 12))
    parameters = {}
    for p in model.parameters:
        low, high = register_range(p.width, widths)
        parameters[p.name] = edge(rng, low if p.least is None else max(low, p.least), high, n)
    shape = (steps, samples, n)
    near = parameters.get("threshold", np.zeros(n, dtype=np.int64)) + rng.integers(-1, 2, shape)
    ends = edge(rng, *register_range("potential_bits", widths), shape)
    beyond = edge(rng, -peak, peak, shape)
    acc = np.choose(rng.integers(0, 4, shape), [near, ends, beyond, rng.integers(-3, 4, shape)])
    return Case(model=model, widths=widths, parameters=parameters, acc=np.clip(acc, -peak, peak))


def cases(names: list[str], peak: int = 1 << 52) -> st.SearchStrategy[Case]:
    """Random neurons of these models."""
    chosen = st.sampled_from([models()[name] for name in names])
    return st.builds(case, chosen, widths(), st.integers(0, 1 << 32), st.just(peak))
