"""NIR graphs: every primitive and recurrence as the oracle has them; sub-graphs; broadcasting; bad files."""

import os
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neutrams as nt
from neutrams.base.arrays import FloatArray
from neutrams.base.errors import FormatError, InputError, NeutramsError, SpecError, UnsupportedError
from neutrams.evaluate import run as evaluate
from neutrams.flow.inspect import inspect_model
from neutrams.importers.nir import PRESETS, NirOptions, from_nir, nir_options
from neutrams.importers.nir_options import parsed_options
from neutrams.network import Network, Spiking
from neutrams.network.text import from_text, to_text
from neutrams.reference import run
from nir_graphs import DT, Drawn, chains, neuron, numbers, recurrent
from nir_oracle import NEURONS, Ways, simulate

DATA = os.environ.get("NEUTRAMS_DATA")
with_data = pytest.mark.skipif(DATA is None, reason="NEUTRAMS_DATA is not set; it names the folder of real models")
WAYS = st.builds(
    Ways, dt=st.just(DT), reset=st.sampled_from(["zero", "subtract"]), strict=st.booleans(), many=st.just(False),
    current=st.sampled_from(["first", "last"]), refractory=st.sampled_from([0, 2]),
)  # fmt: skip


def imported(drawn: Drawn, ways: Ways, **more: object) -> Network:
    return from_nir(
        drawn.graph, preset="nir", steps=len(drawn.x), dt=ways.dt, reset=ways.reset, strict=ways.strict,
        current=ways.current, refractory=ways.refractory * ways.dt, **more,
    )  # fmt: skip


def output(network: Network, x: FloatArray) -> FloatArray:
    return run(network, {"input": x[np.newaxis]})["output"][0]


@given(drawn=chains(), ways=WAYS)
def test_every_primitive_is_what_the_oracle_computes(drawn: Drawn, ways: Ways) -> None:
    found = output(imported(drawn, ways), drawn.x)
    assert np.array_equal(found, simulate(drawn.graph, {"input": drawn.x}, ways)["output"])


@given(drawn=recurrent(), ways=WAYS, feedback=st.sampled_from(["spikes", "currents"]))
def test_recurrence_is_its_steps_one_after_the_other(drawn: Drawn, ways: Ways, feedback: str) -> None:
    found = output(imported(drawn, ways, feedback=feedback), drawn.x)
    late = drawn.spikes if feedback == "spikes" else drawn.currents
    assert np.array_equal(found, simulate(drawn.graph, {"input": drawn.x}, ways, late)["output"])


@given(data=st.data(), drawn=recurrent(), ways=WAYS)
def test_named_edges_are_late_in_any_order_of_edges(data: st.DataObject, drawn: Drawn, ways: Ways) -> None:
    drawn.graph.edges = data.draw(st.permutations(drawn.graph.edges))
    late = tuple(data.draw(st.permutations(drawn.currents)))
    found = output(imported(drawn, ways, delayed=late), drawn.x)
    assert np.array_equal(found, simulate(drawn.graph, {"input": drawn.x}, ways, late)["output"])


@given(drawn=st.one_of(chains(), recurrent()), ways=WAYS, read=st.sampled_from(["spikes", "count"]))
def test_fast_evaluation_and_the_text_form_give_the_same(drawn: Drawn, ways: Ways, read: str) -> None:
    network = imported(drawn, ways, read=read)
    x = {"input": np.stack([drawn.x, drawn.x[::-1]])}
    want = run(network, x)["output"]
    assert np.array_equal(evaluate(network, x)["output"], want)
    again = from_text(*to_text(network))
    assert again == network
    assert np.array_equal(run(again, x)["output"], want)


@given(drawn=recurrent(), ways=WAYS)
def test_counts_are_sums_of_spikes(drawn: Drawn, ways: Ways) -> None:
    spikes = output(imported(drawn, ways), drawn.x)
    assert np.array_equal(output(imported(drawn, ways, read="count"), drawn.x), spikes.sum(axis=0))


