"""What a chip remembers between pieces of a sequence, so that a stream gives what one run does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import InputError
from neutrams.neurons import find_model
from neutrams.program import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Registers and states after the last step.

    Attributes:
        registers: int64 ``[N, neurons]``, what each neuron gave [LSB].
        states: int64 ``[N, S, neurons]``, the S states of the neuron model [LSB].
    """

    registers: IntArray
    states: IntArray

    def part(self, samples: slice) -> "Memory":
        """Return that of some samples."""
        return Memory(registers=self.registers[samples], states=self.states[samples])


def join_memories(parts: Sequence[Memory]) -> Memory | None:
    """Return the memory of consecutive samples; None where there are none."""
    if not parts:
        return None
    return Memory(
        registers=np.concatenate([part.registers for part in parts]),
        states=np.concatenate([part.states for part in parts]),
    )


def check_memory(program: Program, memory: Memory, samples: int) -> None:
    """Refuse a memory that is not this program's, or of other samples.

    Raises:
        InputError: It is of another size, or the program takes no sequence.
    """
    neurons = len(program.neurons)
    model = find_model(program.model, "program", program.chip.neuron.definitions)
    wanted = ((samples, neurons), (samples, len(model.states), neurons))
    found = (memory.registers.shape, memory.states.shape)
    if not program.sequential or found != wanted:
        shapes = f"its arrays have shapes {found}, wanted are {wanted}"
        what = shapes if program.sequential else "samples are no sequences"
        raise InputError(
            what, where="simulate, memory", fix="give what the run before gave for the same program and samples"
        )


def first_registers(program: Program, q: IntArray) -> IntArray:
    """Return what registers hold before the first step, int64 ``[neurons + channels, n]``.

    Args:
        program: The program.
        q: int64 ``[channels, n]``, what the channels bring in the first step.
    """
    memory = program.memory
    held = np.zeros((len(program.neurons) + program.channels, q.shape[1]), dtype=np.int64)
    held[memory.neuron] = np.where(memory.channel[:, None] < 0, memory.value[:, None], q[memory.channel])
    return held
