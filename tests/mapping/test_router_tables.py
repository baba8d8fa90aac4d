"""Compressed tables send each flow along its tree and nowhere else, and a limit on them holds or is told."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from board_strategies import boards, damaged, on_board
from core_strategies import dense
from neutrams.base.arrays import IntArray
from neutrams.base.errors import CapacityError, SpecError
from neutrams.hardware import Board, Chip, load_chip
from neutrams.hardware.detours import Detours
from neutrams.mapping import map_network
from neutrams.mapping.flows import Flows
from neutrams.mapping.route import Links, find_links
from neutrams.mapping.router_tables import Compressed, compress_tables
from neutrams.mapping.spread import spread_links
from neutrams.program import Program
from neutrams.program.store import program_parts
from neutrams.program.verify import violations
from table_walk import walk

quick = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
ROUTED = ("mesh", "mesh", "mesh", "torus", "ring", "tree", "fat_tree", "graph")


def flows_of(draw: st.DrawFn, tiles: int, bundles: int) -> Flows:
    """Some flows of some tiles, to one or many, also to their own; of one neuron, or several."""
    senders = sorted(draw(st.lists(st.integers(0, tiles - 1), min_size=1, max_size=40)))
    readers = [sorted(draw(st.sets(st.integers(0, bundles - 1), min_size=1, max_size=9))) for _ in senders]
    columns = np.cumsum([0, *(draw(st.integers(1, 5)) for _ in senders)])
    return Flows(
        tile=np.array(senders), columns=columns, column=np.zeros(columns[-1], dtype=np.int64),
        readers=np.append(0, np.cumsum([len(r) for r in readers])), reader=np.concatenate(readers),
    )  # fmt: skip


def is_followed(found: Compressed, flows: Flows, bundle: IntArray, cores: IntArray, links: Links, chip: Chip) -> None:
    board, default = Board.of(chip), chip.noc.default_route
    for i, key in enumerate(found.table.key.tolist()):
        home = int(cores[bundle[flows.tile[i]]])
        wanted = set(cores[flows.reader[flows.readers[i] : flows.readers[i + 1]]].tolist()) - {home}
        own = slice(int(links.first[i]), int(links.first[i + 1]))
        pairs = sorted(zip(links.start[own].tolist(), links.stop[own].tolist(), strict=True))
        assert (key >= 0) == bool(wanted)
        if wanted:
            assert walk(found.table, board, key, int(board.router_of(home)), default) == (pairs, sorted(wanted))


@quick
@given(board=boards(*ROUTED), spread=st.booleans(), default=st.booleans(), data=st.data())
def test_words_that_follow_tables_pass_their_tree_and_nothing_else(
    board: Board, spread: bool, default: bool, data: st.DataObject
) -> None:
    """Whatever is sent where, tiles share a core or not, keys are wide or hardly wide enough."""
    tiles = data.draw(st.integers(1, 2 * board.cores))
    bundle = np.arange(tiles) // 2
    flows = flows_of(data.draw, tiles, int(bundle[-1]) + 1)
    cores = np.array(data.draw(st.permutations(range(board.cores))))
    least = (len(flows) - 1).bit_length() + (int(np.diff(flows.columns).max()) - 1).bit_length()
    noc = {
        "table_entries": 1, "default_route": default and board.topology == "mesh",
        "key_bits": max(1, data.draw(st.sampled_from((least, least + 1, least + 4, 32, 62)))),
    }  # fmt: skip
    chip = on_board(board, noc=noc)
    at = (flows, bundle, cores, chip)
    links = spread_links(*at, np.ones(len(flows)), 1) if spread else find_links(*at)
    found = compress_tables(flows, bundle, cores, links, chip)
    is_followed(found, flows, bundle, cores, links, chip)
    key = found.table.key[found.table.key >= 0]
    assert len(np.unique(key)) == len(key)
    assert int(key.max(initial=0)).bit_length() <= chip.noc.key_bits
    assert (found.entries <= found.flows).all()


@quick
@given(drawn=damaged("mesh"), default=st.booleans(), data=st.data())
def test_tables_hold_around_dead_links(
    drawn: tuple[Board, tuple[int, ...]], default: bool, data: st.DataObject
) -> None:
    board, dead = drawn
    alive = sorted(set(range(board.cores)) - set(dead))
    if not alive or not (isinstance(board.ways, Detours) or not board.dead_links):
        return
    chip = on_board(board, dead=dead, noc={"table_entries": 1, "default_route": default})
    flows, bundle, cores = flows_of(data.draw, len(alive), len(alive)), np.arange(len(alive)), np.array(alive)
    links = find_links(flows, bundle, cores, chip)
    is_followed(compress_tables(flows, bundle, cores, links, chip), flows, bundle, cores, links, chip)


def two_flows(default: bool) -> Compressed:
    """A row of four cores; the first sends one flow to the last, and one to the last two."""
    chip = on_board(
        Board(rows=1, columns=4, chips=1, topology="mesh"), noc={"table_entries": 9, "default_route": default}
    )
    flows = Flows(
        tile=np.array([0, 0]), columns=np.arange(3), column=np.array([0, 1]), readers=np.array([0, 1, 3]),
        reader=np.array([3, 2, 3]),
    )  # fmt: skip
    every = np.arange(4)
    return compress_tables(flows, every, every, find_links(flows, every, every, chip), chip)


def test_two_flows_along_a_row_by_hand() -> None:
    """Routers 0 and 1 do the same with both, router 2 tells them apart, router 3 delivers both.

    With a default route router 1 needs no entry, and router 2 none for the flow that only passes.
    """
    plain, default = two_flows(default=False), two_flows(default=True)
    assert plain.flows.tolist() == default.flows.tolist() == [2, 2, 2, 2]
    assert plain.entries.tolist() == [1, 1, 2, 1]
    assert default.entries.tolist() == [1, 0, 1, 1]
    assert default.table.router.tolist() == [0, 2, 3]
    assert default.table.port.tolist() == [1, -3, 3, -4]


def tabled(**noc: object) -> Chip:
    board = Board(rows=4, columns=5, chips=4, topology="mesh")
    return on_board(board, core={"fan_out": 64, "axons": 64}, noc={"table_entries": 1 << 20, **noc})


@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@example(effort=1, default=True, seed=1, hidden=33)
@given(effort=st.just(0), default=st.booleans(), seed=st.integers(0, 9), hidden=st.integers(9, 64))
def test_a_limit_that_is_met_changes_nothing_and_one_below_is_kept_or_told(
    effort: int, default: bool, seed: int, hidden: int
) -> None:
    network = dense([20, hidden, 64, 30])
    free = map_network(network, tabled(default_route=default), effort=effort, seed=seed)
    most = free.stats.table_entries_max
    assert most is not None
    assert free.stats.table_entries_max_uncompressed is not None
    assert 1 <= most <= free.stats.table_entries_max_uncompressed
    same = map_network(network, tabled(table_entries=most, default_route=default), effort=effort, seed=seed)
    assert violations(same.program) == []
    (_, a), (_, b) = program_parts(free.program), program_parts(same.program)
    assert all((a[name] == b[name]).all() for name in a)
    if most > 1:
        try:
            less = map_network(network, tabled(table_entries=most - 1, default_route=default), effort=effort, seed=seed)
        except CapacityError:
            return
        assert violations(less.program) == []
        assert less.stats.table_entries_max == most - 1 or less.stats.table_entries_max < most


def broken(program: Program, data: st.DataObject) -> Program:
    """One number of its tables is another one, or one entry has a port more."""
    routers = program.routers
    if data.draw(st.booleans()):
        entry, more = data.draw(st.integers(0, len(routers.router) - 1)), data.draw(st.sampled_from((-1, 0, 1)))
        port, ports = np.insert(routers.port, routers.ports[entry], more), routers.ports.copy()
        ports[entry + 1 :] += 1
        return replace(program, routers=replace(routers, port=port, ports=ports))
    column = data.draw(st.sampled_from(("value", "mask", "port", "key")))
    values = getattr(routers, column).copy()
    place = data.draw(st.integers(0, len(values) - 1))
    values[place] = data.draw(st.sampled_from((0, 1, int(values[0]), int(values[-1]), int(values[place]) ^ 1)))
    return replace(program, routers=replace(routers, **{column: values}))


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(default=st.booleans(), data=st.data())
def test_the_checker_finds_what_a_walk_along_the_tables_finds(default: bool, data: st.DataObject) -> None:
    program = broken(legal(default), data)
    board, routes = Board.of(program.chip), program.routes
    wrong = False
    for i, key in enumerate(program.routers.key.tolist()):
        if routes.tile[i] < 0:
            wrong |= key >= 0
            continue
        own = slice(int(routes.links[i]), int(routes.links[i + 1]))
        pairs = sorted(zip(routes.link_from[own].tolist(), routes.link_to[own].tolist(), strict=True))
        home = int(program.tiles.core[routes.tile[i]])
        senders = routes.source[routes.sources[i] : routes.sources[i + 1]]
        reader = np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.axons))
        cores = set(program.tiles.core[reader[np.isin(program.axons.source, senders)]].tolist()) - {home}
        found = walk(program.routers, board, key, int(board.router_of(home)), default, 99) if key >= 0 else ([], [])
        wrong |= bool(found != (pairs, sorted(cores)))
    told = {violation.constraint for violation in violations(program)}
    if wrong:
        assert told & {"table_route", "table_key", "table_port"}
    else:
        assert told <= {"table_key"}  # two flows may share a key and go the same way; a chip could not tell them apart


LEGAL: dict[bool, Program] = {}


def legal(default: bool) -> Program:
    if default not in LEGAL:
        LEGAL[default] = map_network(dense([20, 33, 33, 30]), tabled(default_route=default)).program
        assert violations(LEGAL[default]) == []
    return LEGAL[default]


def test_tables_that_are_missing_too_long_or_out_of_order_are_caught() -> None:
    program = legal(default=False)
    longest = int(np.bincount(program.routers.router).max())
    for change, constraint in (
        ({"table_entries": longest - 1}, "table_entries"),
        ({"key_bits": 2}, "table_key"),
        ({"table_entries": 0}, "table_form"),
    ):
        chip = program.chip.with_values(noc=change)
        assert constraint in {v.constraint for v in violations(replace(program, chip=chip))}
    turned = replace(program.routers, router=program.routers.router[::-1])
    assert "table_order" in {v.constraint for v in violations(replace(program, routers=turned))}


def test_a_table_that_is_too_long_names_router_layer_and_what_would_do() -> None:
    with pytest.raises(CapacityError) as error:
        map_network(dense([20, 64, 64, 30]), tabled(table_entries=1), effort=0)
    assert "router" in error.value.what
    assert "a table has 1" in error.value.what
    assert "layer 'fc" in error.value.what
    assert error.value.fix.startswith("set noc.table_entries to ")
    enough = int(error.value.fix.split()[3].rstrip(","))
    most = map_network(dense([20, 64, 64, 30]), tabled(table_entries=enough), effort=0).stats.table_entries_max
    assert most == enough
    with pytest.raises(CapacityError, match=r"set noc\.table_entries to"):
        map_network(dense([20, 64, 64, 30]), tabled(table_entries=enough - 1), effort=0)


def test_more_flows_than_keys_are_told() -> None:
    with pytest.raises(
        CapacityError, match=r"flows of up to \d+ neurons take keys of \d+ bits, small has 3.*key_bits to"
    ):
        map_network(dense([20, 64, 64, 30]), tabled(key_bits=3), effort=0)


@pytest.mark.parametrize(("sections", "message"), [
    ({"board": {"multicast": "copy"}, "noc": {"table_entries": 4}}, "only trees need tables"),
    ({"board": {"topology": "bus"}, "noc": {"table_entries": 4}}, "a bus has no routers"),
    ({"noc": {"default_route": True}}, "without tables there is no default"),
    ({"board": {"topology": "tree"}, "noc": {"table_entries": 4, "default_route": True}}, "only on a mesh"),
])  # fmt: skip
def test_tables_need_trees_between_routers(sections: dict[str, dict[str, object]], message: str) -> None:
    chip = load_chip("tianji").with_values(board={"multicast": "tree"})
    with pytest.raises(SpecError, match=message):
        chip.with_values(**sections)


def driven(program: Program) -> int:
    """Most axons that the neurons of one core drive."""
    tile = np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.neurons))
    source = program.axons.source[program.axons.source >= 0]
    return int(np.bincount(program.tiles.core[tile[source]]).max())


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(limit=st.integers(8, 70), hidden=st.integers(9, 64), delay=st.integers(1, 3))
def test_cores_drive_no_more_axons_than_they_have_entries_for(limit: int, hidden: int, delay: int) -> None:
    """With 8 neurons a core and 8 entries, every neuron may at least drive one axon."""
    board = Board(rows=4, columns=5, chips=100, topology="mesh")
    chip = on_board(board, core={"fan_out": 64, "axons": 64, "output_entries": limit})
    chip = chip.with_values(board={"max_delay": delay})
    free = map_network(dense([20, hidden, 64, 30]), chip.with_values(core={"output_entries": 0}), effort=0).program
    program = map_network(dense([20, hidden, 64, 30]), chip, effort=0).program
    assert violations(program) == []
    assert driven(program) <= limit
    assert program.chip == chip
    if driven(free) <= limit:
        assert len(program.tiles) == len(free.tiles)
    else:
        assert "output_entries" in {v.constraint for v in violations(replace(free, chip=chip))}


def test_cores_with_fewer_entries_than_neurons_hold_fewer() -> None:
    """Eight neurons a core drive eight axons at a fan-out of 1 already; so a core holds seven."""
    board = Board(rows=4, columns=5, chips=100, topology="mesh")
    chip = on_board(board, core={"fan_out": 64, "axons": 64, "output_entries": 7})
    program = map_network(dense([20, 64, 64]), chip, effort=0).program
    assert violations(program) == []
    assert driven(program) <= 7
    assert int(np.diff(program.tiles.neurons).max()) == 7


def test_too_few_output_entries_are_told() -> None:
    """Eight neurons a core that are read by the eight cores of the next layer: 64. Copies have no room on 20 cores."""
    board = Board(rows=4, columns=5, chips=1, topology="mesh")
    chip = on_board(board, core={"fan_out": 64, "axons": 64, "output_entries": 7})
    with pytest.raises(
        CapacityError,
        match=r"drive 64 axons, 64 of them from layer 'fc0'.*smaller cores or fan-outs do not fit the board; "
        r"set core.output_entries to 64",
    ):
        map_network(dense([20, 64, 64]), chip, effort=0)
    assert map_network(dense([20, 64, 64]), chip.with_values(core={"output_entries": 64}), effort=0).stats.cores == 16


def test_loihi_counts_its_published_output_axons() -> None:
    core = load_chip("loihi").core
    assert core.output_entries == 4096 == core.fan_out * core.neurons
