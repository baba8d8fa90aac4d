"""Which neurons a text like ``0,5,12-20,logits`` names."""

import re
from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import InputError
from neutrams.neurons import find_model
from neutrams.program import Program

WHERE = "watch"


def watched_neurons(program: Program, text: str, outputs: Mapping[str, IntArray] | None = None) -> IntArray:
    """Return the neurons that ``text`` names, each once, ascending, int64.

    Args:
        program: The program.
        text: Parts with commas between them: a number, a range with both ends, or the name of an output (a name that
            is a number goes before the number). Empty: none.
        outputs: int64 each, the neurons that outputs are read from, by name; None: those of the program's ports.

    Raises:
        InputError: A part names nothing, or the program's neurons have no potential.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if parts and not find_model(program.model, "program", program.chip.neuron.definitions).states:
        raise InputError(
            f"neurons of model {program.model!r} have no potential", where=WHERE, fix="watch spiking programs"
        )
    named = {port.name: port.neuron for port in program.outputs} if outputs is None else outputs
    chosen = [named[part] if part in named else _numbers(program, part, named) for part in parts]
    return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *chosen]))


def _numbers(program: Program, part: str, outputs: Mapping[str, IntArray]) -> IntArray:
    first, _, last = part.partition("-")
    if not re.fullmatch(r"[0-9]{1,18}(-[0-9]{1,18})?", part):
        raise InputError(
            f"{part!r} is neither a neuron, a range of them nor an output",
            where=WHERE,
            fix=f"write e.g. 0,5,12-20, or one of the outputs {', '.join(map(repr, outputs))}",
        )
    begin, end = int(first), int(last or first)
    if not begin <= end < len(program.neurons):
        raise InputError(
            f"{part!r} is outside the program's neurons",
            where=WHERE,
            fix=f"take neurons from 0 to {len(program.neurons) - 1}, the smaller one first",
        )
    return np.arange(begin, end + 1)
