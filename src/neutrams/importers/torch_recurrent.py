"""ATen operators with memory: RNN, GRU and LSTM modules of several layers and both directions, as loops over gates."""

from collections.abc import Sequence

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, check_finite
from neutrams.importers.builder import Tensor, Value
from neutrams.importers.recurrent import GATES, STATES, Cell, Function, joined, layer
from neutrams.importers.torch_call import Call, operator

KINDS = {"rnn_tanh": ("rnn", ("tanh",)), "rnn_relu": ("rnn", ("relu",)), "gru": ("gru", ("sigmoid", "tanh")),
    "lstm": ("lstm", ("sigmoid", "tanh", "tanh"))}  # fmt: skip
"""Kind of cell and its functions, by operator."""

ORDER = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 3, 1, 2)}
"""Where PyTorch has each gate of `GATES`."""


@operator(*KINDS)
def recurrent(call: Call) -> list[Value]:
    """Layers of a recurrent module with ``batch_first``; a loop over the steps each."""
    kind, functions = KINDS[call.op]
    x = call.tensor("input")
    if not call.arguments["batch_first"] or len(x.shape) != 2:
        raise call.refuse("wants batch_first=True and samples of steps and features")
    directions = 2 if call.arguments["bidirectional"] else 1
    layers = int(call.arguments["num_layers"])
    weights = _weights(call, layers * directions)
    initial = _initial(call, kind, layers * directions)
    finals: list[list[Tensor]] = [[] for _ in initial]
    for at in range(layers):
        given = []
        for d in range(directions):
            place = at * directions + d
            name = call.name if layers == directions == 1 else call.part(f"layer{at}")
            cell = _cell(kind, [_named(function) for function in functions], weights[place], backward=d == 1)
            shown, *last = layer(call.builder, name, x, cell, [states[place] for states in initial])
            given.append(shown)
            for found, state in zip(finals, last, strict=True):
                found.append(state)
        x = joined(call.builder, call.part("both"), given, -1)
    return [x, *(_stacked(call, found) for found in finals)]


def _weights(call: Call, count: int) -> list[list[FloatArray]]:
    """Return (weights, recurrent weights, bias, recurrent bias) of each layer and direction."""
    given: Sequence[AnyArray | Tensor] = call.arguments["params"]
    each = 4 if call.arguments["has_biases"] else 2
    if len(given) != count * each:
        raise call.refuse("projects its hidden state")
    found = []
    for k in range(count):
        parts = []
        for value in given[k * each : (k + 1) * each]:
            if isinstance(value, Tensor):
                raise call.refuse("has computed weights")
            check_finite(value, f"weights of node {call.name!r}")
            parts.append(value.astype(np.float64))
        found.append(parts if each == 4 else [*parts, *[np.zeros(len(parts[0]))] * 2])
    return found


def _initial(call: Call, kind: str, count: int) -> list[list[Tensor]]:
    """Return the first state of each layer and direction, by state."""
    given = call.arguments["hx"]
    found = []
    for word, value in zip(STATES[kind], given if isinstance(given, Sequence) else [given], strict=True):
        if isinstance(value, Tensor) or (np.asarray(value) != np.asarray(value)[:, :1]).any():
            raise call.refuse("has initial states that are computed or differ from sample to sample")
        found.append([call.builder.constant(call.part(f"{word}.initial"), value[k, 0]) for k in range(count)])
    return found


def _cell(kind: str, functions: Sequence[Function], given: Sequence[FloatArray], *, backward: bool) -> Cell:
    order, gates = list(ORDER[kind]), len(GATES[kind])
    weights, recurrent, bias, recurrent_bias = (
        part.reshape(gates, len(part) // gates, *part.shape[1:])[order] for part in given
    )
    return Cell(
        kind=kind, weights=weights, recurrent=recurrent, bias=bias, recurrent_bias=recurrent_bias, functions=functions,
        resets_product=True, backward=backward,
    )  # fmt: skip


def _named(function: str) -> Function:
    return lambda builder, name, x: builder.activation(name, x, function)


def _stacked(call: Call, finals: Sequence[Tensor]) -> Tensor:
    """Return final states, ``[layers and directions, H]`` a sample; PyTorch has the batch as the second axis."""
    apart = [call.builder.reshape(call.part("final"), x, (1, *x.shape)) for x in finals]
    return joined(call.builder, call.part("finals"), apart, 0).with_batch(1)
