"""Observations: what the files hold is what the run gives, whatever the level; nothing is left of a run that fails."""

import hashlib
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_strategies import core_inputs, core_networks
from neutrams.base.errors import CapacityError, InputError, UnsupportedError
from neutrams.mapping import map_network
from neutrams.neurons import models
from neutrams.program import Program
from neutrams.reference import prepare
from neutrams.simulator import Run, simulate
from neutrams.simulator.late.sample import Wiring
from neutrams.simulator.observe import observing, table, watched_neurons
from neutrams.simulator.observe.schema import TABLES
from neutrams.simulator.schedule import schedule
from routing import routed
from simulator_programs import oracle, programs, random_inputs, random_program

SPIKING = ("if_hard", "if_soft")
LEAKY = tuple(sorted(name for name, model in models().items() if model.mode == "snn" and model.reset is None))
Tables = dict[str, dict[str, Any]]


def read(folder: Path) -> Tables:
    """Columns of each file, as arrays."""
    return {
        path.stem: {name: column.to_numpy() for name, column in zip(t.column_names, t.columns, strict=True)}
        for path in sorted(folder.iterdir())
        for t in [pq.read_table(path)]
    }


def observed(
    program: Program, inputs: dict[str, Any], level: str = "cycle", watch: str = "", folder: Path | None = None
) -> tuple[Run, Tables]:
    """A run and what was written of it."""
    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "seen"
        with observing(program, place, level, watched_neurons(program, watch)) as observer:
            run = simulate(program, inputs, level=level, observer=observer)
        return run, read(place)


