"""From a transformed network to a program: partition, pack, fan-out, schedule, place, route, emit."""

from collections.abc import Mapping
from dataclasses import dataclass

from neutrams.base.arrays import FloatArray
from neutrams.base.errors import SpecError
from neutrams.hardware import Chip
from neutrams.mapping.annealing import MOST_EFFORT
from neutrams.mapping.bundle import bundle_tiles, distinct_blocks
from neutrams.mapping.capacity import check_bundles
from neutrams.mapping.emit import Layout, emit_program
from neutrams.mapping.fan_out import wire
from neutrams.mapping.flows import find_flows
from neutrams.mapping.pack import pack_tiles
from neutrams.mapping.partition import cut_units
from neutrams.mapping.place import crossing_cost, place_tiles
from neutrams.mapping.route import find_links, load_of, weigh
from neutrams.mapping.schedule import schedule, unit_levels
from neutrams.mapping.spread import spread_links
from neutrams.mapping.stats import MappingStats, count_program
from neutrams.mapping.traffic import core_traffic, flow_amounts, signal_activity, tree_traffic
from neutrams.mapping.units import read_units
from neutrams.network import Network
from neutrams.program.tables import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedResult:
    """A program and its figures.

    Attributes:
        program: What the chip is loaded with.
        stats: Cores, utilization, hops.
    """

    program: Program
    stats: MappingStats


def map_network(
    network: Network,
    chip: Chip,
    activity: Mapping[str, FloatArray] | None = None,
    effort: int = 1,
    seed: int = 0,
) -> MappedResult:
    """Put a transformed network on the cores of a board; values never change by it.

    Args:
        network: In core operators (`network.ops`), within the chip's fan-in, widths and models.
        chip: The chip; ``board.chips`` bounds the board.
        activity: Mean words or spikes a sample, float64 ``[n]`` or in the node's shape, by name of a `Neuron` or
            `Encode`; by default one a step. It decides placement only.
        effort: 0 … 3, how much placement search to spend; never a clock.
        seed: Of the placement search. Same arguments, same bytes.

    Raises:
        CapacityError: It does not fit: names resource, shortfall and layer.
        UnsupportedError: The network is not in core operators.
        SpecError: ``effort`` is out of range.
    """
    if effort not in range(MOST_EFFORT + 1):
        raise SpecError(f"effort is {effort}", where="mapping, option effort", fix="take 0, 1, 2 or 3")
    units = read_units(network, chip)
    tiles = pack_tiles(cut_units(units, unit_levels(units), chip, effort=effort, seed=seed), units, chip)
    wiring = wire(tiles, units, chip)
    timing = schedule(wiring, units, chip.board.max_delay)
    sent = signal_activity(units, activity)
    blocks, block = distinct_blocks(wiring.tiles)
    bundle = bundle_tiles(block, timing.starts, chip.board.virtual_tiles)
    check_bundles(int(bundle.max()) + 1, wiring.tiles, units, chip)
    flows = find_flows(wiring, bundle)
    amounts = flow_amounts(flows, wiring, sent)
    traffic = core_traffic(flows, bundle, amounts)
    trees = tree_traffic(flows, bundle, amounts) if chip.board.multicast == "tree" else None
    candidates = place_tiles(chip, int(bundle.max()) + 1, traffic, trees, effort=effort, seed=seed).candidates
    loads = [weigh(flows, bundle, cores, chip, amounts, crossing_cost(chip)) for cores in candidates]
    best = min(range(len(loads)), key=lambda i: loads[i].weighted_hops)
    at = (flows, bundle, candidates[best], chip)
    links = spread_links(*at, amounts, crossing_cost(chip)) if effort else find_links(*at)
    load = load_of(links, chip, amounts, crossing_cost(chip))
    layout = Layout(blocks=blocks, block=block, cores=candidates[best][bundle], flows=flows, links=links)
    program = emit_program(units, wiring, timing, layout, chip)
    relays = sum(len(tile.signals) for tile in wiring.tiles if tile.relay)
    stats = count_program(
        program,
        signals=units.signals - units.channels,
        relays=relays,
        load=load,
        sequential=loads[-1],
    )
    return MappedResult(program=program, stats=stats)
