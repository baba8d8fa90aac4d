"""ONNX operators with memory: RNN, GRU, LSTM, as loops over gates."""

from collections.abc import Iterator

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.importers.builder import Builder, Tensor, Value
from neutrams.importers.onnx_call import Call, operator
from neutrams.importers.recurrent import GATES, STATES, Cell, Function, joined, layer

PLAIN = {"Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "Softsign": "softsign", "Softplus": "softplus"}
DEFAULTS = {
    "LeakyRelu": (0.01, 0.0),
    "HardSigmoid": (0.2, 0.5),
    "Elu": (1.0, 0.0),
    "ScaledTanh": (None, None),
    "Affine": (None, None),
}
"""Alpha and beta of functions that have parameters, where the node gives none; None where it must."""

HAVE_BETA = ("HardSigmoid", "ScaledTanh", "Affine")
"""Those of them that have a beta."""

DIRECTIONS = {"forward": 1, "reverse": 1, "bidirectional": 2}
"""How many passes over the steps a direction means."""

USUAL = {"rnn": ("Tanh",), "gru": ("Sigmoid", "Tanh"), "lstm": ("Sigmoid", "Tanh", "Tanh")}
"""Functions of each kind of cell where the node names none."""

Outputs = list[Value]


@operator("RNN", "GRU", "LSTM", constants=(1, 2, 3, 4, 7))
def recurrent(call: Call) -> Outputs:
    """A loop over the steps, in every direction, with peepholes, clipping, initial states; one length for all."""
    kind = call.op.lower()
    x = call.tensor()
    layout = call.attributes.get("layout", 0)
    if len(x.shape) != 2 or x.batch != 1 - layout:
        where = "in front" if layout else "behind the steps"
        raise call.refuse(
            f"wants its batch axis {where}, it reads samples of shape {x.shape} with the batch as axis {x.batch}"
        )
    lengths = call.array(4)
    if lengths is not None and (lengths != x.shape[0]).any():
        raise call.refuse("reads sequences of unequal length")
    directions = len(call.floats(1))
    if (
        call.text("direction", "forward") not in DIRECTIONS
        or DIRECTIONS[call.text("direction", "forward")] != directions
    ):
        raise call.refuse(f"has weights of {directions} directions and goes {call.text('direction', 'forward')}")
    initial = [list(_initial(call, 5 + k, directions)) for k in range(len(STATES[kind]))]
    given = []
    for d in range(directions):
        name = call.name if directions == 1 else call.part(("forward", "backward")[d])
        given.append(layer(call.builder, name, x, _cell(call, kind, d), [states[d] for states in initial]))
    shown, *finals = zip(*given, strict=True)
    return [_steps(call, shown, layout), *(_finals(call, found, layout, k) for k, found in enumerate(finals))]


def _steps(call: Call, given: tuple[Tensor, ...], layout: int) -> Tensor:
    """Return Y: ``[steps, directions, H]`` a sample."""
    steps, hidden = given[0].shape
    apart = [call.builder.reshape(call.part("direction"), x, (steps, 1, hidden)) for x in given]
    return joined(call.builder, call.part("steps"), apart, 1).with_batch(0 if layout else 2)


def _finals(call: Call, given: tuple[Tensor, ...], layout: int, k: int) -> Tensor:
    """Return Y_h or Y_c: ``[directions, H]`` a sample."""
    word = ("final", "final.cell")[k]
    apart = [call.builder.reshape(call.part(word), x, (1, *x.shape)) for x in given]
    return joined(call.builder, call.part(f"{word}s"), apart, 0).with_batch(0 if layout else 1)


def _initial(call: Call, at: int, directions: int) -> Iterator[Tensor]:
    """Yield the first state of each direction ``[H]``; zeros where it is left out."""
    value, hidden = call.given(at), call.floats(2).shape[-1]
    layout = call.attributes.get("layout", 0)
    for d in range(directions):
        name = call.part("initial")
        if isinstance(value, Tensor):
            if value.batch != 1 - layout or value.shape != (directions, hidden):
                raise call.refuse(
                    f"has initial states of shape {value.shape} a sample, with the batch as axis {value.batch}"
                )
            one = call.builder.take(call.part("direction"), value, 0, [d])
            yield call.builder.reshape(name, one, (hidden,))
        else:
            states = np.zeros((directions, 1, hidden)) if value is None else call.floats(at)
            states = states.swapaxes(0, 1) if layout and value is not None else states
            if (states != states[:, :1]).any():
                raise call.refuse("has constant initial states that differ from sample to sample")
            yield call.builder.constant(name, states[d, 0])


def _cell(call: Call, kind: str, direction: int) -> Cell:
    weights, recurrent = (_by_gate(call.floats(i)[direction], kind) for i in (1, 2))
    hidden = recurrent.shape[1]
    biases = np.zeros((2, len(GATES[kind]), hidden))
    if call.given(3) is not None:
        biases = call.floats(3)[direction].reshape(biases.shape)
    peepholes = {}
    if kind == "lstm" and call.given(7) is not None:
        peepholes = dict(zip("iof", call.floats(7)[direction].reshape(3, hidden), strict=True))
    limit = call.attributes.get("clip")
    return Cell(
        kind=kind, weights=weights, recurrent=recurrent, bias=biases[0], recurrent_bias=biases[1], peepholes=peepholes,
        functions=_functions(call, kind, direction), limit=None if limit is None else float(limit),
        resets_product=bool(call.attributes.get("linear_before_reset", 0)),
        coupled=bool(call.attributes.get("input_forget", 0)),
        backward=direction == 1 or call.text("direction", "forward") == "reverse",
    )  # fmt: skip


def _by_gate(weights: FloatArray, kind: str) -> FloatArray:
    gates = len(GATES[kind])
    return weights.reshape(gates, len(weights) // gates, -1)


def _functions(call: Call, kind: str, direction: int) -> list[Function]:
    """Return the functions of one direction. The lists of alpha and beta hold values for those that have them only."""
    named = [word.decode() if isinstance(word, bytes) else word for word in call.attributes.get("activations", ())]
    directions, size = len(call.floats(1)), len(USUAL[kind])
    named = named or [*USUAL[kind]] * directions
    if len(named) != size * directions:
        raise call.refuse(f"has {len(named)} activations, it takes {size} for each direction, {size * directions}")
    alphas, betas = (list(call.attributes.get(f"activation_{word}", ())) for word in ("alpha", "beta"))
    found = []
    for word in named:
        first, second = DEFAULTS.get(word, (0.0, 0.0))
        alpha = alphas.pop(0) if word in DEFAULTS and alphas else first
        beta = betas.pop(0) if word in HAVE_BETA and betas else second
        if alpha is None or beta is None:
            raise call.refuse(f"has the activation {word} without its activation_alpha or activation_beta")
        found.append(_function(call, word, alpha, beta))
    return found[direction * size : (direction + 1) * size]


def _function(call: Call, word: str, alpha: float, beta: float) -> Function:
    if word in PLAIN:
        return lambda builder, name, x: builder.activation(name, x, PLAIN[word])
    if word == "Affine":
        return lambda builder, name, x: builder.affine(name, x, alpha, beta)
    if word == "ScaledTanh":

        def scaled(builder: Builder, name: str, x: Tensor) -> Tensor:
            inner = builder.affine(builder.fresh(f"{name}.scaled"), x, beta)
            return builder.affine(name, builder.activation(builder.fresh(f"{name}.tanh"), inner, "tanh"), alpha)

        return scaled
    if word == "HardSigmoid":
        return lambda builder, name, x: builder.activation(name, x, "hard_sigmoid", alpha=alpha, beta=beta)
    if word in ("LeakyRelu", "Elu"):
        function = {"LeakyRelu": "leaky_relu", "Elu": "elu"}[word]
        return lambda builder, name, x: builder.activation(name, x, function, alpha=alpha)
    raise call.refuse(f"has the activation {word}")
