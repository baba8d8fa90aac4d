"""The frozen description of a chip. Every number comes from a chip file (`neutrams.hardware.load`)."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from neutrams.base.errors import SpecError
from neutrams.hardware.figure import Figure, absent, user_entry
from neutrams.hardware.parts import MEMORIES, CellSpec, MemorySpec, PipelineSpec
from neutrams.hardware.rules import contradictions
from neutrams.hardware.schema import keys_of
from neutrams.hardware.spec import Bits, Count, Spec
from neutrams.hardware.translate import one_message, problems


class CoreSpec(Spec):
    """One core: a crossbar of synapses feeding a row of neurons.

    Attributes:
        axons: Rows of the crossbar = maximum fan-in [count].
        neurons: Columns [count].
        fan_out: Destination axons (core, row) one neuron may drive [count].
        crossbar: Memory technology of the synapses.
        weight_bits: Width of one stored weight [bit].
        sign_scheme: ``twos_complement`` (-2^(b-1) … 2^(b-1)-1) or ``pair`` (two magnitudes, ±(2^b - 1)).
        accumulator_bits: Signed width the exact sum is clamped to, once (ann mode) [bit].
        bias: ``register`` (an integer a neuron) or ``row`` (an axon that always carries the largest input).
        synapses: ``crossbar`` (an axon reads its whole row) or ``list`` (only its synapses, the weights other than 0).
        synapse_memory_bits: Most bits of weights a core holds: rows x columns, of a list its synapses; 0 = no limit but
            axons x neurons [bit].
        output_entries: Destination entries of a core: one for each of its neurons and each axon (core, row) that it
            drives; 0 = no limit but fan_out x neurons [count].
    """

    axons: Count
    neurons: Count
    fan_out: Count
    crossbar: Literal["SRAM", "ReRAM"]
    weight_bits: Annotated[int, Field(ge=1, le=15)]
    sign_scheme: Literal["twos_complement", "pair"]
    accumulator_bits: Annotated[int, Field(ge=8, le=32)]
    bias: Literal["register", "row"]
    synapses: Literal["crossbar", "list"] = "crossbar"
    synapse_memory_bits: Annotated[int, Field(ge=0, le=1 << 40)] = 0
    output_entries: Annotated[int, Field(ge=0, le=1 << 40)] = 0

    @property
    def synapse_limit(self) -> int:
        """Most weights a core holds [count]; of ``pair`` each takes two magnitudes."""
        if not self.synapse_memory_bits:
            return self.axons * self.neurons
        return self.synapse_memory_bits // (self.weight_bits * (2 if self.sign_scheme == "pair" else 1))

    @property
    def weight_range(self) -> tuple[int, int]:
        """Smallest and largest weight, both included [LSB]."""
        if self.sign_scheme == "pair":
            return -(1 << self.weight_bits) + 1, (1 << self.weight_bits) - 1
        if self.weight_bits == 1:  # binary weights are -1 and 1; 0 marks an unused synapse
            return -1, 1
        return -(1 << (self.weight_bits - 1)), (1 << (self.weight_bits - 1)) - 1

    @property
    def has_zero_weight(self) -> bool:
        """Whether 0 is a weight; binary weights are -1 and 1, and 0 only marks an unused synapse."""
        return self.sign_scheme == "pair" or self.weight_bits > 1

    @property
    def accumulator_range(self) -> tuple[int, int]:
        """Smallest and largest accumulator value, both included [LSB]."""
        return -(1 << (self.accumulator_bits - 1)), (1 << (self.accumulator_bits - 1)) - 1


class NeuronSpec(Spec):
    """What a core's neurons can do.

    Attributes:
        models: Names of neuron models (`neutrams.neurons`); their modes are the chip's modes.
        functions: Activation functions in ann mode beyond clipping; without ``table_bits``, each has a fixed look-up
            table of 2^output_bits entries.
        bias_bits: Signed width of the ann bias [bit]; not used where the bias is a row.
        multiplier_bits: Unsigned width of the requantisation multiplier; 1 = powers of two only [bit].
        shift_bits: Width of the shift: s up to 2^shift_bits - 1 [bit].
        scale: Whether multiplier and shift are one a ``neuron`` or one a ``core``.
        threshold_bits: Signed width of the firing threshold [bit].
        leak_bits: Signed width of the leak [bit].
        potential_bits: Signed width of the potential [bit].
        decay_bits: Width w of a decay d, by which a potential or current loses d / 2^w a step; 0 = none [bit].
        decay_shift_bits: Width of the shift k by which V decays by V / 2^k; 0 = none [bit].
        synaptic_bits: Signed width of the synaptic current; 0 = none [bit].
        refractory_bits: Width of the refractory period, in steps; 0 = none [bit].
        exponent_bits: Width of the exponent e of a leaky neuron, whose sums count 2^e times; 0 = none [bit].
        table_bits: Index width of a core's look-up tables of any function in ann mode; 0 = none [bit].
        definitions: Texts of user-defined neuron models; where ``models`` names a file, loading puts its text here.
    """

    models: tuple[str, ...]
    functions: tuple[str, ...]
    bias_bits: Bits
    multiplier_bits: Annotated[int, Field(ge=1, le=20)]
    shift_bits: Annotated[int, Field(ge=1, le=6)]
    scale: Literal["neuron", "core"]
    threshold_bits: Annotated[int, Field(ge=2, le=32)]
    leak_bits: Bits
    potential_bits: Annotated[int, Field(ge=8, le=32)]
    decay_bits: Annotated[int, Field(ge=0, le=16)] = 0
    decay_shift_bits: Annotated[int, Field(ge=0, le=5)] = 0
    synaptic_bits: Annotated[int, Field(ge=0, le=32)] = 0
    refractory_bits: Annotated[int, Field(ge=0, le=16)] = 0
    exponent_bits: Annotated[int, Field(ge=0, le=3)] = 0
    table_bits: Annotated[int, Field(ge=0, le=12)] = 0
    definitions: tuple[str, ...] = ()

    @property
    def potential_range(self) -> tuple[int, int]:
        """Smallest and largest potential, both included [LSB]."""
        return -(1 << (self.potential_bits - 1)), (1 << (self.potential_bits - 1)) - 1


class SignalSpec(Spec):
    """What travels between cores and to the outside.

    Attributes:
        input_bits: Unsigned width of an axon's value in ann mode [bit].
        output_bits: Width of a neuron's output in ann mode, unsigned unless it is a signed partial sum [bit].
        partial_sums: ``signed`` where a neuron may send, and an axon take, a signed value of ``output_bits``.
        current_bits: Unsigned width of a constant input current in snn mode; 1 = spikes only [bit].
        graded_bits: Signed width of a graded output that an axon takes in snn mode; 0 = axons take spikes only [bit].
        skip_zero: Whether an ann neuron whose output is 0 sends nothing.
        read_potential: Whether the host can read potentials of neurons after the last step of a sample (snn mode).
    """

    input_bits: Annotated[int, Field(ge=1, le=16)]
    output_bits: Annotated[int, Field(ge=1, le=16)]
    partial_sums: Literal["none", "signed"]
    current_bits: Annotated[int, Field(ge=1, le=16)]
    graded_bits: Annotated[int, Field(ge=0, le=32)] = 0
    skip_zero: bool = False
    read_potential: bool = False

    @property
    def output_range(self) -> tuple[int, int]:
        """Smallest and largest value of an ordinary (unsigned) ann output."""
        return 0, (1 << self.output_bits) - 1

    @property
    def partial_range(self) -> tuple[int, int]:
        """Smallest and largest value of a signed partial sum."""
        return -(1 << (self.output_bits - 1)), (1 << (self.output_bits - 1)) - 1


class BoardSpec(Spec):
    """How cores are joined.

    Attributes:
        topology: ``mesh`` (dimension order, x before y), ``torus`` (a mesh that wraps around the board; the shorter
            way), ``ring`` (routers in the order of their numbers; the shorter way), ``tree``, ``fat_tree`` (as many
            ways up at a router as down), ``graph`` (of ``links``) or ``bus`` (every transfer is one hop).
        rows: Rows of cores on one chip [count].
        columns: Columns of cores on one chip [count].
        chips: Most chips a board may have [count]; chips stand in a square grid as tight as possible.
        max_delay: Longest axon delay [tick].
        virtual_tiles: How many tiles of one weight block and start tick a core may serve in turn within a tick,
            each with axons and neurons of its own; 1 = no time-multiplexing [count].
        multicast: ``tree`` (in the network) or ``copy`` (one packet a destination).
        dead_cores: Cores not to be used, by number (see `neutrams.hardware.geometry.Board`).
        dead_links: Links not to be used, by the routers they join, ``0-1``; neither way.
        cores_per_router: How many cores of a row, one after another, share a router, and exchange words without a
            link [count].
        arity: Children of a router in a tree or fat tree, k [count].
        links: Links of a graph, both ways, between routers by number: ``0-1``, or ``0-1@3`` for one of 3 x ``link_s``.
    """

    topology: Literal["mesh", "torus", "ring", "tree", "fat_tree", "graph", "bus"]
    rows: Count
    columns: Count
    chips: Count
    max_delay: Annotated[int, Field(ge=1, le=64)]
    virtual_tiles: Annotated[int, Field(ge=1, le=1024)]
    multicast: Literal["tree", "copy"]
    dead_cores: tuple[int, ...] = ()
    dead_links: tuple[str, ...] = ()
    cores_per_router: Annotated[int, Field(ge=1, le=64)] = 1
    arity: Annotated[int, Field(ge=2, le=64)] = 4
    links: tuple[str, ...] = ()


class NocSpec(Spec):
    """Flits, and at level ``cycle`` routers: wormhole switching, credits, dimension order.

    Attributes:
        flit_bits: Width of a flit; a word or spike with its address takes as many as hold it [bit].
        virtual_channels: Virtual channels of a link [count].
        buffer_flits: Room of a virtual channel at the end of a link [count].
        link_bits: Width of a link on a chip, over which a flit takes as many times its time as it is wider; 0 = that of
            a flit [bit].
        chip_link_bits: Width of a link between chips, likewise [bit].
        output_queue: Words that wait at a core for the network, after which it stops sending; 0 = any number [count].
        table_entries: Entries (key, mask, ports) of a router's table, by which it replicates words of multicast trees;
            0 = routers know the trees without tables [count].
        key_bits: Width of a key, place of the neuron in its flow included [bit].
        default_route: Whether a word that no entry matches goes straight on.
    """

    flit_bits: Annotated[int, Field(ge=1, le=1024)]
    virtual_channels: Annotated[int, Field(ge=1, le=16)] = 2
    buffer_flits: Annotated[int, Field(ge=1, le=1024)] = 4
    link_bits: Annotated[int, Field(ge=0, le=1024)] = 0
    chip_link_bits: Annotated[int, Field(ge=0, le=1024)] = 0
    output_queue: Annotated[int, Field(ge=0, le=1 << 20)] = 0
    table_entries: Annotated[int, Field(ge=0, le=1 << 30)] = 0
    key_bits: Annotated[int, Field(ge=1, le=62)] = 32
    default_route: bool = False


class TickSpec(Spec):
    """The barrier period, and the clock below it.

    Attributes:
        ann_s: Period in ann mode [s]; 0 = as short as the work allows.
        snn_s: Period in snn mode [s]; 0 = as short as the work allows.
        cycle_s: Clock period of cores and network, for level ``cycle`` [s]; 0 = the time of a link.
        late: What becomes of words that arrive after a fixed period, at level ``cycle``: they are only counted
            (``wait``), they are seen one tick later (``late``), or never (``lost``).
    """

    ann_s: Annotated[float, Field(ge=0)]
    snn_s: Annotated[float, Field(ge=0)]
    cycle_s: Annotated[float, Field(ge=0)] = 0.0
    late: Literal["wait", "late", "lost"] = "wait"


LIKE = {"link_y_j": "link_j", "link_y_s": "link_s", "idle_neuron_j": "neuron_j", "idle_neuron_s": "neuron_s"}
"""Technology keys that hold the figure of another where a chip has none of its own."""


class TechnologySpec(Spec):
    """Energy [J], latency [s], leakage [W] and area [mm2] per event or component.

    A neuron is *idle* in a tick in which it is updated though no axon of its tile carries anything: no spike, and no
    constant current of an input other than 0. What its own leak does to it makes no difference.

    Attributes:
        axon_j: Take one word or spike into a core.
        synapse_j: Read and add one weight (one row and column).
        array_j: One whole-array product (analog crossbars), beside ``synapse_j``.
        neuron_j: Update one neuron.
        router_j: One flit through one router (or one bus transfer).
        link_j: One flit over one link between neighbouring cores of a chip.
        chip_link_j: One flit over a link between chips.
        input_j: One word or spike from outside into the chip, once for each core it is delivered to.
        output_j: One word or spike out of the chip.
        row_s: Serve one active row.
        array_s: One whole-array product.
        neuron_s: Update one neuron (neurons of a core follow one another).
        router_s: Pass one router.
        link_s: Pass one link; also the time one flit occupies it.
        chip_link_s: Pass one link between chips.
        core_w: Leakage of one core.
        router_w: Leakage of one router.
        core_mm2: Area of one core.
        router_mm2: Area of one router.
        inject_j: One word or spike sent to another core, also to one at the same router (one a destination where
            multicast copies); none = 0.
        link_y_j: One flit over a link along y of a chip; none = ``link_j``.
        idle_neuron_j: Update one idle neuron; none = ``neuron_j``.
        inject_s: Enter the network, before the first router; none = 0.
        link_y_s: Pass a link along y of a chip; none = ``link_s``.
        idle_neuron_s: Update one idle neuron; none = ``neuron_s``.
        synapse_s: One synapse of an active row, after ``row_s``, where ``core.synapses`` is ``list``; none = 0.
        barrier_s: End of a tick with one router in use; none = 0.
        barrier_router_s: What each further router in use adds to it; none = 0.
    """

    axon_j: Figure
    synapse_j: Figure
    array_j: Figure
    neuron_j: Figure
    router_j: Figure
    link_j: Figure
    chip_link_j: Figure
    input_j: Figure
    output_j: Figure
    row_s: Figure
    array_s: Figure
    neuron_s: Figure
    router_s: Figure
    link_s: Figure
    chip_link_s: Figure
    core_w: Figure
    router_w: Figure
    core_mm2: Figure
    router_mm2: Figure
    inject_j: Figure | None = None
    link_y_j: Figure | None = None
    idle_neuron_j: Figure | None = None
    inject_s: Figure | None = None
    link_y_s: Figure | None = None
    idle_neuron_s: Figure | None = None
    synapse_s: Figure | None = None
    barrier_s: Figure | None = None
    barrier_router_s: Figure | None = None

    def figure(self, name: str) -> Figure:
        """Return the figure of a key; where the chip has none, the one it stands for: see the keys above."""
        found: Figure | None = getattr(self, name) or getattr(self, LIKE.get(name, name))
        return found or absent(name)

    def number(self, name: str) -> float:
        """Return the nominal value of `figure`."""
        return float(self.figure(name).value)


class Chip(Spec):
    """A chip: limits, organisation, timing and technology.

    Attributes:
        name: Its short name.
        description: One paragraph, for people.
        pipeline: Cycles of a core's logic.
        weights: The synapse memory of a core, read row by row.
        state: The memory of its neurons' parameters and states.
        buffer: The memory in which words wait for the tick that reads them.
        cell: Cells of an analog crossbar.
        figures: Every number that the chip file gives or the user set, by its dotted key (``core.axons``), with unit,
            kind and source.
    """

    name: Annotated[str, Field(min_length=1)]
    description: str
    core: CoreSpec
    neuron: NeuronSpec
    signal: SignalSpec
    board: BoardSpec
    noc: NocSpec
    tick: TickSpec
    technology: TechnologySpec = Field(repr=False)
    pipeline: PipelineSpec = PipelineSpec()
    weights: MemorySpec = Field(default=MemorySpec(), repr=False)
    state: MemorySpec = Field(default=MemorySpec(), repr=False)
    buffer: MemorySpec = Field(default=MemorySpec(), repr=False)
    cell: CellSpec = Field(default=CellSpec(), repr=False)
    figures: Mapping[str, Figure] = Field(repr=False)

    def memories(self) -> dict[str, MemorySpec]:
        """Return the memories that the chip has apart from its technology section, by name."""
        found = {name: getattr(self, name) for name in MEMORIES}
        return {name: memory for name, memory in found.items() if memory.there}

    @property
    def widths(self) -> dict[str, int]:
        """Width of every register that a neuron model can have, by chip key without its section [bit]."""
        own = {name: getattr(self.neuron, name) for name in NeuronSpec.model_fields if name.endswith("_bits")}
        return {"accumulator_bits": self.core.accumulator_bits, **own}

    def register_range(self, mode: str) -> tuple[int, int]:
        """Smallest and largest value, both included, of the accumulator (``ann``) or the potential (``snn``) [LSB]."""
        return self.core.accumulator_range if mode == "ann" else self.neuron.potential_range

    def index_bits(self, function: str) -> int:
        """Index width of the look-up table by which neurons apply ``function`` in ann mode; 0: there is none [bit]."""
        return self.neuron.table_bits or (self.signal.output_bits if function in self.neuron.functions else 0)

    def with_values(self, **sections: Mapping[str, object]) -> "Chip":
        """Return a copy with plain values replaced: ``chip.with_values(core={"axons": 64})``. Validates again.

        The figure of a changed number becomes the user's; an energy, time, power or area may be given as a number or
        a `Figure`.

        Raises:
            SpecError: A key is unknown, a value out of range, or two contradict each other; names all of them.
        """
        data: dict[str, Any] = self.model_dump()
        for section, values in sections.items():
            data[section] = {**data.get(section, {}), **values}
            for name, value in values.items():
                key = f"{section}.{name}"
                figure = self.figures.get(key)
                if figure is not None and value != figure.value:
                    data["figures"].pop(key, None)
                about = keys_of(Chip).get(key)
                if about is not None and about.form == "figure" and isinstance(value, int | float):
                    same = figure is not None and value == figure.value
                    data[section][name] = figure if same else user_entry(key, value)
        try:
            return Chip.model_validate(data)
        except ValidationError as error:
            found = problems(error, Chip)
            raise SpecError(
                one_message(found), where=f"chip {self.name!r}", fix="give values in the ranges named"
            ) from None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Give every number that is not a default a figure (the user's); refuse what contradicts itself."""
        object.__setattr__(self, "figures", self._all_figures())
        found = contradictions(self)
        if found:
            raise ValueError("\n".join(found))
        return self

    def _all_figures(self) -> dict[str, Figure]:
        figures = dict(self.figures)
        for key, about in keys_of(Chip).items():
            section, _, name = key.partition(".")
            value = getattr(getattr(self, section), name) if name else None
            if key in figures or not about.is_number or value == about.default:
                continue
            figures[key] = value if isinstance(value, Figure) else Figure.model_validate(user_entry(key, value))
        return figures