@given(drawn=recurrent(), ways=WAYS)
def test_a_sub_graph_is_what_it_holds(drawn: Drawn, ways: Ways) -> None:
    """The whole graph as a node of another graph, twice nested."""
    inner = drawn.graph
    for _ in range(2):
        ports = {"input": nir.Input(np.array(drawn.x.shape[1:])), "output": inner.nodes["output"]}
        edges = [("input", "body"), ("body", "output")]
        inner = nir.NIRGraph({**ports, "body": inner}, edges, type_check=False)
    nested = output(imported(replace(drawn, graph=inner), ways), drawn.x)
    assert np.array_equal(nested, output(imported(drawn, ways), drawn.x))


@given(seed=st.integers(0, 999), kind=st.sampled_from(NEURONS), shape=st.sampled_from([(3,), (2, 2, 3)]))
def test_scalar_parameters_serve_all_neurons(seed: int, kind: str, shape: tuple[int, ...]) -> None:
    def graph(node: nir.NIRNode) -> nir.NIRGraph:
        ends = {"input": nir.Input(np.array(shape)), "output": nir.Output(np.array(shape))}
        return nir.NIRGraph({**ends, "n": node}, [("input", "n"), ("n", "output")], type_check=False)

    scalar = neuron(np.random.default_rng(seed), kind, shape, scalar=True)
    full = neuron(np.random.default_rng(seed), kind, shape, scalar=True)
    for key, value in vars(full).items():
        if isinstance(value, np.ndarray):
            setattr(full, key, np.full(shape, value))
    assert from_nir(graph(scalar), steps=3, dt=DT) == from_nir(graph(full), steps=3, dt=DT)


