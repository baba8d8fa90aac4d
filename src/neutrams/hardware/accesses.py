"""How many accesses of its memories a core makes for a row, a neuron and a word; none of a memory that is not there."""

from neutrams.base.arrays import IntArray
from neutrams.hardware.chip import Chip
from neutrams.neurons import find_model


def row_accesses(chip: Chip, columns: IntArray) -> IntArray:
    """Return the reads of ``columns`` weights of a row, which lie side by side; of ``pair`` both magnitudes count."""
    bits = columns * chip.core.weight_bits * (2 if chip.core.sign_scheme == "pair" else 1)
    if not chip.weights.there:
        return 0 * bits
    return -(-bits // chip.weights.width_bits) if chip.weights.width_bits else (bits > 0).astype(bits.dtype)


def neuron_accesses(chip: Chip, model: str) -> tuple[int, int]:
    """Return (reads, writes) of one update: parameters and states are read, states are written.

    A neuron of ann mode has no state, and writes none. Values before the first step are not read again.
    """
    found = find_model(model, chip.name, chip.neuron.definitions)
    widths = {**chip.widths, "input_bits": chip.signal.input_bits, "output_bits": chip.signal.output_bits}
    initial = {state.initial for state in found.states}
    states = sum(widths[state.width] for state in found.states)
    parameters = sum(widths[parameter.width] for parameter in found.parameters if parameter.name not in initial)
    return chip.state.accesses(states + parameters), chip.state.accesses(states)


def word_accesses(chip: Chip, model: str) -> int:
    """Return the accesses that write, or read, one word in the axon buffer: a number in ann mode, else a spike."""
    ann = find_model(model, chip.name, chip.neuron.definitions).mode == "ann"
    return chip.buffer.accesses(chip.signal.input_bits if ann else max(1, chip.signal.graded_bits))
