"""Checks of input and output ports."""

from collections.abc import Iterator

import numpy as np

from neutrams.neurons import find_model
from neutrams.neurons.model import POTENTIAL
from neutrams.program.tables import InputPort, Program
from neutrams.program.violation import Found, Violation, places, span


def check_ports(program: Program) -> Found:
    """Steps suit the mode; ports are numbered through, and carry integers and codes the chip can take."""
    if program.mode == "ann" and program.steps != 1 and not program.sequential:
        message = f"an ann program has {program.steps} steps a sample, it must have 1"
        yield Violation(constraint="steps", value=program.steps, limit=1, message=message)
    yield from _names(program)
    yield from _memory(program)
    kinds = {port.sequence for port in program.outputs}
    if len(kinds) > 1:
        message = "some outputs are given at each step and others once, all must be alike"
        yield Violation(constraint="output_sequence", value="both", limit="one of them", message=message)
    yield from _potentials(program)
    first = 0
    for port in program.inputs:
        if port.first != first:
            yield _port("input_channels", port, str(port.first), str(first), "first channel")
        first += len(port.element)
        for constraint, value, limit, what in _one_port(program, port):
            yield _port(constraint, port, value, limit, what)
        shape = port.shape[1:] if port.sequence else port.shape
        size = int(np.prod(shape, dtype=np.int64)) if all(isinstance(n, int) for n in port.shape) else 0
        for i in places((port.element < -1) | (port.element >= size)):
            yield _port("input_element", port, str(int(port.element[i])), span(-1, size - 1), f"channel {i}, element")


def _potentials(program: Program) -> Found:
    """Potentials are read only where the chip lets them out, of neurons that have one."""
    model = find_model(program.model, "program", program.chip.neuron.definitions)
    able = program.chip.signal.read_potential and POTENTIAL in model.states[:1]
    for port in program.outputs:
        if port.potential and not able:
            message = f"output port {port.name!r} reads potentials, which the chip does not give out"
            yield Violation(constraint="potential_readout", value="potential", limit="counts", message=message)


def _names(program: Program) -> Found:
    """There are inputs and outputs; outputs have names of their own (input ports of one tensor share its name)."""
    names = [port.name for port in program.outputs]
    for constraint, what, found in (("input_names", "input", program.inputs), ("output_names", "output", names)):
        if not found:
            message = f"the program has no {what}, it must have 1 or more"
            yield Violation(constraint=constraint, value=0, limit="1 or more", message=message)
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        message = f"{names.count(name)} outputs are named {name!r}, each needs a name of its own"
        yield Violation(constraint="output_names", value=name, limit="a name of its own", message=message)


def _memory(program: Program) -> Found:
    """What registers begin with is what an axon takes; each register has one beginning."""
    memory, signal = program.memory, program.chip.signal
    low, high = 0, 1
    if program.mode == "ann":
        low = signal.partial_range[0] if signal.partial_sums == "signed" else 0
        high = (1 << signal.input_bits) - 1
    given = memory.channel < 0
    neurons, count = np.unique(memory.neuron, return_counts=True)
    repeated = np.isin(memory.neuron, neurons[count > 1])
    for i in places((given & ((memory.value < low) | (memory.value > high))) | repeated):
        neuron, value, limit = int(memory.neuron[i]), int(memory.value[i]), f"once {span(low, high)}"
        message = f"neuron {neuron}: its register begins with {value}, allowed is {limit}"
        yield Violation(constraint="memory_value", neuron=neuron, value=value, limit=limit, message=message)


def _one_port(program: Program, port: InputPort) -> Iterator[tuple[str, str, str, str]]:
    signal = program.chip.signal
    codes = ("level",) if program.mode == "ann" else ("level", "spread")
    if port.code not in codes:
        yield "input_code", str(port.code), " or ".join(codes), "code"
    most = (1 << (signal.input_bits if program.mode == "ann" else signal.current_bits)) - 1
    whole = isinstance(port.low, int) and isinstance(port.high, int)
    if port.code == "spread":
        if (port.low, port.high) != (0, program.steps):
            yield "input_range", span(port.low, port.high), f"exactly {span(0, program.steps)}", "counts of spikes"
    elif not whole or not 0 <= port.low <= port.high <= most:
        yield "input_range", span(port.low, port.high), span(0, most), "integers"
    if port.sequence and (port.code != "level" or port.shape[:1] != (program.steps,)):
        yield "input_sequence", f"{port.code} {port.shape}", f"level, {program.steps} steps first", "code and shape"
    if not np.isfinite([port.scale, port.zero]).all() or port.scale <= 0:
        yield "input_scale", f"{port.scale}, {port.zero}", "finite, scale above 0", "scale and zero"


def _port(constraint: str, port: InputPort, value: str, limit: str, what: str) -> Violation:
    message = f"input port {port.name!r}: {what} {value}, allowed: {limit}"
    return Violation(constraint=constraint, value=value, limit=limit, message=message)
