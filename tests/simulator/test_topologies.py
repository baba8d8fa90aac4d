"""Every topology from mapping to cycles: legal routes, the same values, the same flits on each link at both levels."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from board_strategies import TOPOLOGIES, boards, on_board, random_links
from chains import chain, round_chip
from core_strategies import dense
from neutrams.base.arrays import IntArray
from neutrams.base.errors import SpecError
from neutrams.hardware import Board, Chip
from neutrams.mapping import map_network
from neutrams.program import Program
from neutrams.program.verify import violations
from neutrams.program.verify_routes import check_routes
from neutrams.simulator import simulate
from neutrams.simulator.cycle.network import Bus, Delivery, Routers
from neutrams.simulator.cycle.work import Busy, Due, Words, Work
from neutrams.simulator.tally import synapses_of_tiles
from neutrams.simulator.traffic import link_times
from routing import routed
from simulator_programs import programs

TIMES = {"link_s": 2e-9, "chip_link_s": 6e-9, "router_s": 3e-9, "neuron_s": 1e-9, "row_s": 1e-9}
CLOCK = {"cycle_s": 1e-9}

ROUTED = tuple(name for name in TOPOLOGIES if name != "bus")

quick = settings(deadline=None, max_examples=60)


def all_words(program: Program) -> Words:
    """What all tiles send where every neuron sends once."""
    tiles = np.arange(len(program.tiles))
    return Work(program).of(Due.of([(tiles, np.diff(program.tiles.axons), synapses_of_tiles(program), None)]))[0]


def flits_by_link(delivery: Delivery) -> dict[tuple[int, ...], int]:
    pairs = zip(delivery.links.tolist(), delivery.flits.tolist(), strict=True)
    return {tuple(link): flits for link, flits in pairs if flits}


def planned(program: Program, words: Words) -> dict[tuple[int, ...], int]:
    """Flits that the route table gives each link where every neuron that sends words sends once."""
    routes, found = program.routes, {}
    flits = dict(zip(words.sender.tolist(), words.flits.tolist(), strict=True))
    for flow in range(len(routes.tile)):
        own = slice(routes.links[flow], routes.links[flow + 1])
        sent = sum(flits.get(s, 0) for s in routes.source[routes.sources[flow] : routes.sources[flow + 1]].tolist())
        for link in zip(routes.link_from[own].tolist(), routes.link_to[own].tolist(), strict=True):
            found[link] = found.get(link, 0) + sent
    return {link: flits for link, flits in found.items() if flits}


@pytest.mark.parametrize("multicast", ["tree", "copy"])
@pytest.mark.parametrize("share", [1, 2])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_a_network_maps_verifies_and_runs(topology: str, share: int, multicast: str) -> None:
    links = random_links(36 // share + 3, 5) if topology == "graph" else ()
    board = Board(rows=3, columns=2, chips=6, topology=topology, cores_per_router=share, links=links)
    chip = on_board(board, multicast, (0, 9), core={"fan_out": 64, "axons": 32})
    program = map_network(dense([20, 32, 32, 16]), chip).program
    assert violations(program) == []
    assert not {0, 9} & set(program.tiles.core.tolist())
    inputs = {"x": np.random.default_rng(1).integers(0, 255, (2, 20)).astype(float)}
    functional, tick, cycle = (simulate(program, inputs, level=level) for level in ("functional", "tick", "cycle"))
    for name, counts in functional.counts.items():
        np.testing.assert_array_equal(tick.counts[name], counts)
        np.testing.assert_array_equal(cycle.counts[name], counts)
    assert tick.cost is not None
    assert cycle.cost is not None
    assert tick.cost.noc == cycle.cost.noc
    if topology != "bus":
        found = flits_by_link(Routers(program).deliver(all_words(program)))
        assert found == {link: flits for link, flits in tick.cost.link_flits.items() if flits}


@st.composite
def routed_programs(draw: st.DrawFn, *topologies: str, chip: dict[str, dict[str, object]] | None = None) -> Program:
    """A random program with its tiles anywhere on a random board."""
    program, board = draw(programs(("requantize", "if_hard"))), draw(boards(*topologies))
    assume(len(program.tiles) <= board.cores)
    cores = draw(st.permutations(range(board.cores)))[: len(program.tiles)]
    taken = on_board(board, draw(st.sampled_from(["tree", "copy"])), **chip or {})
    values = {name: getattr(taken, name).model_dump() for name in ("board", "noc", "technology")}
    plain = program.chip.with_values(board=values["board"], noc=values["noc"], technology=TIMES)
    tiles = replace(program.tiles, core=np.array(cores))
    return routed(replace(program, chip=plain, tiles=tiles))


@quick
@given(program=routed_programs(), data=st.data())
def test_routes_with_a_link_gone_or_elsewhere_are_illegal(program: Program, data: st.DataObject) -> None:
    routes, board = program.routes, Board.of(program.chip)
    assert list(check_routes(program)) == []
    assume(len(routes.link_to))
    i = data.draw(st.integers(0, len(routes.link_to) - 1))
    cut = replace(
        routes,
        links=routes.links - (routes.links > i),
        link_from=np.delete(routes.link_from, i),
        link_to=np.delete(routes.link_to, i),
    )
    assert list(check_routes(replace(program, routes=cut)))
    to = routes.link_to.copy()
    to[i] = data.draw(st.integers(0, board.routers - 1).filter(lambda router: router != to[i]))
    assert list(check_routes(replace(program, routes=replace(routes, link_to=to))))


@quick
@given(program=routed_programs(*ROUTED))
def test_each_word_takes_the_links_of_its_flow_and_arrives_later_than_light_would(program: Program) -> None:
    program = replace(program, chip=program.chip.with_values(tick=CLOCK))
    words = all_words(program)
    delivery = Routers(program).deliver(words)
    assert flits_by_link(delivery) == planned(program, words)
    board = Board.of(program.chip)
    for i in range(len(words)):
        path = np.array(board.path(*board.router_of(np.array([words.source[i], words.target[i]])).tolist()))
        links_s = link_times(program.chip, path[:-1], path[1:])
        least = 2 + 3 * len(path) + 1 + round(links_s.sum() * 1e9) + words.flits[i] - 1
        assert delivery.arrived[i] >= words.created[i] + least


@quick
@given(program=routed_programs(*ROUTED), data=st.data())
def test_a_single_word_takes_its_links_and_routers_and_nothing_else(program: Program, data: st.DataObject) -> None:
    program = replace(program, chip=program.chip.with_values(tick=CLOCK))
    words = all_words(program)
    assume(len(words))
    i = data.draw(st.integers(0, len(words) - 1))
    one = Words(**{name: getattr(words, name)[i : i + 1] for name in Words.__slots__})
    board = Board.of(program.chip)
    path = np.array(board.path(*board.router_of(np.array([one.source[0], one.target[0]])).tolist()))
    cycles = np.round(link_times(program.chip, path[:-1], path[1:]) * 1e9).astype(int)
    there = replace(one, pair=np.zeros(1, dtype=np.int64))  # the only pair of that program
    arrived = Routers(alone(program, int(one.sender[0]), int(one.target[0]))).deliver(there).arrived
    if one.flits[0] == 1:
        assert arrived.tolist() == [one.created[0] + 2 + 3 * len(path) + 1 + cycles.sum()]


def alone(program: Program, sender: int, target: int) -> Program:
    """The program whose axons read nothing but one neuron at one core, so that its tree is one path."""
    reader = np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.axons))
    kept = (program.axons.source == sender) & (program.tiles.core[reader] == target)
    return routed(replace(program, axons=replace(program.axons, source=np.where(kept, sender, -1))))


@quick
@given(program=routed_programs(*ROUTED, chip={"noc": {"flit_bits": 32}}), bits=st.sampled_from([8, 16, 31, 32]))
def test_narrow_links_are_as_slow_as_slow_links(program: Program, bits: int) -> None:
    chip, phits = program.chip.with_values(tick=CLOCK), -(-32 // bits)
    narrow = chip.with_values(noc={"link_bits": bits, "chip_link_bits": bits})
    slow = chip.with_values(technology={"link_s": phits * 2e-9, "chip_link_s": phits * 6e-9})
    one, two = (Routers(replace(program, chip=c)).deliver(all_words(program)) for c in (narrow, slow))
    np.testing.assert_array_equal(one.arrived, two.arrived)


@quick
@given(program=routed_programs(*ROUTED), words=st.integers(1, 4))
def test_a_long_output_queue_holds_nobody_up_and_a_short_one_delays(program: Program, words: int) -> None:
    chip = program.chip.with_values(tick=CLOCK)
    any_length, long, short = (
        Routers(replace(program, chip=chip.with_values(noc={"output_queue": n}))).deliver(all_words(program))
        for n in (0, 1 << 20, words)
    )
    np.testing.assert_array_equal(any_length.arrived, long.arrived)
    assert not long.stall.any()
    assert flits_by_link(short) == flits_by_link(long)


@quick
@given(program=routed_programs("bus"))
def test_cores_of_one_router_need_no_bus(program: Program) -> None:
    words, chip = all_words(program), program.chip
    board, bus = Board.of(chip), Bus(chip)
    arrived = bus.deliver(words).arrived
    same = board.router_of(words.source) == board.router_of(words.target)
    np.testing.assert_array_equal(arrived[same], words.created[same] + bus.router)
    assert (arrived[~same] > words.created[~same] + bus.router).all()


@pytest.mark.parametrize(("multicast", "arrived"), [("tree", [9, 9]), ("copy", [9, 14])])
def test_a_transfer_over_a_bus_serves_a_router_or_a_core(multicast: str, arrived: list[int]) -> None:
    """A bus of 5 cycles a word and 4 more for the router: to two cores of the other router, at once or in turn."""
    board = {"topology": "bus", "rows": 1, "columns": 4, "cores_per_router": 2, "multicast": multicast}
    program = fan(round_chip().with_values(tick={"cycle_s": 1e-3}, board=board), (0, 2, 3))
    one = only(all_words(program), 0)
    assert (Bus(program.chip).deliver(one).arrived - one.created).tolist() == arrived


def test_a_full_output_queue_by_hand() -> None:
    """A queue of one word, links of 5 cycles, words 3 cycles apart: each waits until the one before is on its way."""
    chip = round_chip().with_values(tick={"cycle_s": 1e-3}, noc={"output_queue": 1, "buffer_flits": 1})
    program = routed(chain(chip, (0, 1)))
    words = all_words(program)
    burst = replace(words, created=np.zeros(3, dtype=np.int64))
    assert Routers(program).deliver(burst).stall.tolist() == [0, 1, 2]
    assert not Routers(program).deliver(words).stall.any()
    busy = Busy(tick=np.array([0, 0]), core=np.array([0, 1]), done=np.array([13, 14]))
    held = Work(program).held_up(busy, burst, np.array([0, 1, 2]))
    assert held.done.tolist() == [15, 14]


def only(words: Words, sender: int) -> Words:
    """The words of one neuron."""
    own = np.flatnonzero(words.sender == sender)
    return Words(**{name: getattr(words, name)[own] for name in Words.__slots__})


def fan(chip: Chip, cores: tuple[int, int, int]) -> Program:
    """A chain of three tiles, the third of which reads the first one's neurons too."""
    program = chain(chip, cores)
    source = program.axons.source.copy()
    source[program.tiles.axons[2] :] = np.arange(3)
    return routed(replace(program, axons=replace(program.axons, source=source)))