@given(seed=st.integers(0, 999), steps=st.integers(2, 8), k=st.integers(1, 3))
def test_a_delay_in_a_cycle_is_the_delay_of_the_cycle(seed: int, steps: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    nodes = {
        "input": nir.Input(np.array([2])), "lif": neuron(rng, "LIF", (2,)),
        "w": nir.Affine(numbers(rng, 2, 2), numbers(rng, 2)), "wait": nir.Delay(np.full(2, k * DT)),
        "output": nir.Output(np.array([2])),
    }  # fmt: skip
    edges = [("input", "lif"), ("lif", "w"), ("w", "wait"), ("wait", "lif"), ("lif", "output")]
    drawn = Drawn(nir.NIRGraph(nodes, edges, type_check=False), numbers(rng, steps, 2) + 1)
    found = output(imported(drawn, Ways(dt=DT)), drawn.x)
    cell = simulate_delay_cycle(nodes, drawn.x, k)
    assert np.array_equal(found, cell)


def simulate_delay_cycle(nodes: dict[str, nir.NIRNode], x: FloatArray, k: int) -> FloatArray:
    lif, w = nodes["lif"], nodes["w"]
    v, given = np.zeros(2), []
    for t in range(len(x)):
        back = w.weight @ given[t - k] + w.bias if t >= k else np.zeros(2)
        v = v + DT / lif.tau * ((lif.v_leak - v) + lif.r * (x[t] + back))
        spikes = (v > lif.v_threshold).astype(float)
        v = np.where(spikes > 0, lif.v_reset, v)
        given.append(spikes)
    return np.array(given)


def chain(*nodes: nir.NIRNode, shape: tuple[int, ...] = (2,), end: tuple[int, ...] | None = None) -> nir.NIRGraph:
    names = ["input", *(f"n{k}" for k in range(len(nodes))), "output"]
    ends = [nir.Input(np.array(shape)), *nodes, nir.Output(np.array(end or shape))]
    return nir.NIRGraph(dict(zip(names, ends, strict=True)), list(pairwise(names)), type_check=False)


def lif(**changes: FloatArray) -> nir.LIF:
    two = {"tau": 0.01, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0}
    node = nir.LIF(**{key: np.full(2, value) for key, value in two.items()})
    for key, value in changes.items():
        setattr(node, key, value)
    return node


def test_a_feedback_by_hand() -> None:
    """Two neurons in a ring of weight 1, kicked once: the spike goes round, a step each way."""
    ones = np.ones(1)
    node = {"r": ones, "v_threshold": 0.5 * ones, "v_reset": 0 * ones}
    nodes = {
        "input": nir.Input(np.array([1])),
        "a": nir.IF(**node),
        "b": nir.IF(**node),
        "output": nir.Output(np.array([1])),
    }
    edges = [("input", "a"), ("a", "b"), ("b", "a"), ("a", "output")]
    graph = nir.NIRGraph(nodes, edges, type_check=False)
    x = np.zeros((5, 1))
    x[0] = 1
    assert output(from_nir(graph, steps=5, dt=1.0), x).ravel().tolist() == [1, 1, 1, 1, 1]
    both = from_nir(graph, steps=5, dt=1.0, delayed=(("a", "b"), ("b", "a")))
    assert output(both, x).ravel().tolist() == [1, 0, 1, 0, 1]


@with_data
def test_what_the_data_folder_holds_is_read_with_every_preset() -> None:
    data = Path(DATA or "")
    for name, shape in (("lif_norse", (1,)), ("braille_noDelay_noBias_subtract", (7,))):
        for preset in PRESETS:
            network = nt.load(data / "nir" / f"{name}.nir", preset=preset, steps=9, dt=1e-4)
            x = np.random.default_rng(0).integers(0, 2, (2, *network.inputs[0].shape)).astype(float)
            spikes = run(network, {"input": x})["output"]
            assert spikes.shape == (2, 9, *shape)
            assert np.array_equal(evaluate(network, {"input": x})["output"], spikes)


def test_options_change_neurons_as_documented() -> None:
    graph = chain(lif(r=np.full(2, 3.0), v_leak=np.full(2, 0.25), v_reset=np.full(2, 0.5)))

    def spiking(**options: object) -> Spiking:
        return next(node for node in from_nir(graph, **options).nodes if isinstance(node, Spiking))  # type: ignore[arg-type]

    norse = spiking(preset="norse")
    assert norse.parameters["r"].tolist() == [1, 1]
    assert norse.parameters["v_reset"].tolist() == [0, 0]
    assert norse.parameters["initial"].tolist() == [0.25, 0.25]
    assert spiking(preset="nir").parameters["v_reset"].tolist() == [0.5, 0.5]
    assert spiking(refractory=0.003, dt=0.001).parameters["refractory"].tolist() == [3, 3]
    assert spiking(bounded=("LIF",)).parameters["v_min"].tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": "nest"}, "preset is 'nest'; take one of nir, snntorch"),
        ({"reset": "hard"}, "reset is 'hard'; take one of zero, subtract"),
        ({"steps": 0}, "steps is 0; give a whole number from 1"),
        ({"dt": float("nan")}, "dt is nan; give a positive number of seconds"),
        ({"refractory": -1.0}, "refractory is -1.0; give a number of seconds"),
        ({"speed": 1}, "speed is 1; there is no such option, take one of steps, dt"),
        ({"many": "false"}, "many is 'false'; give True or False"),
        ({"delayed": (("a",),)}, r"delayed is \('a',\); give edges, each by the two names from>to"),
        ({"delayed": (("n", "fc", "x"),)}, r"delayed is \('n', 'fc', 'x'\); give edges, each by the two names"),
        ({"delayed": (("a", ""),)}, r"delayed is \('a', ''\); give edges"),
        ({"delayed": "a>b"}, "delayed is 'a>b'; give edges"),
        ({"bounded": ("FOO",)}, "bounded is 'FOO'; give names of models of CubaLIF, IF, LIF"),
        ({"bounded": ("LI",)}, "bounded is 'LI'; give names of models"),
        ({"ignored": ("r", "foo")}, "ignored is 'foo'; give names of parameters of NIR's neurons, such as r"),
        ({"ignored": ("IF.tau",)}, "ignored is 'IF.tau'; give names of parameters"),
        ({"ignored": "v_reset"}, "ignored is 'v_reset'; give names of parameters"),
    ],
)
def test_wrong_options_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        nir_options(**changes)  # type: ignore[arg-type]


