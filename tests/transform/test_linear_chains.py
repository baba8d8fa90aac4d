"""What lies between neurons becomes one map: same function, no sum of a sum, and what is too large is named."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neutrams.base.errors import UnsupportedError
from neutrams.flow import CompileOptions, compile_model, run_compiled
from neutrams.network import Add, Conv, Input, Linear, Network, Output, Spiking, Stack, Unstack, ops
from neutrams.reference import run as reference
from neutrams.transform.facts import MOVES
from neutrams.transform.tuning.spiking import linear_chains
from neutrams.transform.tuning.spiking.linear_chains import fold_linear_chains
from spiking_strategies import Spikers, chip_for, event_networks, spikes, spiking_networks, window

SUMS = (Linear, Conv, Add)


def sums_of_sums(network: Network) -> list[str]:
    """Names of the sums that read another one through moves, or in a layer."""

    def moves_a_sum(name: str) -> bool:
        node = network.by_name[name]
        return any(moves_a_sum(i) for i in node.inputs) if isinstance(node, MOVES) else isinstance(node, SUMS)

    return [
        n.name
        for n in network.nodes
        if isinstance(n, SUMS) and not isinstance(n, Add) and any(map(moves_a_sum, n.inputs))
    ]


@settings(deadline=None)
@given(case=st.one_of(event_networks(whole=True), spiking_networks(whole=True)), seed=st.integers(0, 99))
def test_folding_keeps_the_function_and_leaves_no_sum_of_a_sum(case: tuple[Network, str], seed: int) -> None:
    """Whole weights have whole products, so every bit stays."""
    network, _ = case
    folded = fold_linear_chains(network)
    inputs = spikes(network, seed, 2)
    np.testing.assert_array_equal(reference(folded, inputs)["y"], reference(network, inputs)["y"])
    assert sums_of_sums(folded) == []
    sources = [folded.by_name[n.inputs[0]] for n in folded.nodes if isinstance(n, Spiking)]
    assert all(isinstance(source, SUMS) for source in sources)


def between(*windows: tuple[int, int, int, bool], side: int = 6) -> Network:
    """Neurons on an input, windows, neurons."""
    b = Spikers("if_soft", True, np.random.default_rng(0))
    b.add(Input(name="x", shape=(3, 2, side, side)))
    source, shape = b.add(Unstack(name="now", inputs=("x",))), (2, side, side)
    source = b.neurons("n", source, shape)
    for k, how in enumerate(windows):
        source, shape = window(b, f"w{k}", source, shape, how)
    b.add(Stack(name="all", inputs=(b.neurons("m", source, shape),), steps=3))
    b.add(Output(name="y", inputs=("all",)))
    return Network(tuple(b.nodes))


POOL = (2, 2, 0, True)


def test_a_pool_and_a_convolution_within_a_border_by_hand() -> None:
    """Windows of 2 under a kernel of 3 with a border of 1 are a kernel of 6 and stride 2 with a border of 2."""
    folded = fold_linear_chains(between(POOL, (3, 1, 1, False)))
    conv = folded.by_name["w1"]
    assert isinstance(conv, Conv)
    assert (conv.weights.shape, conv.stride, conv.dilation, conv.groups) == ((2, 2, 6, 6), (2, 2), (1, 1), 1)
    first = between(POOL, (3, 1, 1, False)).by_name["w1"]
    assert isinstance(first, Conv)
    np.testing.assert_array_equal(conv.weights, first.weights.repeat(2, axis=2).repeat(2, axis=3))
    border = folded.by_name[conv.inputs[0]]
    assert isinstance(border, ops.Pad)
    assert border.before == border.after == (0, 2, 2)


def test_pools_of_pools_stay_in_their_channels() -> None:
    conv = fold_linear_chains(between(POOL, POOL, side=8)).by_name["w1"]
    assert isinstance(conv, Conv)
    assert (conv.weights.shape, conv.stride, conv.groups) == ((2, 1, 4, 4), (4, 4), 2)
    assert (conv.weights == 1).all()


def test_windows_that_overlap_within_a_border_become_a_matrix() -> None:
    folded = fold_linear_chains(between((3, 2, 1, True), (3, 1, 1, False)))
    assert isinstance(folded.by_name["w1 flat"], Linear)


def test_a_matrix_that_is_too_large_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_chains, "MOST_WEIGHTS", 10)
    with pytest.raises(UnsupportedError, match=r"no neurons are after.*'w1'.*put neurons between"):
        fold_linear_chains(between((3, 2, 1, True), (3, 1, 1, False)))


def read_out(*end: ops.Node, soft: bool = True) -> Network:
    """Neurons ``n`` and ``m`` on an input each of 4 and the nodes of an end, the last of which is given."""
    one = {"r": np.ones(4), "v_threshold": np.ones(4), "v_reset": np.zeros(4)}
    reset = "subtract" if soft else "zero"
    nodes = (
        Input(name="x", shape=(5, 4)),
        Unstack(name="now", inputs=("x",)),
        Spiking(name="n", inputs=("now",), model="IF", parameters=one, dt=1.0, reset=reset, strict=False),
        Spiking(name="m", inputs=("n",), model="IF", parameters=one, dt=1.0, reset=reset, strict=False),
        *end,
        Stack(name="all", inputs=(end[-1].name,), steps=5),
        Output(name="y", inputs=("all",)),
    )
    return Network(nodes)


@pytest.mark.parametrize("soft", [True, False])
def test_sums_of_neurons_are_read_without_loss(soft: bool) -> None:
    """0.5 n - 1.5 m + 2 is told in steps of 0.5."""
    gains = np.array([[0.5], [-1.5]]).repeat(4, axis=1)
    total = Add(name="total", inputs=("n", "m"), coefficients=gains, bias=np.full(4, 2.0))
    network = read_out(total, soft=soft)
    x = spikes(network, 0, 20)
    compiled = compile_model(network, chip_for("if_soft" if soft else "if_hard"), x, CompileOptions(mode="snn"))
    np.testing.assert_array_equal(run_compiled(compiled, x).outputs["y"], reference(network, x)["y"])
    assert set(np.unique(reference(network, x)["y"])) == {1.0, 2.0}


def test_pools_after_the_last_neurons_are_read_without_loss() -> None:
    """The mean of each half of the neurons, and -2, 2, 1 and 1 times them: each neuron is in one sum."""
    for weights in (np.kron(np.eye(2), np.full((1, 2), 0.5)), np.array([[-2.0, 2.0, 0, 0], [0, 0, 1.0, 0.75]])):
        pool = Linear(name="out", inputs=("m",), weights=weights, bias=np.array([0.0, 1.0]))
        network = read_out(pool, soft=False)
        x = spikes(network, 0, 20)
        compiled = compile_model(network, chip_for("if_hard"), x, CompileOptions(mode="snn"))
        np.testing.assert_allclose(run_compiled(compiled, x).outputs["y"], reference(network, x)["y"], atol=2**-15)


def test_a_pool_of_an_image_is_read_without_loss() -> None:
    network = between(POOL, side=8)
    nodes = [replace(n, inputs=("w0",)) if isinstance(n, Stack) else n for n in network.nodes]
    network = Network(tuple(nodes)).pruned()
    x = spikes(network, 0, 10)
    compiled = compile_model(network, chip_for("if_soft"), x, CompileOptions(mode="snn"))
    np.testing.assert_array_equal(run_compiled(compiled, x).outputs["y"], reference(network, x)["y"])


def layer() -> Linear:
    return Linear(name="out", inputs=("m",), weights=np.eye(4)[:3] - 0.5, bias=np.array([0.0, 1.0, 2.0]))


def test_a_layer_after_the_last_neurons_is_carried_in_steps() -> None:
    """In 16 steps of each output's range at most: sums over the steps come out within one of these."""
    network = read_out(layer())
    x = spikes(network, 0, 50)
    given_ = run_compiled(compile_model(network, chip_for("if_soft"), x, CompileOptions(mode="snn")), x).outputs["y"]
    wanted = reference(network, x)["y"]
    step = (wanted.max((0, 1)) - wanted.min((0, 1))) / 16
    assert (np.abs(given_.sum(1) - wanted.sum(1)) <= 2 * step).all()


def test_a_layer_after_the_last_neurons_is_refused_by_name_where_neurons_cannot_carry_it() -> None:
    network = read_out(layer(), soft=False)
    with pytest.raises(UnsupportedError, match=r"sums that no neurons are after: 'out'.*if_hard.*end the network with"):
        compile_model(network, chip_for("if_hard"), spikes(network, 0, 5), CompileOptions(mode="snn"))