def test_each_core_of_a_router_needs_a_path_of_its_own_where_words_are_copied() -> None:
    """Tile 0 on core 0, its readers on cores 2 and 3 of one router: two paths, not one, not three."""
    chip = round_chip().with_values(board={"rows": 1, "columns": 4, "cores_per_router": 2})
    program = fan(chip, (0, 2, 3))
    routes = program.routes  # a flow a neuron; the first has the first two links
    first = np.flatnonzero(routes.links >= 2)[0]
    assert routes.link_to[: routes.links[first]].tolist() == [1, 1]
    found = []
    for more, rows in ((0, np.arange(6)), (-1, np.arange(1, 6)), (1, np.append(0, np.arange(6)))):
        changed = replace(
            routes,
            links=routes.links + more * (np.arange(len(routes.links)) >= first),
            link_from=routes.link_from[rows],
            link_to=routes.link_to[rows],
        )
        found.append([(v.constraint, v.tile) for v in check_routes(replace(program, routes=changed))])
    assert found == [[], [("route_missing", 2)], [("route_shape", 0)]]


@pytest.mark.parametrize(("multicast", "flits", "arrived"), [("tree", {(0, 1): 1, (1, 2): 1}, [19, 25]),
                                                             ("copy", {(0, 1): 2, (1, 2): 1}, [16, 30])])  # fmt: skip
