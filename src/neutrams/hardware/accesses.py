"""How many accesses of its memories a core makes for a row, a neuron and a word; none of a memory that is not there."""

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware.chip import Chip
from neutrams.hardware.parts import MemorySpec
from neutrams.neurons import find_model


def row_accesses(chip: Chip, columns: IntArray) -> IntArray:
    """Return the reads of ``columns`` weights of a row, which lie side by side, int64."""
    return _accesses(chip.weights, columns * _weight_bits(chip))


def stream_accesses(chip: Chip, rows: IntArray, synapses: IntArray) -> IntArray:
    """Return the reads of ``synapses`` listed weights, which lie one behind the other, of ``rows`` rows, int64.

    Where the memory's width is 0, a row takes one.
    """
    weights = chip.weights
    return _accesses(weights, synapses * _weight_bits(chip)) if weights.width_bits else rows * weights.there


def _weight_bits(chip: Chip) -> int:
    """Return the stored bits of a weight; of ``pair`` both magnitudes are."""
    return chip.core.weight_bits * (2 if chip.core.sign_scheme == "pair" else 1)


def _accesses(memory: MemorySpec, bits: IntArray) -> IntArray:
    """Return the accesses for so many bits; all of them in one where the width is 0; none where there is no memory."""
    if not memory.there:
        return 0 * bits
    return -(-bits // memory.width_bits) if memory.width_bits else (bits > 0).astype(np.int64)


def neuron_accesses(chip: Chip, model: str) -> tuple[int, int]:
    """Return (reads, writes) of one update: parameters and states are read, states are written.

    A neuron of ann mode has no state, and writes none. Values before the first step are not read again.
    """
    found = find_model(model, chip.name, chip.neuron.definitions)
    widths = {**chip.widths, "input_bits": chip.signal.input_bits, "output_bits": chip.signal.output_bits}
    initial = {state.initial for state in found.states}
    states = sum(widths[state.width] for state in found.states)
    parameters = sum(widths[parameter.width] for parameter in found.parameters if parameter.name not in initial)
    reads, writes = _accesses(chip.state, np.array([states + parameters, states])).tolist()
    return reads, writes


def word_accesses(chip: Chip, model: str) -> int:
    """Return the accesses that write, or read, one word in the axon buffer: a number in ann mode, else a spike."""
    ann = find_model(model, chip.name, chip.neuron.definitions).mode == "ann"
    bits = chip.signal.input_bits if ann else max(1, chip.signal.graded_bits)
    return int(_accesses(chip.buffer, np.array(bits)))
