"""What a core is built of, below its limits: the pipeline of its logic, its memories, the cells of an analog crossbar.

All of it is optional. What a chip file leaves out is inside the figures of its technology section.
"""

from typing import Annotated, Literal

from pydantic import Field

from neutrams.hardware.figure import Figure, absent
from neutrams.hardware.spec import Spec

MEMORIES = ("weights", "state", "buffer")
"""The memories of a core, by section of the chip file."""

Cycles = Annotated[int, Field(ge=0, le=1 << 20)]
Lanes = Annotated[int, Field(ge=0, le=1 << 20)]
Width = Annotated[int, Field(ge=0, le=1 << 20)]


class PipelineSpec(Spec):
    """The logic of a core, in cycles of ``tick.cycle_s``; what overlaps: `neutrams.hardware.core_times.CoreTimes`.

    Attributes:
        lanes: Weights added in a cycle, in place of ``technology.row_s`` (of listed synapses: ``synapse_s``); 0 = that
            time [count].
        neurons_per_cycle: Neurons updated in a cycle, in place of ``technology.neuron_s``; 0 = that time [count].
        neuron_cycles: Depth of the neuron pipeline: cycles between a neuron's turn and its output [count].
        table_cycles: Further cycles where neurons of the tile look their output up in a table [count].
        axon_cycles: Cycles from a word's arrival to its place in the axon buffer [count].
    """

    lanes: Lanes = 0
    neurons_per_cycle: Lanes = 0
    neuron_cycles: Cycles = 0
    table_cycles: Cycles = 0
    axon_cycles: Cycles = 0


class MemorySpec(Spec):
    """One memory of a core. Of an off-chip one, the core's share.

    Attributes:
        kind: Its technology; ``none`` = it is inside the figures of the technology section, and the keys below do not
            count.
        width_bits: Bits one access reads or writes; 0 = all that is asked for [bit].
        ports: Accesses at a time; banks and requests under way count as ports [count].
        read_s: Time for which a port reads; at least one cycle [s].
        write_s: Time for which a port writes; at least one cycle [s].
        read_j: Energy of a read access [J].
        write_j: Energy of a write access [J].
        leak_w: Leakage of the whole memory [W].
        area_mm2: Its area [mm2].
    """

    kind: Literal["none", "SRAM", "ReRAM", "eDRAM", "off-chip"] = "none"
    width_bits: Width = 0
    ports: Annotated[int, Field(ge=1, le=1 << 20)] = 1
    read_s: Figure | None = None
    write_s: Figure | None = None
    read_j: Figure | None = None
    write_j: Figure | None = None
    leak_w: Figure | None = None
    area_mm2: Figure | None = None

    @property
    def there(self) -> bool:
        """Whether the chip has it apart from its technology section."""
        return self.kind != "none"

    def figure(self, name: str) -> Figure:
        """Return the figure of a key; one of 0 where the chip file does not give it."""
        found: Figure | None = getattr(self, name)
        return found or absent(name)


class CellSpec(Spec):
    """The cells of an analog crossbar, to check its energies by Ohm's law; nothing else is computed from them.

    Attributes:
        cell_bits: Bits of a weight one cell holds; 0 = a whole magnitude [bit].
        on_ohm: Resistance of a cell at its largest conductance; not given = no check [ohm].
        off_ohm: Resistance of a cell at its smallest conductance [ohm].
        read_v: Voltage over a cell while its row is driven [V].
        pulse_s: Time for which a row is driven [s].
    """

    cell_bits: Annotated[int, Field(ge=0, le=15)] = 0
    on_ohm: Figure | None = None
    off_ohm: Figure | None = None
    read_v: Figure | None = None
    pulse_s: Figure | None = None