def test_a_word_to_two_cores_by_hand(multicast: str, flits: dict[tuple[int, int], int], arrived: list[int]) -> None:
    """Cores 0, 1, 2 of a row: routers of 4 cycles, links of 5, and 2 to get in and out.

    A link takes the second copy 5 cycles after the first. A tree's flit goes on from router 1 first, then to core 1.
    """
    chip = round_chip().with_values(tick={"cycle_s": 1e-3}, board={"multicast": multicast})
    program = fan(chip, (0, 1, 2))
    words = all_words(program)
    one = only(words, 0)
    delivery = Routers(program).deliver(one)
    assert flits_by_link(delivery) == flits
    assert (delivery.arrived - one.created).tolist() == arrived


def test_a_link_of_its_own_length_by_hand() -> None:
    """Two cores, a link of 3 x 5 cycles: 2 into the router, 4, the link, 4, 1 to the core; the next flit 15 later."""
    chip = round_chip().with_values(
        tick={"cycle_s": 1e-3}, board={"rows": 1, "columns": 2, "chips": 1, "topology": "graph", "links": ("0-1@3",)}
    )
    program = routed(chain(chip, (0, 1)))
    words = all_words(program)
    burst = replace(words, created=np.zeros(3, dtype=np.int64))
    assert Routers(program).deliver(burst).arrived.tolist() == [26, 41, 56]


def test_routes_that_do_not_lead_to_a_reader_are_refused() -> None:
    program = chain(round_chip(), (0, 1))
    nothing: IntArray = np.zeros(0, dtype=np.int64)
    none = replace(program.routes, source=nothing, sources=np.zeros(2, dtype=np.int64))
    with pytest.raises(SpecError, match=r"no flow sends neuron 0; see what neutrams verify says"):
        Routers(replace(program, routes=none))
    short = replace(program.routes, links=np.array([0, 0]), link_from=nothing, link_to=nothing)
    with pytest.raises(SpecError, match=r"flows have more or fewer paths than cores they serve"):
        Routers(replace(program, routes=short))


def test_words_longer_than_a_buffer_are_not_replicated() -> None:
    chip = round_chip().with_values(
        board={"multicast": "tree"}, noc={"flit_bits": 5, "buffer_flits": 2}, tick={"cycle_s": 1e-3}
    )
    program = fan(chip, (0, 1, 2))
    with pytest.raises(SpecError, match=r"takes 7 flits, noc\.buffer_flits is 2.*board\.multicast=copy"):
        Routers(program).deliver(all_words(program))
