"""A literal tick-by-tick execution of a program, as DESIGN.md's paragraph "Time" says it; slow and obvious."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.base.codec import decode, encode, spread_step
from neutrams.neurons import find_model
from neutrams.program import InputPort, Program

POISON = 77
"""What an input register shows while no step of ours stands there; a reader of it gives a wrong result."""


def run_program(program: Program, inputs: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """Return the decoded outputs ``[N, elements]`` by port name; ann samples follow one another as a stream."""
    n = len(next(iter(inputs.values())))
    if program.sequential:
        words = np.concatenate([port_words(port, inputs, program.steps) for port in program.inputs], axis=2)
        return {
            port.name: np.stack([
                decode(at[:, port.neuron], port.coefficient, port.element, port.scale, port.offset)
                for at in simulate(program, words)
            ], axis=1)
            for port in program.outputs
        }  # fmt: skip
    if program.mode == "ann":
        streams = [port_words(port, inputs, 1) for port in program.inputs]  # [1 step, N, channels]
        words = np.concatenate(streams, axis=2).transpose(1, 0, 2)  # N steps of one sample
        counted = simulate(program, words)[:, 0]  # [N, neurons]
    else:
        words = np.concatenate([port_words(port, inputs, program.steps) for port in program.inputs], axis=2)
        counted = simulate(program, words).sum(axis=0)
    assert len(counted) == n
    return {
        port.name: decode(counted[:, port.neuron], port.coefficient, port.element, port.scale, port.offset)
        for port in program.outputs
    }


def port_words(port: InputPort, inputs: Mapping[str, AnyArray], steps: int) -> AnyArray:
    """int64 ``[steps, N, channels]`` of one port."""
    x = np.asarray(inputs[port.name], dtype=np.float64)
    if port.sequence:
        coded = encode(x.reshape(len(x), steps, -1), port.scale, port.zero, (port.low, port.high)).transpose(1, 0, 2)
        return np.where(port.element < 0, port.high, coded[:, :, port.element])
    q = encode(x.reshape(len(x), -1), port.scale, port.zero, (port.low, port.high))
    q = np.where(port.element < 0, port.high, q[:, port.element])
    return np.stack([spread_step(q, k, steps) if port.code == "spread" else q for k in range(steps)])


def simulate(program: Program, words: AnyArray) -> AnyArray:
    """int64 ``[steps, N, neurons]``: what each neuron gives in each step, for input words ``[steps, N, channels]``."""
    steps, n, _ = words.shape
    L, tiles, table = program.ticks_per_step, program.tiles, program.neurons
    model = find_model(program.model, "oracle")
    chip = program.chip
    constant = np.concatenate([port.element for port in program.inputs]) < 0
    register = np.zeros((n, len(table)), dtype=np.int64)
    for neuron, value, channel in zip(
        *(getattr(program.memory, k) for k in ("neuron", "value", "channel")), strict=True
    ):
        register[:, neuron] = value if channel < 0 else words[0, :, channel]
    state = model.start(table.parameters, (n, len(table)))
    after = {t: register.copy() for t in range(-chip.board.max_delay - 1, 0)}  # registers as they stand after tick t
    given = np.zeros((steps, n, len(table)), dtype=np.int64)
    for t in range(int(tiles.start.max()) + steps * L):
        for i in range(len(tiles)):
            step, phase = divmod(t - int(tiles.start[i]), L)
            if phase or not 0 <= step < steps:
                continue
            block = program.blocks[int(tiles.block[i])].astype(np.int64)
            acc = np.zeros((n, block.shape[1]), dtype=np.int64)
            for row, axon in enumerate(range(int(tiles.axons[i]), int(tiles.axons[i + 1]))):
                source, seen = int(program.axons.source[axon]), t - int(program.axons.delay[axon])
                if source >= 0:
                    value = after[seen][:, source]
                elif constant[-1 - source]:
                    value = words[0, :, -1 - source]
                else:
                    k = (seen + 1) // L
                    value = words[k, :, -1 - source] if 0 <= k < steps else np.full(n, POISON)
                acc += value[:, None] * block[row]
            own = slice(int(tiles.neurons[i]), int(tiles.neurons[i + 1]))
            parameters = {name: values[own] for name, values in table.parameters.items()}
            given_now, state[..., own] = model.step(acc, state[..., own], parameters, chip.widths)
            for column, which in enumerate(program.neurons.table[own]):
                if which >= 0:
                    given_now[:, column] = program.tables[which, given_now[:, column] - parameters["low"][column]]
            register[:, own] = given_now
            given[step, :, own] = register[:, own]
        after[t] = register.copy()
    return given
