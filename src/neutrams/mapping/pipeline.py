"""From a transformed network to a program: partition, pack, fan-out, schedule, place, route, emit.

What does not depend on where tiles lie is a `Plan`; it can be placed more than once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from neutrams.base.arrays import AnyArray, FloatArray, IntArray
from neutrams.base.errors import SpecError
from neutrams.hardware import Board, Chip
from neutrams.mapping.annealing import MOST_EFFORT
from neutrams.mapping.bundle import bundle_tiles, distinct_blocks
from neutrams.mapping.draft import AUTO
from neutrams.mapping.emit import Layout, emit_program
from neutrams.mapping.fan_out import Wiring, wire
from neutrams.mapping.flows import Flows, find_flows
from neutrams.mapping.joint import joint_draft
from neutrams.mapping.orders import sequential_cores
from neutrams.mapping.pins import Pins, pins_of
from neutrams.mapping.place import crossing_cost, place_tiles
from neutrams.mapping.remedies import fitting_draft
from neutrams.mapping.route import Links, find_links, load_of, weigh
from neutrams.mapping.schedule import Schedule, schedule
from neutrams.mapping.spread import spread_links
from neutrams.mapping.stats import MappingStats, count_program
from neutrams.mapping.table_limits import first_that_fits, with_tables, within_entries
from neutrams.mapping.traffic import core_traffic, flow_amounts, signal_activity, tree_traffic
from neutrams.mapping.units import Units, read_units
from neutrams.network import Network
from neutrams.program.tables import Program, RouterTable


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedResult:
    """A program and its figures.

    Attributes:
        program: What the chip is loaded with.
        stats: Cores, utilization, hops.
        cores: int64 ``[bundles]``, the core of the tiles that share one.
    """

    program: Program
    stats: MappingStats
    cores: IntArray


def map_network(
    network: Network,
    chip: Chip,
    activity: Mapping[str, FloatArray] | None = None,
    effort: int = 1,
    seed: int = 0,
    multiplex: str = AUTO,
    pins: Pins | None = None,
) -> MappedResult:
    """Put a transformed network on the cores of a board; values never change by it.

    Args:
        network: In core operators (`network.ops`), within the chip's fan-in, widths and models.
        chip: The chip; ``board.chips`` bounds the board.
        activity: Mean words or spikes a sample, float64 ``[n]`` or in the node's shape, by name of a `Neuron` or
            `Encode`; by default one a step. It decides what is near to what only.
        effort: 0 … 3, how much search to spend; never a clock.
        seed: Of the search. Same arguments, same bytes.
        multiplex: How many tiles of one weight block a core serves in a tick, where ``board.virtual_tiles`` allows more
            than one: ``auto``, as few as the board has room for; ``most``, so many that fewest cores are taken; or at
            most a number.
        pins: Layers whose neurons must be on given cores.

    Raises:
        CapacityError: It does not fit: names resource, shortfall and layer.
        UnsupportedError: The network is not in core operators.
        SpecError: ``effort`` or ``multiplex`` is out of range, or pins contradict each other or the board.
    """
    return plan_network(network, chip, activity, effort=effort, seed=seed, multiplex=multiplex, pins=pins).placed()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """A mapping up to the places of its tiles.

    Attributes:
        chip: The chip.
        units: The units of the network.
        wiring: Tiles, and what their axons read.
        timing: Start ticks and delays.
        blocks: The distinct weight blocks.
        block: int64 ``[tiles]``, which one each tile holds.
        bundle: int64 ``[tiles]``, which tiles share a core.
        flows: What is sent between bundles.
        amounts: float64 ``[flows]``, words or spikes a sample.
        effort: 0 … 3, how much search to spend on places and routes.
        seed: Of the search.
        pins: int64 ``[bundles]``, the core where each must be; -1: anywhere.
    """

    chip: Chip
    units: Units
    wiring: Wiring
    timing: Schedule
    blocks: tuple[AnyArray, ...]
    block: IntArray
    bundle: IntArray
    flows: Flows
    amounts: FloatArray
    effort: int
    seed: int
    pins: IntArray

    def placed(self, emphasis: FloatArray | None = None, start: IntArray | None = None) -> MappedResult:
        """Place and route it.

        Args:
            emphasis: float64 ``[flows]``, factors by which flows count more in the search; 1 by default.
            start: int64 ``[bundles]``, cores to search from; by default from several orders.
        """
        chip, flows, bundle, crossing = self.chip, self.flows, self.bundle, crossing_cost(self.chip)
        wanted = self.amounts if emphasis is None else self.amounts * emphasis
        traffic = core_traffic(flows, bundle, wanted)
        trees = tree_traffic(flows, bundle, wanted) if chip.board.multicast == "tree" else None
        cores = int(bundle.max()) + 1
        candidates = place_tiles(
            chip, cores, traffic, trees, effort=self.effort, seed=self.seed, start=start, pins=self.pins
        ).candidates
        loads = [weigh(flows, bundle, cores, chip, wanted, crossing) for cores in candidates]
        ranked = [candidates[i] for i in sorted(range(len(loads)), key=lambda i: loads[i].weighted_hops)]
        return first_that_fits([partial(self._routed, at, wanted) for at in ranked])

    def _routed(self, cores: IntArray, wanted: FloatArray) -> MappedResult:
        at = (self.flows, self.bundle, cores, self.chip)
        links = spread_links(*at, wanted, crossing_cost(self.chip)) if self.effort else find_links(*at)
        return self._emitted(cores, links)

    def _emitted(self, cores: IntArray, links: Links) -> MappedResult:
        chip, crossing = self.chip, crossing_cost(self.chip)
        sequential = sequential_cores(Board.of(chip), chip.board.dead_cores, len(cores))
        links, tables = with_tables(self, cores, links)
        layout = Layout(
            blocks=self.blocks, block=self.block, cores=cores[self.bundle], flows=self.flows, links=links,
            routers=RouterTable() if tables is None else tables.table,
        )  # fmt: skip
        program = emit_program(self.units, self.wiring, self.timing, layout, chip)
        stats = count_program(
            program,
            signals=self.units.signals - self.units.channels,
            relays=sum(len(tile.signals) for tile in self.wiring.tiles if tile.relay),
            load=load_of(links, chip, self.amounts, crossing),
            sequential=weigh(self.flows, self.bundle, sequential, chip, self.amounts, crossing),
            tables=tables,
        )
        return MappedResult(program=program, stats=stats, cores=cores)


def plan_network(
    network: Network,
    chip: Chip,
    activity: Mapping[str, FloatArray] | None = None,
    *,
    effort: int = 1,
    seed: int = 0,
    multiplex: str = AUTO,
    pins: Pins | None = None,
) -> Plan:
    """Return the mapping up to the places of tiles; arguments and errors as of `map_network`."""
    if effort not in range(MOST_EFFORT + 1):
        raise SpecError(f"effort is {effort}", where="mapping, option effort", fix="take 0, 1, 2 or 3")
    units = read_units(network, chip)
    sent = signal_activity(units, activity)
    improve = partial(joint_draft, units=units, chip=chip, sent=sent, effort=effort, seed=seed)
    draft = fitting_draft(units, chip, multiplex, effort=effort, seed=seed, improve=improve)
    wiring = wire(draft.copies, units)
    timing = schedule(wiring, units, chip.board.max_delay)
    blocks, block = distinct_blocks(wiring.tiles)
    bundle = bundle_tiles(block, timing.starts, draft.most)
    assert int(bundle.max()) + 1 == draft.cores, "cores are counted as they are taken"
    flows = find_flows(wiring, bundle)
    plan = Plan(
        chip=chip, units=units, wiring=wiring, timing=timing, blocks=blocks, block=block, bundle=bundle, flows=flows,
        amounts=flow_amounts(flows, wiring, sent), effort=effort, seed=seed,
        pins=pins_of(pins or {}, wiring, units, bundle, chip),
    )  # fmt: skip

    def again(lower: Chip) -> Plan:
        same = lower.board.virtual_tiles == chip.board.virtual_tiles
        chosen = multiplex if same else AUTO
        return plan_network(network, lower, activity, effort=effort, seed=seed, multiplex=chosen, pins=pins)

    return replace(within_entries(plan, again), chip=chip)
