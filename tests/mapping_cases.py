"""Networks that fall into many tiles of few weight blocks, and boards of any number of cores."""

import numpy as np
from hypothesis import strategies as st

from core_strategies import dense, plain_chip
from neutrams.hardware import Chip
from neutrams.network import Network, ops


def on_cores(chip: Chip, cores: int) -> Chip:
    """The chip on a mesh of so many cores, one a chip, all alive."""
    board = {"topology": "mesh", "rows": 1, "columns": 1, "chips": cores, "cores_per_router": 1, "dead_cores": ()}
    return chip.with_values(board=board)


@st.composite
def repeating_networks(draw: st.DrawFn) -> tuple[Network, Chip]:
    """Dense layers of ones, or an image, on small cores that drive few others."""
    core = {"neurons": draw(st.integers(2, 8)), "fan_out": draw(st.integers(1, 3))}
    if draw(st.booleans()):
        return image_network(draw(st.integers(2, 8))), plain_chip(core=core)
    widths = draw(st.lists(st.integers(1, 8), min_size=1, max_size=3))
    return dense([*widths, draw(st.integers(9, 40))]), plain_chip(core=core)


def image_network(size: int = 8) -> Network:
    """A 2 x 2 convolution of an image into 2 channels, of 8 x 8 at 49 places."""
    outputs = 2 * (size - 1) ** 2
    zeros = np.zeros(2, dtype=np.int64)
    parameters = {"bias": zeros, "multiplier": zeros + 1, "shift": zeros + 1, "low": zeros, "high": zeros + 255}
    return Network((
        ops.Input(name="x", shape=(1, size, size)),
        ops.Encode(name="q", inputs=("x",), scale=1.0, zero=0.0, low=0, high=255),
        ops.Conv(
            name="acc", inputs=("q",), weights=np.arange(1, 9).reshape(2, 1, 2, 2), bias=zeros, stride=(1, 1),
            dilation=(1, 1),
        ),
        ops.Neuron(
            name="n", inputs=("acc",), model="requantize", parameters=parameters, scale=np.ones(2), zero=np.zeros(2),
            origin="conv", elements=np.arange(2),
        ),
        ops.Reshape(name="flat", inputs=("n",), shape=(outputs,)),
        ops.Decode(
            name="d", inputs=("flat",), coefficient=np.ones(outputs, dtype=np.int64), element=np.arange(outputs),
            scale=np.ones(outputs), offset=np.zeros(outputs),
        ),
        ops.Output(name="y", inputs=("d",)),
    ))  # fmt: skip
