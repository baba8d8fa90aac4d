"""Checks of input and output ports."""

from collections.abc import Iterator

import numpy as np

from neutrams.program.tables import InputPort, Program
from neutrams.program.violation import Found, Violation, places, span


def check_ports(program: Program) -> Found:
    """Steps suit the mode; ports are numbered through, and carry integers and codes the chip can take."""
    if program.mode == "ann" and program.steps != 1:
        message = f"an ann program has {program.steps} steps a sample, it must have 1"
        yield Violation(constraint="steps", value=program.steps, limit=1, message=message)
    first = 0
    for port in program.inputs:
        if port.first != first:
            yield _port("input_channels", port, str(port.first), str(first), "first channel")
        first += len(port.element)
        for constraint, value, limit, what in _one_port(program, port):
            yield _port(constraint, port, value, limit, what)
        size = int(np.prod(port.shape, dtype=np.int64)) if all(isinstance(n, int) for n in port.shape) else 0
        for i in places((port.element < -1) | (port.element >= size)):
            yield _port("input_element", port, str(int(port.element[i])), span(-1, size - 1), f"channel {i}, element")


def _one_port(program: Program, port: InputPort) -> Iterator[tuple[str, str, str, str]]:
    signal = program.chip.signal
    codes = ("level",) if program.mode == "ann" else ("level", "spread")
    if port.code not in codes:
        yield "input_code", str(port.code), " or ".join(codes), "code"
    most = (1 << (signal.input_bits if program.mode == "ann" else signal.current_bits)) - 1
    if port.code == "spread":
        most = program.steps
    whole = isinstance(port.low, int) and isinstance(port.high, int)
    if not whole or not 0 <= port.low <= port.high <= most:
        yield "input_range", span(port.low, port.high), span(0, most), "integers"
    if not np.isfinite([port.scale, port.zero]).all() or port.scale <= 0:
        yield "input_scale", f"{port.scale}, {port.zero}", "finite, scale above 0", "scale and zero"


def _port(constraint: str, port: InputPort, value: str, limit: str, what: str) -> Violation:
    message = f"input port {port.name!r}: {what} {value}, allowed: {limit}"
    return Violation(constraint=constraint, value=value, limit=limit, message=message)
