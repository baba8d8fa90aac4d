"""What a chip's values must satisfy together: the contradictions no single range can show."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from neutrams.base.errors import SpecError
from neutrams.hardware.detours import Detours
from neutrams.hardware.figure import Figure, unit_of
from neutrams.hardware.geometry import Board
from neutrams.hardware.grids import near_square
from neutrams.neurons import NeuronModel, models
from neutrams.neurons.defined import define
from neutrams.neurons.defined_check import problems

if TYPE_CHECKING:
    from neutrams.hardware.chip import Chip

FUNCTIONS = (
    "identity", "relu", "leaky_relu", "clip", "sigmoid", "tanh", "elu", "selu", "hard_sigmoid", "hard_swish", "silu",
    "gelu", "gelu_tanh", "mish", "softplus", "softsign", "erf", "exp", "log", "sqrt", "reciprocal", "power", "abs",
)  # fmt: skip
"""Activation functions a chip file may name; `neutrams.network.ops.FUNCTIONS` says what they are."""

MOST = 1e3
"""Largest energy, time, power, area or voltage taken for serious, in J, s, W, mm2 or V."""

MOST_OHM = 1e12
"""Largest resistance taken for serious [ohm]."""

LEAST_TICK_S = 1e-12
"""Smallest tick taken for serious, beside 0 [s]."""

MOST_NAMED = 8
"""Cores or links that a message names [count]."""

MOST_CORES = {"a chip": 1 << 16, "a board": 1 << 31}
"""Cores that may be listed one by one, and that may be numbered in pairs within 63 bits [count]."""


def contradictions(chip: "Chip") -> list[str]:
    """Return each violated rule in one sentence that names the keys, their values and what is allowed."""
    return [*_neuron_rules(chip), *_signal_rules(chip), *_board_rules(chip), *_tick_rules(chip), *_figure_rules(chip)]


def _neuron_rules(chip: "Chip") -> Iterator[str]:
    neuron = chip.neuron
    known, wrong = _known_models(chip)
    yield from wrong
    for name in neuron.models:
        if name not in known:
            yield f"neuron.models names {name!r}, there are {', '.join(sorted(known))}"
        else:
            yield from _missing_registers(chip, known[name])
    if not neuron.models:
        yield f"neuron.models is empty, at least one of {', '.join(sorted(known))} is needed"
    for name in neuron.functions:
        if name not in FUNCTIONS:
            yield f"neuron.functions names {name!r}, there are {', '.join(FUNCTIONS)}"
    for key, names in (("neuron.models", neuron.models), ("neuron.functions", neuron.functions)):
        for name in dict.fromkeys(n for n in names if names.count(n) > 1):
            yield f"{key} names {name!r} twice, once is allowed"
    if neuron.functions and not any(known[n].mode == "ann" for n in neuron.models if n in known):
        yield "neuron.functions is not empty, but neuron.models has no model of ann mode (requantize) to apply them"


def _known_models(chip: "Chip") -> tuple[dict[str, NeuronModel], list[str]]:
    """The models by name, those that the chip defines among them, and what is wrong with its definitions."""
    found: dict[str, NeuronModel] = dict(models())
    wrong = []
    for text in chip.neuron.definitions:
        try:
            definition = define(text)
        except SpecError as error:
            wrong.append(f"neuron.definitions: {error.where}: {error.what}")
            continue
        model = definition.model
        if model.name in found:
            wrong.append(f"neuron.definitions holds {model.name!r} twice, once is allowed")
        found[model.name] = model
        if model.name in chip.neuron.models and not any(_missing_registers(chip, model)):
            wrong += problems(definition, chip.widths)
    return found, wrong


def _missing_registers(chip: "Chip", model: NeuronModel) -> Iterator[str]:
    """A model's registers must be there; a refractory period or an exponent of no bits is none."""
    for width in dict.fromkeys([*(s.width for s in model.states), *(p.width for p in model.parameters)]):
        least = 2 if width == "synaptic_bits" else 1
        if width not in ("refractory_bits", "exponent_bits") and chip.widths.get(width, least) < least:
            yield f"neuron.{width} is {chip.widths[width]}, the neuron model {model.name!r} needs {least} and above"


def _signal_rules(chip: "Chip") -> Iterator[str]:
    if chip.signal.partial_sums == "signed" and chip.signal.output_bits < 2:
        yield f"signal.output_bits is {chip.signal.output_bits}, signed partial sums need 2 and above"
    if chip.core.bias == "row" and chip.core.axons < 2:
        yield f"core.axons is {chip.core.axons}, a bias row needs 2 and above"


