"""The record of a real run: what the flow gives is what the page shows."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from neutrams.flow import Compiled, CompileOptions, Evaluated, compile_model, run_compiled
from neutrams.hardware import Board, load_chip
from neutrams.mapping import in_order
from neutrams.network import Activation, Input, Linear, Network, Output
from neutrams.report import ReportData, from_json, to_json
from neutrams.report.cite import METHODS, TOOLSET, cite
from neutrams.report.layout import floor_of, links_of
from neutrams.report.page import render
from neutrams.report.record import ledger_of, record_of
from neutrams.report.result import Simulation
from neutrams.report.sampling import LEAST_A_LAYER, MOST_NEURONS, choose_rows, raster_of
from neutrams.report.summary import compile_object, program_object, simulate_object
from neutrams.simulator.cost import cost_of

Ran = tuple[Compiled, Evaluated]


@pytest.fixture(scope="module")
def ran() -> Ran:
    """A network of 40 - 600 - 4, wider than one crossbar, on TIANJI."""
    rng = np.random.default_rng(3)
    x, labels = rng.random((30, 40)), rng.integers(0, 4, 30)
    nodes = (
        Input(name="x", shape=(40,)),
        Linear(name="a", inputs=("x",), weights=rng.normal(size=(600, 40)), bias=np.zeros(600)),
        Activation(name="r", inputs=("a",), function="relu"),
        Linear(name="b", inputs=("r",), weights=rng.normal(size=(4, 600)), bias=np.zeros(4)),
        Output(name="y", inputs=("b",)),
    )
    options = CompileOptions(effort=0, labels=labels)
    compiled = compile_model(Network(nodes), load_chip("tianji"), {"x": x}, options)
    return compiled, run_compiled(compiled, {"x": x}, labels, level="tick")


def test_the_record_survives_its_file_and_makes_a_page(ran: Ran) -> None:
    record = record_of(*ran, "small")
    page = ReportData(title="small", runs=(record,))
    assert from_json(to_json(page), "r") == page
    assert "small" in render(page)


def test_the_record_repeats_the_figures_of_the_flow(ran: Ran) -> None:
    compiled, evaluated = ran
    record = record_of(compiled, evaluated, "small")
    assert (record.cores, record.tiles, record.neurons) == (
        compiled.stats.cores, compiled.stats.tiles, compiled.stats.neurons,
    )  # fmt: skip
    assert record.samples == 30
    assert (record.chip_accuracy, record.float_accuracy) == (evaluated.accuracy, evaluated.float_accuracy)
    assert len(record.ledger) == len(compiled.ledger)
    assert {row.key for row in record.figures} == set(compiled.program.chip.figures)
    assert record_of(compiled, evaluated, "small", 0.5).float_accuracy == 0.5


def test_the_floor_plan_holds_every_synapse_and_every_word_sent(ran: Ran) -> None:
    compiled, evaluated = ran
    program, events = compiled.program, evaluated.run.activity
    floor = floor_of(program, events)
    cells = program.chip.core.axons * program.chip.core.neurons
    assert sum(c.use for c in floor) * cells == pytest.approx(compiled.stats.synapses)
    assert sum(c.sent for c in floor) * events.samples == pytest.approx(events.sent.sum())
    assert {c.core for c in floor if c.label} == set(program.tiles.core.tolist())
    board = Board.of(program.chip)
    assert all((c.x, c.y) == tuple(int(v) for v in board.position(c.core)) for c in floor)
    assert len(floor) == compiled.stats.chips * board.cores_per_chip


def test_the_floor_plan_names_every_part_with_its_neurons(ran: Ran) -> None:
    program = ran[0].program
    told: dict[str, int] = {}
    for cell in floor_of(program, ran[1].run.activity):
        for name, neurons in re.findall(r"(?:^|, )([^,]+?): (\d+) neurons", cell.label):
            told[name] = told.get(name, 0) + int(neurons)
    assert told == {name: int((program.neurons.origin == k).sum()) for k, name in enumerate(program.origins)}


def test_what_a_layer_was_lowered_to_counts_for_the_layer(ran: Ran) -> None:
    compiled = ran[0]
    names = {"a": "a", "r sum": "r", "r excess 2": "r", "strange thing": "strange thing"}
    ledger = tuple(replace(compiled.ledger[0], layer=name) for name in names)
    assert [row.layer for row in ledger_of(replace(compiled, ledger=ledger))] == list(names.values())


def test_every_loaded_link_is_drawn_between_the_cores_it_joins(ran: Ran) -> None:
    compiled, evaluated = ran
    program = compiled.program
    cost = cost_of(program, evaluated.run.activity)
    links = links_of(program, cost)
    board = Board.of(program.chip)
    flits = {(int(board.core_at(link.x0, link.y0)), int(board.core_at(link.x1, link.y1))): link.flits for link in links}
    drawn = {c.core for c in floor_of(program, evaluated.run.activity)}
    assert drawn.issuperset(core for pair in flits for core in pair)
    assert flits == {pair: value for pair, value in cost.link_flits.items() if value > 0}
    record = record_of(compiled, replace(evaluated, run=replace(evaluated.run, cost=cost)), "priced")
    assert record.links == links
    assert record.energy_band_j == pytest.approx(tuple(map(sum, zip(*record.energy_breakdown_j.values(), strict=True))))
    assert simulate_object(record)["energy_band_j"]["nominal"] == record.energy_band_j[1]
    assert "Busiest link" in render(ReportData(title="priced", runs=(record,)))


def test_sequential_order_stands_beside_the_placement(ran: Ran) -> None:
    compiled, evaluated = ran
    record = record_of(compiled, evaluated, "small")
    cost, other = evaluated.run.cost, cost_of(in_order(compiled.program), evaluated.run.activity)
    assert record.sequential is not None
    assert cost is not None
    terms = {term.name: (term.placed, term.sequential) for term in record.sequential.terms}
    assert terms["Hops of all flits"] == (cost.noc["hops"], other.noc["hops"])
    assert terms["Tick"] == (cost.tick_s, other.tick_s)
    assert terms["Energy, all"] == (cost.energy_band_j[1], other.energy_band_j[1])
    assert terms["Energy: chip_link"][0] == cost.energy_breakdown_j["chip_link"][1]
    assert sorted(link.flits for link in record.sequential.links) == sorted(other.link_flits.values())
    text = render(ReportData(title="small", runs=(record,)))
    assert "Against sequential order" in text
    assert "Terms of cost" in text


def test_the_raster_takes_some_of_every_layer_and_no_more_than_fit(ran: Ran) -> None:
    program = ran[0].program
    bands, rows = choose_rows(program)
    assert len(rows) == len(set(rows.tolist())) <= MOST_NEURONS < len(program.neurons)
    assert sum(count for _, _, count in bands) == len(rows)
    assert {name for name, _, _ in bands} == {name.split(" [")[0] for name in program.origins}
    assert all(count >= min(4, LEAST_A_LAYER) for _, _, count in bands)
    for name, first, count in bands:
        origins = {program.origins[k] for k in program.neurons.origin[rows[first : first + count]]}
        assert {origin.split(" [")[0] for origin in origins} == {name}


def test_the_raster_shows_the_spikes_of_the_rows_it_takes(ran: Ran) -> None:
    program = ran[0].program
    spikes = np.random.default_rng(0).random((7, len(program.neurons))) < 0.2
    raster = raster_of(program, spikes)
    _, rows = choose_rows(program)
    assert {(t, int(rows[r])) for t, r in raster.spikes} == {
        (t, n) for t, n in np.argwhere(spikes).tolist() if n in set(rows.tolist())
    }


def test_the_objects_of_the_commands_are_plain_json(ran: Ran) -> None:
    compiled, _ = ran
    for found in (
        compile_object(compiled, "p.neu"),
        program_object(compiled),
        simulate_object(record_of(*ran, "small")),
    ):
        assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_simulation_writes_its_page_and_its_outputs(ran: Ran, tmp_path) -> None:
    compiled, evaluated = ran
    simulation = Simulation(compiled=compiled, evaluated=evaluated)
    simulation.report(tmp_path / "run.html")
    simulation.save_outputs(tmp_path / "y.npz")
    assert "tianji, ANN mode" in (tmp_path / "run.html").read_text()
    with np.load(tmp_path / "y.npz") as file:
        assert np.array_equal(file["y"], simulation.outputs["y"])


def test_references_come_once_and_the_toolset_first() -> None:
    found = cite("requantize", ["fan_in", "fan_in", "all", "Someone (2020). arXiv:2001.00001"])
    assert found[0] == TOOLSET
    assert "Jacob" in found[1]
    assert found[2:] == (*METHODS["fan_in"], "Someone (2020). arXiv:2001.00001")
    assert cite("no such model") == (TOOLSET,)