@given(texts=st.dictionaries(st.sampled_from([f.name for f in fields(NirOptions)]), st.text("ab>,1.LIF ", max_size=8)))
def test_any_text_is_an_option_or_refused(texts: dict[str, str]) -> None:
    try:
        options = nir_options(**parsed_options(texts))  # type: ignore[arg-type]
    except SpecError:
        return
    assert all(len(edge) == 2 and all(edge) for edge in options.delayed)


@pytest.mark.parametrize("text", ["a", "a>", "n>fc>x", "a>b,c"])
def test_a_text_that_names_no_edge_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"delayed is .*give edges, each by the two names from>to"):
        nir_options(**parsed_options({"delayed": text}))  # type: ignore[arg-type]
    assert parsed_options({"delayed": "a>b, c > d"}) == {"delayed": (("a", "b"), ("c", "d"))}


def test_a_delayed_edge_must_be_there() -> None:
    with pytest.raises(SpecError, match="there is no edge 'n0' -> 'n0'"):
        from_nir(chain(lif()), delayed=(("n0", "n0"),))


LIFS = chain(lif())


def broken(change: Callable[[nir.NIRGraph], object]) -> nir.NIRGraph:
    graph = chain(nir.Linear(np.ones((2, 2))), lif())
    change(graph)
    return graph


@pytest.mark.parametrize(
    ("graph", "error", "message"),
    [
        (chain(lif(tau=np.array([np.nan, 1]))), InputError, "tau of node 'n0': 1 of 2 values are NaN"),
        (chain(lif(tau=np.array([0.0, 1]))), InputError, "node 'n0': tau is 0; give positive values"),
        (chain(lif(tau=np.ones(3))), InputError, "'n0': its parameters do not broadcast together: tau .3,."),
        (chain(lif(), shape=(3,)), InputError, "'n0': tau of shape .2,. does not broadcast to its input of .3,."),
        (chain(nir.Linear(np.ones((2, 3)))), InputError, "node 'n0': Linear takes one tensor with a last axis of 3"),
        (chain(nir.Linear(np.full((2, 2), np.inf))), InputError, "weight of node 'n0': 4 of 4 values are NaN"),
        (chain(nir.Scale(np.ones(3))), InputError, "'n0': a scale of shape .3,. meets a signal of shape .2,."),
        (chain(nir.Affine(np.ones((2, 2)), np.ones(3))), InputError, "'n0': its bias has shape .3,."),
        (chain(lif(), end=(3,)), InputError, "'output': its shape is .3,., what it reads has .2,."),
        (chain(nir.Delay(np.full(2, -1.0))), InputError, "'n0': delay is -1; give delays from 0"),
        (broken(lambda g: g.nodes.pop("input")), FormatError, "edge 'input' -> 'n0': there is no node 'input'"),
        (broken(lambda g: (g.nodes.pop("input"), g.edges.pop(0))), FormatError, "it has no Input node"),
        (broken(lambda g: (g.nodes.pop("output"), g.edges.pop())), FormatError, "it has no Output node"),
        (broken(lambda g: g.edges.append(("n0", "n1"))), FormatError, "edge 'n0' -> 'n1': it is there twice"),
        (broken(lambda g: g.edges.pop(0)), FormatError, "node 'n0': no edge leads to it"),
        (broken(lambda g: g.edges.append(("n0", "input"))), FormatError, "'input': an edge leads to this Input"),
        (broken(lambda g: g.edges.append(("output", "n1"))), FormatError, "'output': an edge starts at this Output"),
    ],
)  # fmt: skip
def test_bad_graphs_are_refused_with_file_and_node(
    graph: nir.NIRGraph, error: type[NeutramsError], message: str, tmp_path: Path
) -> None:
    nir.write(tmp_path / "bad.nir", graph)
    with pytest.raises(error, match=f"bad.nir, .*{message}"):
        nt.load(tmp_path / "bad.nir")