def placed(program: Program, skip_zero: bool = False) -> Program:
    """The program with its tiles on cores in two columns, some of which two tiles share."""
    chip = program.chip.with_values(board={"rows": 8, "columns": 2}, signal={"skip_zero": skip_zero})
    tiles = replace(program.tiles, core=np.arange(len(program.tiles)) * 3 // 4)
    return routed(replace(program, chip=chip, tiles=tiles))


def core_of(program: Program) -> Any:
    """The core of each neuron."""
    return np.repeat(program.tiles.core, np.diff(program.tiles.neurons))


def ticks_of(found: dict[str, Any], sample: int, column: str) -> Any:
    return found[column][found["sample"] == sample]


@given(program=programs((*SPIKING, *LEAKY)), level=st.sampled_from(["functional", "tick", "cycle"]))
def test_spikes_and_potentials_are_those_of_the_literal_clock(program: Program, level: str) -> None:
    program, inputs = placed(program), random_inputs(program, 3, 0)
    last = len(program.neurons) - 1
    watch = f"0-{last // 2},y,{last}" if models()[program.model].states else ""
    _, tables = observed(program, inputs, level, watch)
    neurons = watched_neurons(program, watch)
    for sample in range(3):
        wanted = oracle(program, {name: x[sample : sample + 1] for name, x in inputs.items()})
        tick, neuron = (ticks_of(tables["spikes"], sample, name) for name in ("tick", "neuron"))
        np.testing.assert_array_equal(np.stack([tick, neuron]), np.stack(np.nonzero(wanted.raster)))
        if watch:
            self_tick, step, own, v = (
                ticks_of(tables["potentials"], sample, name) for name in ("tick", "step", "neuron", "potential")
            )
            tile = np.searchsorted(program.tiles.neurons, own, side="right") - 1
            np.testing.assert_array_equal(v, wanted.potential[self_tick, own])
            np.testing.assert_array_equal(self_tick, program.tiles.start[tile] + step * program.ticks_per_step)
            assert len(v) == len(neurons) * program.steps
    assert set(tables) >= {"events", "spikes"}
    assert ("potentials" in tables) == bool(watch)


@given(
    program=programs((*SPIKING, *LEAKY, "requantize")),
    skip_zero=st.booleans(),
    late=st.sampled_from(["wait", "late", "lost"]),
    cycles=st.sampled_from([0, 1, 60, 200]),
)
def test_sums_over_the_files_are_the_counts_of_the_run(
    program: Program, skip_zero: bool, late: str, cycles: int
) -> None:
    program, inputs = placed(program, skip_zero), random_inputs(program, 3, 0)
    times = {"cycle_s": 1e-9, "ann_s": cycles * 1e-9, "snn_s": cycles * 1e-9, "late": "wait" if skip_zero else late}
    program = replace(program, chip=program.chip.with_values(tick=times))
    run, tables = observed(program, inputs)
    events, ticks, cores, found = tables["events"], tables["ticks"], tables["cores"], run.cycles
    assert found is not None
    for column in ("axon_events", "synapse_events", "neuron_updates"):
        total = np.bincount(events["tile"], events[column], len(program.tiles))
        np.testing.assert_array_equal(total, getattr(run.activity, column))
    np.testing.assert_array_equal(np.bincount(events["tile"], events["updates"]), run.activity.tile_updates)
    assert events["sent"].sum() == run.activity.sent.sum()
    np.testing.assert_array_equal(ticks["cycles"], found.tick_cycles)
    assert ticks["core_cycles"].sum() == found.core_cycles
    assert ticks["needed_cycles"].max() == found.longest_cycles
    assert ticks["missed"].sum() == pytest.approx((found.late + found.lost) * found.samples)
    assert ticks["words"].sum() == found.latency.sum() == tables["latencies"]["words"].sum()
    assert cores["sent_words"].sum() == cores["received_words"].sum() == ticks["words"].sum()
    alike = 3 * program.steps if program.mode == "ann" and not skip_zero else 1  # one step of one sample stands for all
    wiring, most = Wiring(program, schedule(program)), int(program.tiles.core.max()) + 1
    words = run.activity.sent[wiring.neuron]
    for column, home in (("sent_words", core_of(program)[wiring.neuron]), ("received_words", wiring.key % most)):
        total = np.bincount(cores["core"], cores[column], most)
        np.testing.assert_array_equal(total * alike, np.bincount(home, words, most))
    assert cores["rows"].sum() * alike == run.activity.axon_events.sum()
    assert cores["neurons"].sum() * alike == run.activity.neuron_updates.sum()
    assert dict(zip(*tables["queues"].values(), strict=True)) == dict(found.peak_flits)


@given(data=st.data())
def test_flits_of_links_are_those_of_the_routes(data: st.DataObject) -> None:
    network, chip = data.draw(core_networks())
    try:
        copying = chip.with_values(board={"multicast": "copy"}, noc={"table_entries": 0, "default_route": False})
        program = map_network(network, copying).program
    except (CapacityError, UnsupportedError):
        return
    given_to_ports = prepare(network, data.draw(core_inputs(network)))
    inputs = {port.name: given_to_ports[port.name] for port in program.inputs}
    run, tables = observed(program, inputs)
    assert run.cost is not None
    links, found = tables["links"], {}
    for a, b, flits in zip(links["link_from"], links["link_to"], links["flits"], strict=True):
        found[int(a), int(b)] = found.get((int(a), int(b)), 0) + int(flits)
    steps = program.steps if program.mode == "ann" else 1 / run.activity.samples
    found = {link: steps * flits for link, flits in found.items()}
    assert found == pytest.approx({link: flits for link, flits in run.cost.link_flits.items() if flits})


@given(program=programs((*SPIKING, "requantize")), skip_zero=st.booleans())
def test_observing_changes_no_result_and_gives_the_same_bytes_again(program: Program, skip_zero: bool) -> None:
    program, inputs = placed(program, skip_zero), random_inputs(program, 3, 0)
    alone = simulate(program, inputs, level="cycle")
    with tempfile.TemporaryDirectory() as name:
        runs = [observed(program, inputs, folder=Path(name) / part)[0] for part in "ab"]
        files = [{f.name: f.read_bytes() for f in (Path(name) / part).iterdir()} for part in "ab"]
    assert files[0] == files[1]
    for run in runs:
        np.testing.assert_array_equal(run.counts["y"], alone.counts["y"])
        assert run.cost == alone.cost
        assert run.cycles is not None
        assert alone.cycles is not None
        np.testing.assert_array_equal(run.cycles.tick_cycles, alone.cycles.tick_cycles)
        np.testing.assert_array_equal(run.cycles.latency, alone.cycles.latency)


def test_row_groups_have_one_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "ROWS", 5)
    program = random_program(1, "if_soft", 9, 1)
    observed(placed(program), random_inputs(program, 2), folder=tmp_path / "seen")
    for name in ("ticks", "cores", "events"):
        file = pq.ParquetFile(tmp_path / "seen" / f"{name}.parquet")
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        assert sum(sizes) > 10 or name == "events"
        assert set(sizes[:-1]) <= {5}
        assert 1 <= sizes[-1] <= 5


