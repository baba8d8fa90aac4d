"""Which neurons a text like ``0,5,12-20,logits`` names."""

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import InputError
from neutrams.neurons import find_model
from neutrams.program import Program

WHERE = "watch"


def watched_neurons(program: Program, text: str) -> IntArray:
    """Return the neurons that ``text`` names, each once, ascending, int64.

    Args:
        program: The program.
        text: Parts with commas between them: a number, a range with both ends, or the name of an output, which stands
            for the neurons it is read from (a name that is a number goes before the number). Empty: none.

    Raises:
        InputError: A part names nothing, or the program's neurons have no potential.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if parts and not find_model(program.model, "program", program.chip.neuron.definitions).states:
        raise InputError(
            f"neurons of model {program.model!r} have no potential", where=WHERE, fix="watch spiking programs"
        )
    return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *(_neurons(program, part) for part in parts)]))


def _neurons(program: Program, part: str) -> IntArray:
    for port in program.outputs:
        if port.name == part:
            return port.neuron
    first, _, last = part.partition("-")
    if not (first.isdecimal() and (last.isdecimal() or "-" not in part)):
        names = ", ".join(repr(port.name) for port in program.outputs)
        raise InputError(
            f"{part!r} is neither a neuron, a range of them nor an output",
            where=WHERE,
            fix=f"write e.g. 0,5,12-20, or one of the outputs {names}",
        )
    begin, end = int(first), int(last or first)
    if not begin <= end < len(program.neurons):
        raise InputError(
            f"{part!r} is outside the program's neurons",
            where=WHERE,
            fix=f"take neurons from 0 to {len(program.neurons) - 1}, the smaller one first",
        )
    return np.arange(begin, end + 1)