def test_unknown_primitives_are_listed(tmp_path: Path) -> None:
    nir.write(tmp_path / "odd.nir", LIFS)
    with h5py.File(tmp_path / "odd.nir", "a") as file:
        del file["node/nodes/n0/type"]
        file["node/nodes/n0/type"] = "Izhikevich"
    with pytest.raises(UnsupportedError, match=r"odd.nir.*no NIR primitives: Izhikevich \('n0'\)"):
        nt.load(tmp_path / "odd.nir")
    assert "Izhikevich ('n0')" in str(inspect_model(tmp_path / "odd.nir")["unsupported"])


@pytest.mark.parametrize(
    "edges", [np.array([1, 2, 3]), 3, 0.5, "ab", np.array([[1, 2]]), ["ab", "cd"], [["a", "b", "c"]]]
)
def test_edges_that_are_no_pairs_of_names_are_refused(edges: object, tmp_path: Path) -> None:
    nir.write(tmp_path / "odd.nir", LIFS)
    with h5py.File(tmp_path / "odd.nir", "a") as file:
        del file["node/edges"]
        file["node/edges"] = edges
    for read in (nt.load, inspect_model):
        with pytest.raises(FormatError, match=r"odd.nir, graph 'node': an edge is not a pair of names"):
            read(tmp_path / "odd.nir")


@pytest.mark.parametrize("keep", [0, 7, 100, 1000, -1])
def test_truncated_files_are_refused(keep: int, tmp_path: Path) -> None:
    nir.write(tmp_path / "whole.nir", LIFS)
    (tmp_path / "cut.nir").write_bytes((tmp_path / "whole.nir").read_bytes()[:keep])
    with pytest.raises(FormatError, match=r"cut.nir: it cannot be read as NIR in HDF5"):
        nt.load(tmp_path / "cut.nir")


@given(data=st.data())
def test_damaged_files_are_read_or_refused(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("nir") / "flipped.nir"
    nir.write(path, LIFS)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    told = ""
    try:
        nt.load(path, steps=2)
    except NeutramsError as error:
        told = str(error)
    assert told == "" or "flipped.nir" in told


def test_a_missing_file_and_an_option_of_another_format(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read this NIR file"):
        nt.load(tmp_path / "none.nir")
    (tmp_path / "x.onnx").write_bytes(b"")
    with pytest.raises(SpecError, match=r"'.onnx' have no option 'steps'"):
        nt.load(tmp_path / "x.onnx", steps=3)


def test_inspect_tells_what_a_file_holds(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    nir.write(tmp_path / "small.nir", LIFS)
    status, out, _ = run("inspect", tmp_path / "small.nir", "--chip", "tianji", "--json")
    assert status == 0
    assert '"LIF": 1' in out
    assert "if_hard: the potential decays in 'n0'" in out


def test_a_chip_in_ann_mode_refuses_spiking_neurons_in_one_line() -> None:
    network = from_nir(LIFS, steps=3)
    with pytest.raises(SpecError, match=r"spiking neurons is compiled in mode ann.*take mode snn.*3 steps of its own"):
        nt.compile(network, "tianji", np.zeros((1, 3, 2)))


def test_presets_are_options() -> None:
    assert all(isinstance(options, NirOptions) for options in PRESETS.values())
    assert nir_options() == PRESETS["nir"] == NirOptions()