def test_files_say_what_they_hold(tmp_path: Path) -> None:
    program = placed(random_program(1, "if_soft", 3, 1))
    observed(program, random_inputs(program, 1), watch="0", folder=tmp_path / "seen")
    assert {path.stem for path in (tmp_path / "seen").iterdir()} == set(TABLES)
    digests = set()
    for path in (tmp_path / "seen").iterdir():
        schema = pq.read_schema(path)
        assert schema.metadata[b"neutrams.chip"] == b"tianji"
        assert (schema.metadata[b"neutrams.mode"], schema.metadata[b"neutrams.level"]) == (b"snn", b"cycle")
        digests.add(schema.metadata[b"neutrams.program_sha256"])
        for column in TABLES[path.stem]:
            assert schema.field(column.name).metadata[b"unit"] == column.unit.encode()
    assert len(digests) == 1
    assert len(digests.pop()) == len(hashlib.sha256().hexdigest())


def test_an_observation_is_replaced_as_a_whole_and_other_folders_are_left_alone(tmp_path: Path) -> None:
    program = placed(random_program(1, "if_soft", 3, 1))
    observed(program, random_inputs(program, 2), folder=tmp_path / "seen")
    _, tables = observed(program, random_inputs(program, 2), "functional", folder=tmp_path / "seen")
    assert set(tables) == {"events", "spikes"}
    (tmp_path / "seen" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"the folder holds something else: notes\.txt.*give a new folder"):
        observed(program, random_inputs(program, 2), folder=tmp_path / "seen")
    with pytest.raises(InputError, match=r"it is a file"):
        observed(program, random_inputs(program, 2), folder=tmp_path / "seen" / "notes.txt")
    with pytest.raises(InputError, match=r"there is no folder .*none'"):
        observed(program, random_inputs(program, 2), folder=tmp_path / "none" / "seen")
    assert [path.name for path in tmp_path.iterdir()] == ["seen"]


def test_nothing_is_left_of_a_run_that_fails(tmp_path: Path) -> None:
    program = placed(random_program(1, "if_soft", 3, 1))
    with pytest.raises(RuntimeError, match="stop"), observing(program, tmp_path / "seen", "cycle", np.array([0])):
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "neurons"), [("", []), ("3", [3]), ("5, 0,2-4,3", [0, 2, 3, 4, 5]), ("y", None), ("y,0-1", None)]
)
def test_neurons_are_named_by_numbers_ranges_and_outputs(text: str, neurons: list[int] | None) -> None:
    program = random_program(1, "if_soft", 3, 1)
    if neurons is None:
        neurons = sorted({*program.outputs[0].neuron.tolist(), *([0, 1] if "0-1" in text else [])})
    assert watched_neurons(program, text).tolist() == neurons


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "z",
            r"'z' is neither a neuron, a range of them nor an output.*write e.g. 0,5,12-20, or one of the outputs 'y'",
        ),
        ("-3", r"'-3' is neither"),
        ("3-", r"'3-' is neither"),
        ("7-3", r"'7-3' is outside the program's neurons.*the smaller one first"),
        ("0-99999", r"is outside the program's neurons.*take neurons from 0 to \d+"),
    ],
)
def test_what_names_no_neuron_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        watched_neurons(random_program(1, "if_soft", 3, 1), text)


def test_ann_neurons_have_no_potential() -> None:
    with pytest.raises(InputError, match=r"neurons of model 'requantize' have no potential.*watch spiking programs"):
        watched_neurons(random_program(1, "requantize", 1, 1), "0")
