"""A network exported as NIR and read again computes the same bits; the graph is one that other tools read."""

import os
from pathlib import Path

import nir
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import neutrams as nt
from loop_strategies import looped_networks
from neutrams.base.errors import CapacityError, FormatError, SpecError, UnsupportedError
from neutrams.exporters.nir import export_nir, to_nir
from neutrams.flow import CompileOptions, compile_model
from neutrams.importers.nir import PRESETS, from_nir
from neutrams.network import (
    Add,
    Constant,
    Conv,
    Input,
    Linear,
    Mul,
    Network,
    Node,
    Output,
    Spiking,
    Stack,
    State,
    Unstack,
    Update,
)
from neutrams.reference import run
from nir_graphs import DT, Drawn, chains, recurrent
from spiking_strategies import chip_for, spikes, spiking_networks

DATA = os.environ.get("NEUTRAMS_DATA")
GRAPHS = st.one_of(chains(), recurrent())


def same(a: Network, b: Network, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    x = {node.name: rng.normal(0.5, 1, (3, *node.shape)) for node in a.inputs}
    found, want = run(b, x), run(a, x)
    assert found.keys() == want.keys()
    assert all(np.array_equal(found[name], want[name]) for name in want)


@given(drawn=GRAPHS, preset=st.sampled_from(sorted(PRESETS)), read=st.sampled_from(["spikes", "count"]))
def test_reading_again_computes_the_same_bits(drawn: Drawn, preset: str, read: str) -> None:
    options = {"dt": DT, "steps": len(drawn.x), "read": read, "refractory": 2 * DT}
    network = from_nir(drawn.graph, preset=preset, **options)  # type: ignore[arg-type]
    same(network, from_nir(to_nir(network)))


@given(drawn=GRAPHS)
def test_a_file_holds_the_graph_and_the_same_network_gives_the_same_bytes(
    drawn: Drawn, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("nir")
    network = from_nir(drawn.graph, preset="snntorch", dt=DT, steps=len(drawn.x), reset="subtract")
    for name in ("a.nir", "b.nir"):
        export_nir(network, folder / name)
    assert (folder / "a.nir").read_bytes() == (folder / "b.nir").read_bytes()
    same(network, nt.load(folder / "a.nir"))


@given(drawn=chains())
def test_primitives_stay_what_they_are(drawn: Drawn) -> None:
    again = to_nir(from_nir(drawn.graph, dt=DT))
    kinds = {name: type(node).__name__ for name, node in drawn.graph.nodes.items()}
    free = {"Affine": "Linear", "Conv2d": "SumPool2d"}  # a bias of zero; a convolution that sums
    for name, node in again.nodes.items():
        found = type(node).__name__
        assert found in (kinds[name], free.get(kinds[name]))
    assert set(again.edges) == set(drawn.graph.edges)


@pytest.mark.skipif(DATA is None, reason="NEUTRAMS_DATA is not set; it names the folder of real models")
@pytest.mark.parametrize("name", ["lif_norse", "braille_noDelay_noBias_subtract"])
@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_the_graphs_of_the_data_folder_come_back_whole(name: str, preset: str, tmp_path: Path) -> None:
    network = nt.load(Path(DATA or "") / "nir" / f"{name}.nir", preset=preset, steps=20)
    export_nir(network, tmp_path / "again.nir")
    assert nt.load(tmp_path / "again.nir") == network
    graph = nir.read(tmp_path / "again.nir")  # with nir's own checks
    given = nir.read(Path(DATA or "") / "nir" / f"{name}.nir")
    assert set(graph.edges) == set(given.edges)
    for key, node in given.nodes.items():
        if hasattr(node, "weight"):
            assert np.array_equal(graph.nodes[key].weight, node.weight)


def test_steps_and_read_may_change_and_a_preset_overrides_what_the_file_says(tmp_path: Path) -> None:
    network = hand_made()
    export_nir(network, tmp_path / "n.nir")
    longer = nt.load(tmp_path / "n.nir", steps=9)
    assert longer.inputs[0].shape == (9, 2)
    assert spiking(longer).reset == "subtract"
    assert spiking(nt.load(tmp_path / "n.nir", preset="nir")).reset == "zero"


CHANGES = {
    "dt": DT / 2, "reset": "subtract", "strict": True, "many": True, "current": "first", "method": "exponential",
    "integrators": "step", "initial": "leak", "bounded": ("LIF", "IF"), "refractory": 3 * DT, "ignored": ("r",),
    "steps": 3, "read": "count",
}  # fmt: skip


@given(drawn=GRAPHS, preset=st.sampled_from(["nir", "spikingjelly"]), keys=st.sets(st.sampled_from(sorted(CHANGES))))
def test_options_change_what_they_name_of_what_the_file_says(drawn: Drawn, preset: str, keys: set[str]) -> None:
    """As if they had been named when the graph was read first."""
    base = {"dt": DT, "steps": len(drawn.x), "refractory": 2 * DT}
    changes = {key: CHANGES[key] for key in keys}
    again = from_nir(to_nir(from_nir(drawn.graph, preset=preset, **base)), **changes)  # type: ignore[arg-type]
    same(from_nir(drawn.graph, preset=preset, **base | changes), again)  # type: ignore[arg-type]


def test_options_take_back_what_others_chose() -> None:
    two = np.full(2, 0.5)
    lif = nir.LIF(tau=2 * DT * np.ones(2), r=two, v_leak=two, v_threshold=two, v_reset=0 * two)
    nodes = {"a": nir.Input(np.array([2])), "n": nir.IF(r=two, v_threshold=two, v_reset=two), "m": lif}
    graph = nir.NIRGraph(
        nodes | {"y": nir.Output(np.array([2]))}, [("a", "n"), ("n", "m"), ("m", "y")], type_check=False
    )
    chose = {"initial": "leak", "bounded": ("IF", "LIF"), "refractory": 2 * DT, "integrators": "step", "dt": DT}
    other = {"initial": "zero", "bounded": (), "refractory": 0.0, "integrators": "dt"}
    written = to_nir(from_nir(graph, **chose))  # type: ignore[arg-type]
    assert from_nir(graph, **chose | other) == from_nir(written, **other)  # type: ignore[arg-type]


def test_named_edges_are_late_beside_those_of_the_file() -> None:
    late = from_nir(to_nir(hand_made()), delayed=(("scaled", "n_1"),))
    rng = np.random.default_rng(0)
    x = {"x": rng.normal(0.5, 1, (3, 4, 2))}
    (spikes,) = run(late, x).values()
    assert not spikes[:, 0].any()
    assert sum(isinstance(node, State) for node in late.nodes) == 2
    with pytest.raises(SpecError, match="there is no edge 'x' -> 'n_1'"):
        from_nir(to_nir(hand_made()), delayed=(("x", "n_1"),))


def test_feedback_of_a_file_that_names_its_late_edges_is_refused() -> None:
    with pytest.raises(
        SpecError, match="feedback is 'currents', but neutrams wrote into the file which edges are late"
    ):
        from_nir(to_nir(hand_made()), feedback="currents")
    assert from_nir(to_nir(hand_made()), preset="nir", feedback="currents").outputs


def spiking(network: Network) -> Spiking:
    return next(node for node in network.nodes if isinstance(node, Spiking))


def hand_made(*more: Node) -> Network:
    """Spikes of (2 x + (x + fed back)) ⊙ (1, 3), fed back over a weight with a bias."""
    two = {"r": np.ones(2), "v_threshold": np.full(2, 1.5), "v_reset": np.zeros(2), "refractory": np.array([0.0, 1.0])}
    return Network((
        Input(name="x", shape=(4, 2)), Constant(name="zero", values=np.zeros(2)),
        Constant(name="gain", values=np.array([1.0, 3.0])), Unstack(name="now", inputs=("x",)),
        State(name="before", inputs=("zero",)),
        Add(name="in", inputs=("now", "before"), coefficients=np.ones((2, 2)), bias=np.zeros(2)),
        Add(name="all", inputs=("now", "in"), coefficients=np.array([[2.0, 2], [1, 1]]), bias=np.zeros(2)),
        Mul(name="scaled", inputs=("all", "gain")),
        Spiking(name="n/1", inputs=("scaled",), model="IF", parameters=two, dt=0.5, reset="subtract"),
        Linear(name="w", inputs=("n/1",), weights=np.array([[0.0, 0.5], [1, 0]]), bias=np.array([0.25, 0])),
        Update(name="next", inputs=("w",), state="before"),
        *more, Stack(name="steps", inputs=("n/1",), steps=4), Output(name="y", inputs=("steps",)),
    ))  # fmt: skip


def test_a_graph_by_hand() -> None:
    graph = to_nir(hand_made())
    assert {name: type(node).__name__ for name, node in graph.nodes.items()} == {
        "x": "Input", "in": "Scale", "all.0": "Scale", "scaled": "Scale", "n_1": "IF", "w": "Affine", "y": "Output",
    }  # fmt: skip
    assert set(graph.edges) == {
        ("x", "in"), ("w", "in"), ("x", "all.0"), ("all.0", "scaled"), ("in", "scaled"), ("scaled", "n_1"),
        ("n_1", "w"), ("n_1", "y"),
    }  # fmt: skip
    same(hand_made(), from_nir(graph))


@given(network=looped_networks())
def test_what_nir_does_not_have_is_listed(network: Network) -> None:
    with pytest.raises(UnsupportedError, match=r"no form in NIR: .*Activation 'tanh0' \(NIR has nothing like it\)"):
        to_nir(network)


def test_a_state_that_starts_elsewhere_is_refused() -> None:
    start = Constant(name="one", values=np.ones(2))
    late = (start, State(name="s", inputs=("one",)), Update(name="u", inputs=("w",), state="s"))
    with pytest.raises(UnsupportedError, match=r"State 's' \(it does not start at zero\)"):
        to_nir(hand_made(*late))


def test_a_damaged_record_is_refused_unless_a_preset_is_named() -> None:
    graph = to_nir(hand_made())
    graph.metadata = {"neutrams": graph.metadata["neutrams"][:40]}
    with pytest.raises(FormatError, match=r"what neutrams wrote .* is damaged.*read the file with a preset"):
        from_nir(graph)
    assert from_nir(graph, preset="nir").outputs


@settings(max_examples=40)
@given(case=spiking_networks(("if_soft", "if_hard")), axons=st.sampled_from([20, 256]), seed=st.integers(0, 99))
def test_a_constrained_network_comes_back_with_its_spikes(case: tuple[Network, str], axons: int, seed: int) -> None:
    """Integer weights, thresholds and charges go through NIR; so do partial sums, spare axons and feedback."""
    network, model = case
    chip = chip_for(model, axons)
    x = spikes(network, seed, 4)
    try:
        core = compile_model(network, chip, x, CompileOptions(mode="snn")).network
    except CapacityError:
        assume(False)  # a convolution's partial sums do not fit
    graph = to_nir(core, chip)
    weights = [node.weight for node in graph.nodes.values() if hasattr(node, "weight")]
    assert weights
    assert all(np.array_equal(w, np.rint(w)) for w in weights)
    again = from_nir(graph)
    (found,), (wanted,) = run(again, x).values(), run(core, x, chip).values()
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("model", ["lif_soft", "lif_shift_hard", "cuba_lif_soft", "cuba_lif_hard_late"])
def test_a_leaky_neuron_keeps_its_constants(model: str) -> None:
    """A potential of many bits loses so little to rounding that nearly all spikes stay in place."""
    rng = np.random.default_rng(0)
    size = np.ones(3)
    given = {"tau": 4e-3 * size, "r": size, "v_leak": 0 * size, "v_threshold": size, "v_reset": 0 * size}
    if model.startswith("cuba"):
        given = {key: given[key] for key in ("r", "v_leak", "v_threshold", "v_reset")}
        given |= {"tau_mem": 4e-3 * size, "tau_syn": 2e-3 * size, "w_in": size}
    soft = "soft" in model
    nodes = (
        Input(name="x", shape=(20, 4)), Unstack(name="now", inputs=("x",)),
        Linear(name="fc", inputs=("now",), weights=rng.normal(1, 1, (3, 4)), bias=np.zeros(3)),
        Spiking(
            name="s", inputs=("fc",), model="CubaLIF" if model.startswith("cuba") else "LIF", parameters=given, dt=1e-3,
            reset="subtract" if soft else "zero", strict=False, method="impulse",
            current="last" if model.endswith("late") else "first",
        ),
        Stack(name="all", inputs=("s",), steps=20), Output(name="y", inputs=("all",)),
    )  # fmt: skip
    network, chip = Network(nodes), chip_for(model)
    x = spikes(network, 0, 16)
    core = compile_model(network, chip, x, CompileOptions(mode="snn")).network
    again = from_nir(to_nir(core, chip))
    (found,), (wanted,) = run(again, x).values(), run(core, x, chip).values()
    assert wanted.any()
    assert (found == wanted).mean() > 0.97


def cuba(name: str, source: str, soft: bool, current: str = "first") -> Spiking:
    size = np.ones(3)
    given = {"r": size, "v_leak": 0 * size, "v_threshold": size / 2, "v_reset": 0 * size, "w_in": size}
    given |= {"tau_mem": 4 * size, "tau_syn": 2 * size}
    reset = "subtract" if soft else "zero"
    return Spiking(name=name, inputs=(source,), model="CubaLIF", parameters=given, dt=1.0, reset=reset, current=current)


@settings(max_examples=25)
@given(seed=st.integers(0, 999), soft=st.booleans(), steps=st.integers(1, 3), bits=st.sampled_from([2, 12]))
def test_neurons_that_repeat_spikes_forget_them_after_a_step(seed: int, soft: bool, steps: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    network = Network((
        Input(name="x", shape=(12, 4)), Unstack(name="now", inputs=("x",)),
        Linear(name="fc", inputs=("now",), weights=rng.normal(1, 1, (3, 4)), bias=np.zeros(3)),
        cuba("s", "fc", soft),
        Spiking(name="d", inputs=("s",), model="Delay", parameters={"delay": np.full(3, float(steps))}, dt=1.0),
        Stack(name="all", inputs=("s",), steps=12), Stack(name="later", inputs=("d",), steps=12),
        Output(name="y", inputs=("all",)), Output(name="z", inputs=("later",)),
    ))  # fmt: skip
    chip = chip_for("cuba_lif_soft" if soft else "cuba_lif_hard", decay_bits=bits)
    x = spikes(network, seed, 8)
    core = compile_model(network, chip, x, CompileOptions(mode="snn")).network
    found = run(from_nir(to_nir(core, chip)), x)
    assert np.array_equal(found["z"][:, steps:], found["y"][:, :-steps])
    assert not found["z"][:, :steps].any()


@pytest.mark.parametrize("soft", [True, False])
def test_a_current_read_a_step_late_comes_back_with_its_spikes(soft: bool) -> None:
    rng = np.random.default_rng(0)
    network = Network((
        Input(name="x", shape=(20, 8)), Unstack(name="now", inputs=("x",)),
        Linear(name="fc", inputs=("now",), weights=rng.normal(size=(3, 8)), bias=np.zeros(3)),
        cuba("s", "fc", soft, "last"), Stack(name="all", inputs=("s",), steps=20), Output(name="y", inputs=("all",)),
    ))  # fmt: skip
    chip = chip_for("cuba_lif_soft" if soft else "cuba_lif_hard")
    x = spikes(network, 0, 32)
    core = compile_model(network, chip, x, CompileOptions(mode="snn")).network
    again = from_nir(to_nir(core, chip))
    assert {node.model for node in again.nodes if isinstance(node, Spiking)} == {"CubaLIF", "Threshold"}
    (wanted,) = run(core, x, chip).values()
    assert wanted.any()
    (found,) = run(again, x).values()
    assert np.array_equal(found, wanted)
    recompiled = compile_model(again, chip, x, CompileOptions(mode="snn")).network
    (once_more,) = run(recompiled, x, chip).values()
    assert np.array_equal(once_more, wanted)


@settings(max_examples=25)
@given(seed=st.integers(0, 999), image=st.booleans(), model=st.sampled_from(["threshold", "if_hard", "if_soft"]))
def test_thresholds_and_images_of_spikes_come_back(seed: int, image: bool, model: str) -> None:
    rng = np.random.default_rng(seed)
    shape = (2, 3, 3) if image else (3,)
    theta = np.broadcast_to(rng.uniform(0.3, 2, (len(shape) and shape[0], *(1,) * (len(shape) - 1))), shape).copy()
    neuron: dict[str, object] = {"model": "Threshold", "parameters": {"threshold": theta}}
    if model != "threshold":
        given_ = {"r": np.ones(shape), "v_threshold": theta, "v_reset": np.zeros(shape)}
        neuron = {"model": "IF", "parameters": given_, "reset": "subtract" if model == "if_soft" else "zero"}
    fc: Node = Linear(name="fc", inputs=("now",), weights=rng.normal(size=(3, 4)), bias=rng.normal(size=3) / 9)
    if image:
        fc = Conv(
            name="fc", inputs=("now",), weights=rng.normal(size=(2, 1, 2, 2)), bias=rng.normal(size=2) / 9,
            stride=(1, 1), dilation=(1, 1),
        )  # fmt: skip
    network = Network((
        Input(name="x", shape=(6, 1, 4, 4) if image else (6, 4)), Unstack(name="now", inputs=("x",)), fc,
        Spiking(name="s", inputs=("fc",), dt=1.0, strict=bool(rng.random() < 0.5), **neuron),  # type: ignore[arg-type]
        Stack(name="all", inputs=("s",), steps=6), Output(name="y", inputs=("all",)),
    ))  # fmt: skip
    chip, x = chip_for(model), spikes(network, seed, 4)
    core = compile_model(network, chip, x, CompileOptions(mode="snn")).network
    graph = to_nir(core, chip)
    assert sorted(type(node).__name__ for node in graph.nodes.values())[-1] in ("Threshold", "Output")
    (found,), (wanted,) = run(from_nir(graph), x).values(), run(core, x, chip).values()
    assert np.array_equal(found, wanted)


def test_what_nir_has_no_neurons_for_is_named() -> None:
    network = Network((
        Input(name="x", shape=(2,)), Linear(name="fc", inputs=("x",), weights=np.eye(2), bias=np.zeros(2)),
        Output(name="y", inputs=("fc",)),
    ))  # fmt: skip
    chip = nt.load_chip("tianji")
    core = compile_model(network, chip, {"x": np.ones((4, 2))}, CompileOptions()).network
    with pytest.raises(UnsupportedError, match="has no form in NIR"):
        to_nir(core, chip)
