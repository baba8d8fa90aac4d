"""The tables of a program: structure of arrays, integers only, beside the chip they were made for.

Numbers that name things: a *neuron* is its row in the neuron table (0 …), a *channel* is a row of an input port, a
*tile* a row of the tile table, a *core* a position on the board (see `neutrams.hardware.geometry.Board`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, IntArray, frozen
from neutrams.hardware import Chip
from neutrams.neurons import models


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Table:
    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                object.__setattr__(self, f.name, frozen(value))
            elif isinstance(value, Mapping):
                object.__setattr__(self, f.name, {k: frozen(v) for k, v in value.items()})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TileTable(_Table):
    """Tiles: one crossbar's load each, numbered 0 … tiles-1.

    Attributes:
        block: int64 ``[tiles]``, which weight block it holds.
        core: int64 ``[tiles]``, the physical core it sits on.
        start: int64 ``[tiles]``, start tick s: it updates in ticks s + k L only.
        axons: int64 ``[tiles + 1]``, its axons are rows ``axons[i]:axons[i+1]`` of the axon table, in row order of
            the block.
        neurons: int64 ``[tiles + 1]``, its neurons likewise, in column order of the block.
    """

    block: IntArray
    core: IntArray
    start: IntArray
    axons: IntArray
    neurons: IntArray

    def __len__(self) -> int:
        return len(self.block)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AxonTable(_Table):
    """Axons of all tiles, one after another.

    Attributes:
        source: int64 ``[axons]``; >= 0: a neuron; < 0: input channel ``-1 - source``.
        delay: int64 ``[axons]``, d >= 1: in tick t it reads its source's register as it stood after tick t - d.
        lag: int64 ``[axons]``, how many steps before its own it reads: 1 where a state is fed back; empty: 0.
    """

    source: IntArray
    delay: IntArray
    lag: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NeuronTable(_Table):
    """Neurons of all tiles, one after another.

    Attributes:
        parameters: int64 ``[neurons]`` for each parameter of the program's neuron model.
        scale: float64 ``[neurons]``, source units per LSB (ann) or at one spike a step (snn).
        zero: float64 ``[neurons]``, source units; value = scale * mean output + zero.
        origin: int64 ``[neurons]``, which of ``Program.origins`` it stands for.
        element: int64 ``[neurons]``, which element of that tensor (C order).
        table: int64 ``[neurons]``, which of ``Program.tables`` it looks its output up in, -1 for none; empty where no
            neuron has one.
    """

    parameters: Mapping[str, IntArray]
    scale: FloatArray
    zero: FloatArray
    origin: IntArray
    element: IntArray
    table: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.scale)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MemoryTable(_Table):
    """What registers hold before their first step, where that is not 0.

    Attributes:
        neuron: int64 ``[rows]``, whose register; each once.
        value: int64 ``[rows]`` [LSB].
        channel: int64 ``[rows]``, the input channel that gives it instead; -1 for none.
    """

    neuron: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    value: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    channel: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.neuron)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InputPort(_Table):
    """How one input tensor enters: channel c carries element ``element[c]``, coded as `network.ops.Encode` says.

    Attributes:
        name: The model's name for the tensor.
        shape: Its per-sample shape; ``(T, *shape of a step)`` for a sequence.
        first: Number of this port's first channel; its channels follow one another.
        element: int64 ``[channels]``, element of the flattened tensor, of a sequence that of each step; -1: the channel
            always carries ``high``.
        scale: Source units per LSB.
        zero: Source units of integer 0.
        low: Smallest integer.
        high: Largest integer.
        code: ``level`` or ``spread``.
        sequence: Whether each step presents its own part of the tensor, along the first axis.
    """

    name: str
    shape: tuple[int, ...]
    first: int
    element: IntArray
    scale: float
    zero: float
    low: int
    high: int
    code: str
    sequence: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutputPort(_Table):
    """How one output vector leaves: y[e] = scale[e] * sum(coefficient * count, over rows with element e) + offset[e].

    Attributes:
        name: The model's name for the tensor.
        neuron: int64 ``[rows]``, the neuron whose outputs are counted over the T steps, or given at each one.
        coefficient: int64 ``[rows]``.
        element: int64 ``[rows]``.
        scale: float64 ``[elements]``, source units per count.
        offset: float64 ``[elements]``, source units.
        sequence: Whether each step gives a vector of its own.
        potential: Whether potentials after the last step, or after each one, are read in place of counts.
    """

    name: str
    neuron: IntArray
    coefficient: IntArray
    element: IntArray
    scale: FloatArray
    offset: FloatArray
    sequence: bool = False
    potential: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RouteTable(_Table):
    """Routes between cores: a *flow* is all neurons of a tile that reach the same cores, as one multicast tree.

    Attributes:
        tile: int64 ``[flows]``, the sending tile; -1: the flow comes from outside (input channels).
        links: int64 ``[flows + 1]``, its links are rows ``links[i]:links[i+1]`` of ``link_from`` and ``link_to``.
        link_from: int64, router a flit leaves (see `neutrams.hardware.geometry.Board`).
        link_to: int64, router it enters; each link of a flow once (multicast ``tree``) or once a destination
            (``copy``).
        sources: int64 ``[flows + 1]``, its sending neurons are rows ``sources[i]:sources[i+1]`` of ``source``.
        source: int64, neuron (or ``-1 - channel``) that sends.
    """

    tile: IntArray
    links: IntArray
    link_from: IntArray
    link_to: IntArray
    sources: IntArray
    source: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RouterTable(_Table):
    """Tables of routers: what the first entry of a router says that matches the key of a flow, is done with it.

    An entry matches where ``key & mask == value``. Where none matches, the flow goes straight on, on a chip with
    ``noc.default_route``. The key of a packet is that of its flow, and below it the place of the neuron in the flow,
    which no router compares. Empty where ``noc.table_entries`` is 0.

    Attributes:
        key: int64 ``[flows]``, the key of each flow of `RouteTable`; -1 where it does not leave its core.
        router: int64 ``[entries]``, whose entry it is; ascending, those of one router in their order.
        value: int64 ``[entries]``.
        mask: int64 ``[entries]``.
        ports: int64 ``[entries + 1]``, where it sends to are rows ``ports[i]:ports[i+1]`` of ``port``.
        port: int64, the router at the other end of a link, or ``-1 - core`` for a core of this router; each once.
    """

    key: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    router: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    value: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    mask: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    ports: IntArray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    port: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """What a chip is loaded with; the simulator reads nothing else.

    Attributes:
        chip: The chip it was made for.
        model: Name of the neuron model all its neurons follow; its mode is the program's mode.
        steps: T, steps a sample; 1 in ann mode, if it is no sequence.
        ticks_per_step: L.
        blocks: Integer weight blocks ``[axons, neurons]``, int8 where they fit, else int16; a shared one is stored
            once.
        tiles: The tiles.
        axons: Their axons.
        neurons: Their neurons.
        origins: Names of source tensors and parts, referred to by ``neurons.origin``: ``"fc1"``, ``"fc1 [2/4 +]"``,
            ``"fc1 [relay]"``.
        inputs: Input ports; their channels are numbered through.
        outputs: Output ports.
        routes: Routes.
        tables: int64 ``[K, entries]``, look-up tables of ann neurons, each stored once; see `network.ops.Neuron`.
        memory: What registers hold before the first step.
        routers: Tables of routers, where the chip has them.
    """

    chip: Chip
    model: str
    steps: int
    ticks_per_step: int
    blocks: tuple[AnyArray, ...]
    tiles: TileTable
    axons: AxonTable
    neurons: NeuronTable
    origins: tuple[str, ...]
    inputs: tuple[InputPort, ...]
    outputs: tuple[OutputPort, ...]
    routes: RouteTable
    tables: IntArray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    memory: MemoryTable = field(default_factory=MemoryTable)
    routers: RouterTable = field(default_factory=RouterTable)

    @property
    def sequential(self) -> bool:
        """Whether a sample is a sequence: each step takes and gives something of its own."""
        return any(port.sequence for port in self.inputs) or any(port.sequence for port in self.outputs)

    @property
    def lookup(self) -> IntArray:
        """int64 ``[neurons]``: the table of each neuron, -1 for none."""
        table = self.neurons.table
        return table if len(table) else np.full(len(self.neurons), -1, dtype=np.int64)

    @property
    def output_limits(self) -> tuple[IntArray, IntArray]:
        """Smallest and largest output of each neuron of ann mode, int64 ``[neurons]`` each [LSB]."""
        low, high = self.neurons.parameters["low"], self.neurons.parameters["high"]
        table = self.lookup
        if (table < 0).all():
            return low, high
        least, most = (self.tables.min(axis=1)[table], self.tables.max(axis=1)[table])
        return np.where(table < 0, low, least), np.where(table < 0, high, most)

    @property
    def mode(self) -> str:
        """``ann`` or ``snn``; ``snn`` for a model that is not known, which `verify_program` refuses."""
        found = models(self.chip.neuron.definitions).get(self.model)
        return "snn" if found is None else found.mode

    @property
    def channels(self) -> int:
        """Input channels of all ports."""
        return sum(len(port.element) for port in self.inputs)