def _board_rules(chip: "Chip") -> Iterator[str]:
    board = chip.board
    area, most = board.rows * board.columns, MOST_CORES["a chip"]
    cores = area * board.chips
    if area > most:
        yield f"board.rows x columns is {board.rows} x {board.columns} = {area} cores a chip, allowed are {most}"
    if cores > MOST_CORES["a board"]:
        yield f"board.rows x columns x chips is {cores} cores, allowed are {MOST_CORES['a board']}"
    wrong = [core for core in board.dead_cores if not 0 <= core < cores]
    if wrong:
        yield f"board.dead_cores names core {wrong[0]}, the board has cores 0 to {cores - 1}"
    if len(set(board.dead_cores)) >= cores:
        yield f"board.dead_cores names all {cores} cores, at least one must be alive"
    if board.columns % board.cores_per_router:
        yield f"board.columns is {board.columns}, board.cores_per_router {board.cores_per_router} does not divide it"
    elif area <= most and cores <= MOST_CORES["a board"]:
        yield from _network_rules(chip)


def _network_rules(chip: "Chip") -> Iterator[str]:
    """What a topology needs of the board, and of virtual channels to be free of deadlock."""
    board, topology = chip.board, chip.board.topology
    side = near_square(board.chips)
    if topology == "torus" and board.chips % side:
        yield f"board.chips is {board.chips}, in a torus rows of {side} chips must be full"
        return
    if board.links and topology != "graph":
        yield f"board.links names {len(board.links)} links, board.topology is {topology!r}; only a graph has them"
    if board.dead_links and topology == "bus":
        yield f"board.dead_links names {len(board.dead_links)} links, a bus has none between routers"
        return
    try:
        ways = Board.of(chip).ways
    except SpecError as error:
        yield f"{error.where}: {error.what}; {error.fix}"
        return
    classes, routers, most = ways.class_count, ways.routers, MOST_CORES["a board"]
    if routers > most:
        cores = board.rows * board.columns * board.chips
        yield f"this {topology} of {cores} cores has {routers} routers, allowed are {most}"
    if isinstance(ways, Detours):
        yield from _cut_off(chip, ways)
    yield from _table_rules(chip)
    channels = chip.noc.virtual_channels
    if channels % classes:
        yield f"noc.virtual_channels is {channels}, without deadlock this {topology} works with multiples of {classes}"


def _table_rules(chip: "Chip") -> Iterator[str]:
    """Tables hold multicast trees between routers; straight on is a way of a mesh, where no entry matches."""
    entries, board = chip.noc.table_entries, chip.board
    if entries and board.multicast != "tree":
        yield f"noc.table_entries is {entries}, board.multicast is {board.multicast!r}; only trees need tables"
    if entries and board.topology == "bus":
        yield f"noc.table_entries is {entries}, a bus has no routers; set it to 0"
    if chip.noc.default_route and not entries:
        yield "noc.default_route is true, noc.table_entries is 0; without tables there is no default"
    if chip.noc.default_route and board.topology != "mesh":
        yield f"noc.default_route is true, board.topology is {board.topology!r}; words go straight on only on a mesh"


def _cut_off(chip: "Chip", ways: Detours) -> Iterator[str]:
    """Cores that work and cannot be reached, and the dead links that would reach them."""
    cores = np.setdiff1d(np.arange(Board.of(chip).cores), np.array(chip.board.dead_cores, dtype=np.int64))
    lost = cores[~ways.reached[Board.of(chip).router_of(cores)]].tolist()
    if lost:
        cut = [f"{a}-{b}" for a, b in ways.dead.tolist() if ways.reached[a] != ways.reached[b]]
        names = ", ".join(str(core) for core in lost[:MOST_NAMED]) + (" and so on" if len(lost) > MOST_NAMED else "")
        yield (
            f"board.dead_links cuts {len(lost)} cores off ({names}), whose links were {', '.join(cut[:MOST_NAMED])}: "
            "name these cores in board.dead_cores, or leave one of the links out"
        )


def _tick_rules(chip: "Chip") -> Iterator[str]:
    for name, value in chip.tick:
        if isinstance(value, float) and value and not LEAST_TICK_S <= value <= MOST:
            yield f"tick.{name} is {value:g}, allowed are 0 and {LEAST_TICK_S:g} to {MOST:g}"


def _figure_rules(chip: "Chip") -> Iterator[str]:
    for key, figure in chip.figures.items():
        section, _, name = key.partition(".")
        value = getattr(getattr(chip, section, None), name, None)
        if value is None:
            yield f"{key} is not a key of a chip"
            continue
        if figure.unit != unit_of(key):
            yield f"{key}.unit is {figure.unit!r}, allowed is {unit_of(key)!r}"
        whole = isinstance(value, Figure)
        if whole:
            (low, _, high), most = figure.band, MOST_OHM if figure.unit == "ohm" else MOST
            if low < 0 or high > most:
                yield f"{key} is {figure.value} (band {low} to {high}), allowed are 0 to {most:g}"
        same = figure if whole else figure.value
        if same != value:
            yield f"{key} is {value}, but its figure says {same}"
