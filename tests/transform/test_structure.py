"""Passes that change the structure of a network keep its function."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowering import lowered_exactly
from neutrams.base.errors import UnsupportedError
from neutrams.network import Activation, Input, Linear, Network, Output, ops
from neutrams.reference import run
from neutrams.transform.canonicalize import canonicalize
from neutrams.transform.facts import tail_of
from neutrams.transform.lower import unsupported
from neutrams.transform.names import origin_of, part_name
from neutrams.transform.pairs import signed_tensors
from neutrams.transform.shorthand import weighted_sum
from neutrams.transform.split import SplitPlan, split_fan_in
from strategies import float_inputs, float_networks, image_networks

EXACT_PARTS = ("pool", "residual", "scaled", "joined", "largest", "moved")
"""Parts of image networks that are lowered without approximation."""


def same_function(before: Network, after: Network, inputs: dict[str, np.ndarray]) -> None:
    was, now = run(before, inputs), run(after, inputs)
    assert was.keys() == now.keys()
    for name in was:
        size = max(float(np.abs(was[name]).max(initial=0.0)), 1.0)
        np.testing.assert_allclose(now[name], was[name], rtol=1e-7, atol=1e-9 * size)


@given(data=st.data(), network=float_networks())
def test_canonical_network_has_the_same_function(data: st.DataObject, network: Network) -> None:
    same_function(network, canonicalize(network), data.draw(float_inputs(network)))


@given(network=float_networks())
def test_canonicalizing_twice_changes_nothing(network: Network) -> None:
    once = canonicalize(network)
    assert canonicalize(once) == once


@given(data=st.data(), network=image_networks())
def test_canonical_image_network_has_the_same_function(data: st.DataObject, network: Network) -> None:
    once = canonicalize(network)
    same_function(network, once, data.draw(float_inputs(network)))
    assert canonicalize(once) == once


@settings(max_examples=80)
@given(
    data=st.data(), network=image_networks(parts=EXACT_PARTS), limit=st.integers(4, 12), pairs=st.booleans(),
    terms=st.integers(2, 12),
)  # fmt: skip
def test_split_convolutions_obey_the_limit_and_keep_the_function(
    data: st.DataObject, network: Network, limit: int, pairs: bool, terms: int
) -> None:
    """Also a kernel of one channel that is larger than the limit, and sums of partial sums."""
    if unsupported(canonicalize(network)):
        return
    plan = SplitPlan(fan_in=limit, terms=min(limit, terms), pairs=pairs, spread_bias=pairs)
    split = split_fan_in(lowered_exactly(network), plan)
    same_function(network, split, data.draw(float_inputs(network)))
    tail = tail_of(split)
    for node in split.nodes:
        decoded = all(r.name in tail for r in split.consumers[node.name])
        if isinstance(node, ops.Linear | ops.Conv):
            assert node.weights[0].size <= limit
        if isinstance(node, ops.Add) and not decoded:
            assert len(node.inputs) <= max(plan.terms * (2 if pairs else 1), 2)


@given(data=st.data(), network=image_networks(parts=EXACT_PARTS))
def test_pairs_leave_no_signed_tensor_to_a_unit(data: st.DataObject, network: Network) -> None:
    if unsupported(canonicalize(network)):
        return
    split = split_fan_in(lowered_exactly(network), SplitPlan(fan_in=16, terms=8, pairs=True))
    same_function(network, split, data.draw(float_inputs(network)))
    assert not signed_tensors(split)


@given(data=st.data(), limit=st.integers(4, 12), seed=st.integers(0, 2**32 - 1))
def test_readers_of_signed_tensors_take_pairs(data: st.DataObject, limit: int, seed: int) -> None:
    """A convolution, grouped or not, maybe within a border, and a Linear read a tensor without activation."""
    rng = np.random.default_rng(seed)
    ones = (1,)
    groups = int(rng.integers(1, 3))

    def conv(name: str, source: str, channels: int, groups: int) -> ops.Conv:
        weights = rng.normal(size=(4, channels // groups, 2))
        return ops.Conv(name=name, inputs=(source,), weights=weights, bias=rng.normal(size=4), stride=ones,
                        dilation=ones, groups=groups)  # fmt: skip

    border = ops.Pad(name="border", inputs=("joined",), before=(0, 1), after=(0, int(rng.integers(0, 2))))
    nodes = (
        Input(name="x", shape=(3, 6)), conv("a", "x", 3, 1), Activation(name="r", inputs=("a",), function="relu"),
        conv("s", "x", 3, 1), ops.Concat(name="joined", inputs=("r", "s"), axis=0), border,
        conv("b", "border", 8, 2 * groups), Activation(name="t", inputs=("b",), function="relu"),
        ops.Reshape(name="flat", inputs=("s",), shape=(20,)),
        Linear(name="fc", inputs=("flat",), weights=rng.normal(size=(3, 20)), bias=rng.normal(size=3)),
        Activation(name="u", inputs=("fc",), function="relu"), Output(name="y", inputs=("t",)),
        Output(name="z", inputs=("u",)),
    )  # fmt: skip
    network = Network(nodes)
    plan = SplitPlan(fan_in=limit, terms=limit // 2, pairs=True, spread_bias=True)
    split = split_fan_in(lowered_exactly(network), plan)
    same_function(network, split, data.draw(float_inputs(network)))
    assert not signed_tensors(split)
    assert all(node.weights[0].size <= limit for node in split.nodes if isinstance(node, Linear | ops.Conv))


def test_a_kernel_larger_than_the_fan_in_is_cut_into_pieces() -> None:
    rng = np.random.default_rng(0)
    node = ops.Conv(
        name="c", inputs=("x",), weights=rng.normal(size=(2, 1, 5, 4)), bias=np.zeros(2), stride=(2, 1),
        dilation=(1, 2),
    )  # fmt: skip
    network = Network((Input(name="x", shape=(1, 9, 9)), node, Output(name="y", inputs=("c",))))
    split = split_fan_in(lowered_exactly(network), SplitPlan(fan_in=8, terms=8))
    parts = [n for n in split.nodes if isinstance(n, ops.Conv)]
    assert sum(part.weights[0].size for part in parts) == 20
    assert max(part.weights[0].size for part in parts) <= 8
    same_function(network, split, {"x": rng.normal(size=(3, 1, 9, 9))})


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_what_would_be_given_wrongly_is_refused(value: float) -> None:
    """A border of other than zeros, a constant joined with what a unit gives, an activation of a scalar."""
    x, relu = Input(name="x", shape=(2, 3)), Activation(name="r", inputs=("x",), function="relu")
    pad = ops.Pad(name="p", inputs=("r",), before=(0, 1), after=(0, 0), value=value)
    constant = ops.Constant(name="c", values=np.full((2, 3), value))
    join = ops.Concat(name="k", inputs=("r", "c"), axis=0)
    cases = {
        "Pad 'p': its border is not of zeros": (x, relu, pad),
        "Concat 'k': it reads a const": (x, relu, constant, join),
    }
    for message, nodes in cases.items():
        last = Activation(name="z", inputs=(nodes[-1].name,), function="relu")
        with pytest.raises(UnsupportedError, match=message):
            lowered_exactly(Network((*nodes, last, Output(name="y", inputs=("z",)))))


def test_functions_of_single_numbers_are_refused() -> None:
    clip = Activation(name="c", inputs=("x",), function="clip", parameters={"low": 0.0, "high": 1.0})
    network = Network((Input(name="x", shape=()), clip, Output(name="y", inputs=("c",))))
    with pytest.raises(UnsupportedError, match="clip 'c': it has no axis of channels"):
        lowered_exactly(network)


@given(data=st.data(), network=float_networks(), limit=st.integers(4, 9), pairs=st.booleans())
def test_split_obeys_the_limit_and_keeps_the_function(
    data: st.DataObject, network: Network, limit: int, pairs: bool
) -> None:
    if unsupported(canonicalize(network)):
        return
    plan = SplitPlan(fan_in=limit, terms=limit // 2 if pairs else limit, pairs=pairs, spread_bias=pairs)
    split = split_fan_in(lowered_exactly(network), plan)
    same_function(network, split, data.draw(float_inputs(network)))
    tail = tail_of(split)
    for node in split.nodes:
        decoded = all(r.name in tail for r in split.consumers[node.name])
        if isinstance(node, ops.Linear):
            assert node.weights.shape[1] <= limit
        if isinstance(node, ops.Add) and not decoded:
            assert len(node.inputs) <= limit


def test_a_hand_made_split_interleaves() -> None:
    weights = np.arange(10.0).reshape(1, 10)
    network = Network(
        (
            Input(name="x", shape=(10,)),
            Linear(name="fc", inputs=("x",), weights=weights, bias=np.array([5.0])),
            Activation(name="relu", inputs=("fc",), function="relu"),
            Output(name="y", inputs=("relu",)),
        )
    )
    split = split_fan_in(lowered_exactly(network), SplitPlan(fan_in=4, terms=4))
    first = split.by_name["fc [1/3]"]
    assert isinstance(first, ops.Linear)
    np.testing.assert_array_equal(first.weights, [[0.0, 3.0, 6.0, 9.0]])
    total = split.by_name["fc"]
    assert isinstance(total, ops.Add)
    assert total.inputs == ("fc [1/3]", "fc [2/3]", "fc [3/3]")
    np.testing.assert_array_equal(total.bias, [5.0])


def test_part_names_come_apart_again() -> None:
    assert origin_of(part_name(part_name("a [b] c", "2/4"), "+")) == ("a [b] c", "2/4 +")
    assert origin_of("fc1") == ("fc1", "")


def affine(name: str, source: str, gain: float, bias: float = 0.0) -> ops.Add:
    return ops.Add(name=name, inputs=(source,), coefficients=np.full((1, 3), gain), bias=np.full(3, bias))


def act(name: str, source: str, function: str, **parameters: float) -> Activation:
    return Activation(name=name, inputs=(source,), function=function, parameters=parameters)


def mul(name: str, *sources: str) -> ops.Mul:
    return ops.Mul(name=name, inputs=sources)


FORMS: dict[str, tuple[ops.Node, ...]] = {
    "silu": (act("s", "z", "sigmoid"), mul("f", "z", "s")),
    "mish": (act("p", "z", "softplus"), act("t", "p", "tanh"), mul("f", "t", "z")),
    "hard_swish": (affine("a", "z", 1, 3), act("c", "a", "clip", low=0, high=6), mul("m", "z", "c"),
                   affine("f", "m", 1 / 6)),
    "gelu": (affine("d", "z", 2**-0.5), act("e", "d", "erf"), affine("a", "e", 1, 1), affine("h", "z", 0.5),
             mul("f", "h", "a")),
    "gelu_tanh": (mul("q", "z", "z", "z"), affine("k", "q", 0.044715),
                  ops.Add(name="a", inputs=("z", "k"), coefficients=np.full((2, 3), (2 / np.pi) ** 0.5),
                          bias=np.zeros(3)),
                  act("t", "a", "tanh"), affine("o", "t", 1, 1), mul("m", "z", "o"), affine("f", "m", 0.5)),
}  # fmt: skip
"""How exporters write functions in parts, of z."""


def layers_around(*between: ops.Node) -> Network:
    rng = np.random.default_rng(0)
    first, last = (
        Linear(name=name, inputs=(source,), weights=rng.normal(size=(3, 3)), bias=rng.normal(size=3))
        for name, source in (("z", "x"), ("w", "f"))
    )
    return Network((Input(name="x", shape=(3,)), first, *between, last, Output(name="y", inputs=("w",))))


@pytest.mark.parametrize("name", FORMS)
def test_functions_in_parts_are_known_by_what_they_do(name: str) -> None:
    network = layers_around(*FORMS[name])
    known = canonicalize(network)
    functions = [node.function for node in known.nodes if isinstance(node, Activation)]
    assert functions == [name]
    assert not any(isinstance(node, ops.Mul) for node in known.nodes)
    same_function(network, known, {"x": np.random.default_rng(1).normal(0, 3, (64, 3))})


def test_a_product_that_only_looks_like_a_known_function_stays() -> None:
    """x sigmoid(1.01 x) is no SiLU, and a gate of another tensor is none either."""
    for between in (
        (affine("d", "z", 1.01), act("s", "d", "sigmoid"), mul("f", "z", "s")),
        (act("s", "x", "sigmoid"), mul("f", "z", "s")),
    ):
        assert any(isinstance(node, ops.Mul) for node in canonicalize(layers_around(*between)).nodes)


def test_a_sum_that_stands_anyway_is_read_and_not_taken_apart() -> None:
    """s = a + b is read twice, joined with a and joined with x: no reader computes it again, and no gain gets dense."""
    rng, n = np.random.default_rng(0), 6

    def layer(name: str, source: str, wide: int, out: int) -> list[ops.Node]:
        weights = rng.normal(size=(out, wide))
        linear = Linear(name=f"{name} in", inputs=(source,), weights=weights, bias=np.zeros(out))
        return [linear, Activation(name=name, inputs=(linear.name,), function="relu")]

    nodes = (
        Input(name="x", shape=(n,)), *layer("a", "x", n, n), *layer("b", "x", n, n), *layer("q", "x", n, 2 * n),
        weighted_sum("s", {"a": 1.0, "b": 1.0}, n),
        ops.Concat(name="sa", inputs=("s", "a"), axis=0), weighted_sum("t", {"sa": 1.0, "q": 1.0}, 2 * n),
        Activation(name="u", inputs=("t",), function="relu"), *layer("v", "u", 2 * n, 3),
        ops.Concat(name="sx", inputs=("s", "x"), axis=0), *layer("o", "sx", 2 * n, 3), *layer("p", "sx", 2 * n, 3),
        *(Output(name=f"{name} out", inputs=(name,)) for name in "vop"),
    )  # fmt: skip
    canonical = canonicalize(Network(nodes))
    assert isinstance(canonical.by_name["t"], ops.Add)
    assert canonical.by_name["o in"].inputs == canonical.by_name["p in"].inputs == ("sx",)
    x = {"x": rng.normal(size=(4, n))}
    for name, values in run(Network(nodes), x).items():
        np.testing.assert_allclose(run(canonical, x)[name], values, rtol=1e-9, atol=1e-12)


def test_what_a_state_remembers_is_read_by_other_sums() -> None:
    """c becomes f c + W x, and the answer is relu(V x + c): the sum is not computed a second time."""
    n = 3
    maps = {name: np.random.default_rng(k).normal(size=(n, n)) for k, name in enumerate("fwv")}
    nodes = (
        Input(name="x", shape=(5, n)), ops.Unstack(name="now", inputs=("x",)),
        ops.Constant(name="start", values=np.zeros(n)), ops.State(name="c", inputs=("start",)),
        *(Linear(name=name, inputs=("now",), weights=w, bias=np.zeros(n)) for name, w in maps.items()),
        Activation(name="gate", inputs=("f",), function="sigmoid"), ops.Mul(name="old", inputs=("gate", "c")),
        weighted_sum("new", {"old": 1.0, "w": 1.0}, n), ops.Update(name="next", inputs=("new",), state="c"),
        weighted_sum("t", {"v": 1.0, "new": 1.0}, n), Activation(name="u", inputs=("t",), function="relu"),
        ops.Stack(name="all", inputs=("u",), steps=5), Output(name="y", inputs=("all",)),
    )  # fmt: skip
    canonical = canonicalize(Network(nodes))
    readers = [node.name for node in canonical.consumers["old"]]
    assert len(readers) == 1, readers
    x = {"x": np.random.default_rng(9).normal(size=(4, 5, n))}
    np.testing.assert_allclose(run(canonical, x)["y"], run(Network(nodes), x)["y"], rtol=1e-9, atol=1e-12)
