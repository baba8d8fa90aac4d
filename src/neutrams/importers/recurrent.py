"""Recurrent layers as loops: the gates of simple, gated and long short-term memory cells, step by step.

References:
    Elman (1990), simple recurrent networks. doi 10.1207/s15516709cog1402_1
    Hochreiter & Schmidhuber (1997), long short-term memory. doi 10.1162/neco.1997.9.8.1735
    Gers & Schmidhuber (2000), peepholes. doi 10.1109/IJCNN.2000.861302
    Cho et al. (2014), gated recurrent units. arXiv:1406.1078
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.importers.builder import Builder, Tensor, Term
from neutrams.network import Concat, Stack, State, Unstack, Update

GATES = {"rnn": "h", "gru": "zrh", "lstm": "iofc"}
"""Kinds of cells, and their gates in the order in which weights lie, as ONNX has them."""

STATES = {"rnn": ("hidden",), "gru": ("hidden",), "lstm": ("hidden", "cell")}
"""What each kind remembers."""

Function = Callable[[Builder, str, Tensor], Tensor]
"""An activation: given where nodes go, a name, and a sum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One direction of a recurrent layer of I inputs and H units.

    Attributes:
        kind: A key of `GATES`.
        weights: Of the input, float64 ``[gates, H, I]``.
        recurrent: Of the hidden state, ``[gates, H, H]``.
        bias: Added to what the input gives, ``[gates, H]``.
        recurrent_bias: Added to what the hidden state gives, ``[gates, H]``; apart only where a gate multiplies that.
        functions: Of the gates, of the candidate, and (lstm) of the cell where it is shown.
        peepholes: Weights ``[H]`` of the cell by the gate that sees it: i, o or f.
        limit: Sums before functions are clipped to -limit ... limit; None where they are not.
        resets_product: Whether a GRU's reset gate multiplies R h + b, or h before the product.
        coupled: Whether an LSTM forgets 1 - i instead of f.
        backward: Whether the last element comes first.
    """

    kind: str
    weights: FloatArray
    recurrent: FloatArray
    bias: FloatArray
    recurrent_bias: FloatArray
    functions: Sequence[Function]
    peepholes: Mapping[str, FloatArray] = field(default_factory=dict)
    limit: float | None = None
    resets_product: bool = False
    coupled: bool = False
    backward: bool = False


def layer(builder: Builder, name: str, x: Tensor, cell: Cell, initial: Sequence[Tensor]) -> list[Tensor]:
    """Return the hidden state at every step ``[T, H]``, in the order of ``x``, then each final state ``[H]``.

    Args:
        builder: Where nodes go.
        name: What the node shall be called that gives the hidden states.
        x: ``[T, I]``.
        cell: What a step does.
        initial: ``[H]`` for each state of the cell.
    """
    steps = x.shape[0]
    step = STEPS[cell.kind]
    if steps == 1:
        first = builder.reshape(builder.fresh(f"{name}.step"), x, x.shape[1:])
        new = step(builder, name, cell, (first, *initial))
        return [builder.reshape(name, new[0], (1, *new[0].shape)), *new]
    if cell.backward:
        x = builder.take(builder.fresh(f"{name}.backward"), x, 0, np.arange(steps)[::-1])
    now = builder.emit(Unstack(name=builder.fresh(f"{name}.step"), inputs=(x.name,)))
    words = STATES[cell.kind]
    states = [
        builder.emit(State(name=builder.fresh(f"{name}.{word}"), inputs=(value.name,)))
        for word, value in zip(words, initial, strict=True)
    ]
    new = step(builder, name, cell, (now, *states))
    finals = []
    for k, (word, state, value) in enumerate(zip(words, states, new, strict=True)):
        builder.emit(Update(name=builder.fresh(f"{name}.{word}.next"), inputs=(value.name,), state=state.name))
        title = name if k == 0 and not cell.backward else builder.fresh(f"{name}.{word}.steps")
        stacked = builder.emit(Stack(name=title, inputs=(value.name,), steps=steps))
        last = builder.take(builder.fresh(f"{name}.{word}.last"), stacked, 0, [steps - 1])
        finals.append(builder.reshape(builder.fresh(f"{name}.{word}.final"), last, value.shape))
        if k == 0:
            shown = builder.take(name, stacked, 0, np.arange(steps)[::-1]) if cell.backward else stacked
    return [shown, *finals]


def joined(builder: Builder, name: str, parts: Sequence[Tensor], axis: int) -> Tensor:
    """Return tensors joined along an axis; a single one as it is."""
    if len(parts) == 1:
        return parts[0]
    return builder.emit(Concat(name=name, inputs=tuple(x.name for x in parts), axis=axis))


def _rnn(builder: Builder, name: str, cell: Cell, given: Sequence[Tensor]) -> list[Tensor]:
    return [cell.functions[0](builder, builder.fresh(f"{name}.new"), _sum(builder, name, cell, "h", given))]


def _gru(builder: Builder, name: str, cell: Cell, given: Sequence[Tensor]) -> list[Tensor]:
    x, hidden = given
    gate, shape = cell.functions[:2]
    update, reset = (gate(builder, builder.fresh(f"{name}.{g}"), _sum(builder, name, cell, g, given)) for g in "zr")
    if cell.resets_product:
        by_input = builder.linear(builder.fresh(f"{name}.h.input"), x, cell.weights[2], cell.bias[2])
        by_state = builder.linear(builder.fresh(f"{name}.h.state"), hidden, cell.recurrent[2], cell.recurrent_bias[2])
        kept = builder.product(builder.fresh(f"{name}.h.reset"), reset, by_state)
        total = _clipped(
            builder, name, cell, builder.total(builder.fresh(f"{name}.h.sum"), [(by_input, 1.0), (kept, 1.0)])
        )
    else:
        kept = builder.product(builder.fresh(f"{name}.reset"), reset, hidden)
        total = _sum(builder, name, cell, "h", (x, kept))
    candidate = shape(builder, builder.fresh(f"{name}.h"), total)
    apart = builder.total(builder.fresh(f"{name}.apart"), [(hidden, 1.0), (candidate, -1.0)])
    kept = builder.product(builder.fresh(f"{name}.kept"), update, apart)  # z h + (1 - z) n = n + z (h - n)
    return [builder.total(builder.fresh(f"{name}.new"), [(candidate, 1.0), (kept, 1.0)])]


def _lstm(builder: Builder, name: str, cell: Cell, given: Sequence[Tensor]) -> list[Tensor]:
    (*seen, memory), (gate, shape, show) = given, cell.functions[:3]

    def opened(letter: str, by: Tensor) -> Tensor:
        total = _sum(builder, name, cell, letter, seen, by)
        return gate(builder, builder.fresh(f"{name}.{letter}"), total)

    admitted = opened("i", memory)
    kept = builder.affine(builder.fresh(f"{name}.f"), admitted, -1.0, 1.0) if cell.coupled else opened("f", memory)
    candidate = shape(builder, builder.fresh(f"{name}.c"), _sum(builder, name, cell, "c", seen))
    old = builder.product(builder.fresh(f"{name}.old"), kept, memory)
    fresh = builder.product(builder.fresh(f"{name}.fresh"), admitted, candidate)
    new = builder.total(builder.fresh(f"{name}.memory"), [(old, 1.0), (fresh, 1.0)])
    shown = show(builder, builder.fresh(f"{name}.shown"), new)
    return [builder.product(builder.fresh(f"{name}.new"), opened("o", new), shown), new]


STEPS = {"rnn": _rnn, "gru": _gru, "lstm": _lstm}
"""What one step of each kind does: new states, of the step's input and the states."""


def _sum(
    builder: Builder, name: str, cell: Cell, gate: str, given: Sequence[Tensor], memory: Tensor | None = None
) -> Tensor:
    """Return what a gate's function reads: one product with the input and the hidden state side by side."""
    at = GATES[cell.kind].index(gate)
    both = builder.emit(Concat(name=builder.fresh(f"{name}.{gate}.reads"), inputs=tuple(x.name for x in given)))
    weights = np.concatenate([cell.weights[at], cell.recurrent[at]], axis=1)
    total = builder.linear(builder.fresh(f"{name}.{gate}.sum"), both, weights, cell.bias[at] + cell.recurrent_bias[at])
    if memory is not None and gate in cell.peepholes:
        terms: list[Term] = [(total, 1.0), (memory, cell.peepholes[gate])]
        total = builder.total(builder.fresh(f"{name}.{gate}.peephole"), terms)
    return _clipped(builder, name, cell, total)


def _clipped(builder: Builder, name: str, cell: Cell, total: Tensor) -> Tensor:
    if cell.limit is None:
        return total
    return builder.clip(builder.fresh(f"{name}.clip"), total, -cell.limit, cell.limit)
