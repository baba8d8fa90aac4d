"""Tuning of convolutions: neurons see windows, channels have scales of their own, signals move with their values."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core_strategies import plain_chip
from neutrams.base.arrays import FloatArray
from neutrams.base.errors import UnsupportedError
from neutrams.evaluate.floats import float_value
from neutrams.evaluate.moves import moved
from neutrams.network import Network, ops
from neutrams.network.shapes import RULES
from neutrams.transform.tuning import ann
from neutrams.transform.tuning.delivery import delivered
from neutrams.transform.tuning.ranges import positive_range
from neutrams.transform.tuning.signal import Signal, carried
from neutrams.transform.tuning.ties import tied_tensors
from neutrams.transform.tuning.unit import Unit
from neutrams.transform.tuning.windows import windows

SEEDS = st.integers(0, 2**32 - 1)


def signal_of(rng: np.random.Generator, shape: tuple[int, ...], samples: int = 5) -> Signal:
    """Integers 0 to 15, with a scale and a zero for each channel."""
    values = torch.from_numpy(rng.integers(0, 16, (1, samples, *shape))).float()
    scale = rng.uniform(0.1, 2, shape[0])
    return Signal.of(values, scale, -scale * rng.integers(0, 4), 1)


def conv_unit(rng: np.random.Generator, axes: int, samples: int = 5) -> Unit:
    """A convolution of random window, stride, dilation and groups, and what it gives as the target."""
    kernel, stride, dilation = (tuple(rng.integers(1, 4, axes).tolist()) for _ in "ksd")
    size = tuple((k - 1) * d + int(rng.integers(1, 5)) for k, d in zip(kernel, dilation, strict=True))
    groups, each, out = (int(n) for n in rng.integers(1, 3, 3))
    node = ops.Conv(
        name="sum", inputs=("x",), weights=rng.normal(size=(groups * out, each, *kernel)),
        bias=rng.normal(size=groups * out), stride=stride, dilation=dilation, groups=groups,
    )  # fmt: skip
    signal = signal_of(rng, (groups * each, *size), samples)
    target = float_value(node, [signal.value()])
    return Unit(name="y", accumulator=node, cap=np.inf, decoded=False, inputs=(signal,), target=target)


@settings(max_examples=30)
@given(seed=SEEDS, axes=st.integers(1, 3), most=st.sampled_from([1, 12, 1 << 15]))
def test_windows_give_the_products_of_the_convolution(seed: int, axes: int, most: int) -> None:
    """Each drawn row times a group's weights is what the convolution gives at the place whose target it comes with."""
    unit = conv_unit(np.random.default_rng(seed), axes)
    x, at = windows(unit, unit.sums(unit.rows), most=most)
    rows = torch.from_numpy(unit.rows.reshape(unit.groups, -1, unit.rows.shape[1]).copy()).float()
    torch.testing.assert_close(x @ rows.mT, at, rtol=1e-4, atol=1e-3)
    places = unit.target[0, 0].numel()
    assert x.shape[1] == 5 * min(places, max(1, most // 5))


@given(seed=SEEDS, axes=st.integers(1, 3))
def test_weights_per_lsb_take_up_scale_and_zero_of_each_channel(seed: int, axes: int) -> None:
    unit = conv_unit(np.random.default_rng(seed), axes)
    rows, bias = unit.per_lsb()
    sums = unit.sums(rows) + torch.from_numpy(bias).float().reshape(-1, *(1,) * axes)
    torch.testing.assert_close(sums, unit.target, rtol=1e-3, atol=1e-3)


@settings(max_examples=40)
@given(seed=SEEDS, axes=st.integers(1, 2), bits=st.sampled_from([2, 8]), rows=st.booleans())
def test_a_fitted_convolution_comes_near_its_target(seed: int, axes: int, bits: int, rows: bool) -> None:
    """Within 2 % of its range at 8 bits; at 2 no worse than giving the mean."""
    unit = conv_unit(np.random.default_rng(seed), axes, samples=30)
    chip = plain_chip(
        core={"axons": 64, "weight_bits": bits, "bias": "row" if rows else "register"}, neuron={"multiplier_bits": 16},
        signal={"input_bits": 4},
    )  # fmt: skip
    wanted = unit.activated(unit.target)
    reach = positive_range(unit.target, np.inf, 8)
    fit = ann.lay_out(unit, ann.solve_ann(unit, reach, chip), reach, chip, 1)
    error = (delivered(unit, fit, chip, 1).value() - wanted).square().mean().sqrt()
    if bits == 8:
        assert float(error) <= 0.02 * max(float(unit.target.abs().max()), 1e-3)
    else:
        assert float(error) <= 1.01 * float(wanted.std()) + 0.01 * float(unit.target.abs().max())


@st.composite
def moves(draw: st.DrawFn) -> tuple[list[ops.Node], list[Signal]]:
    """A data movement of each kind and the signals it reads."""
    rng = np.random.default_rng(draw(SEEDS))
    shape = tuple(rng.integers(1, 4, int(rng.integers(1, 4))).tolist())
    axis = int(rng.integers(0, len(shape)))
    n = shape[axis]
    kinds: dict[str, ops.Node] = {
        "Reshape": ops.Reshape(name="m", inputs=("x",), shape=(int(np.prod(shape)),)),
        "Transpose": ops.Transpose(name="m", inputs=("x",), axes=tuple(rng.permutation(len(shape)).tolist())),
        "Slice": ops.Slice(name="m", inputs=("x",), start=int(rng.integers(0, n)), stop=n, axis=axis),
        "Gather": ops.Gather(name="m", inputs=("x",), indices=rng.integers(0, n, 5), axis=axis),
        "Concat": ops.Concat(name="m", inputs=("x", "z"), axis=axis - len(shape)),
    }
    node = kinds[draw(st.sampled_from(sorted(kinds)))]
    return [node], [signal_of(rng, shape) for _ in node.inputs]


@given(job=moves())
def test_moving_a_signal_moves_its_values(job: tuple[list[ops.Node], list[Signal]]) -> None:
    (node,), given_ = job
    values = [signal.value() for signal in given_]
    wanted = moved(node, values, [x.shape[:1] for x in values])
    assert wanted is not None
    result = carried(node, given_)
    torch.testing.assert_close(result.value(), wanted)
    assert result.scale.shape == RULES[node.op](node, [tuple(x.shape[1:]) for x in values])


@given(seed=SEEDS, axes=st.integers(1, 2), shifted=st.booleans())
def test_a_border_has_the_value_zero(seed: int, axes: int, shifted: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = (2, *rng.integers(1, 4, axes).tolist())
    plain = signal_of(rng, shape)
    scale = np.array([0.5, 0.75])
    signal = Signal.of(plain.values, scale, -3 * scale if shifted else np.zeros(2), 1)
    before, after = ((0, *rng.integers(0, 3, axes).tolist()) for _ in "ba")
    assert signal.zero_point() == (3 if shifted else 0)
    node = ops.Pad(name="p", inputs=("x",), before=before, after=after, value=signal.zero_point())
    wanted = np.pad(signal.value().numpy(), [(0, 0), *zip(before, after, strict=True)])
    result = carried(node, [signal])
    np.testing.assert_allclose(result.value(), wanted, atol=1e-6)
    assert result.per_channel() is not None


def test_a_border_around_tensors_with_other_integers_for_0_is_refused() -> None:
    values = torch.zeros((1, 1, 2, 3))
    mixed = Signal.of(values, np.ones(2), np.array([0.0, -3.0]), 1)
    with pytest.raises(UnsupportedError, match="differ in what 0 is"):
        mixed.zero_point()


def test_channels_of_several_scales_are_refused_where_one_weight_is_to_serve_them() -> None:
    signal = signal_of(np.random.default_rng(0), (2, 3))
    turned = carried(ops.Transpose(name="t", inputs=("x",), axes=(1, 0)), [signal])
    assert turned.per_channel() is None
    node = ops.Conv(name="sum", inputs=("t",), weights=np.ones((1, 3, 1)), bias=np.zeros(1), stride=(1,), dilation=(1,))
    unit = Unit(name="y", accumulator=node, cap=None, decoded=False, inputs=(turned,), target=torch.zeros((5, 1, 2)))
    with pytest.raises(
        UnsupportedError, match="'y' reads a tensor one channel of which holds values of several scales"
    ):
        unit.per_lsb()


def plain_sum(name: str, *inputs: str, gains: FloatArray | None = None) -> ops.Add:
    factors = np.ones((len(inputs), 2)) if gains is None else gains
    return ops.Add(name=name, inputs=inputs, coefficients=factors, bias=np.zeros(2))


def test_what_a_plain_sum_adds_up_is_tied_also_through_moves_and_other_sums() -> None:
    def relu(name: str, source: str) -> ops.Activation:
        return ops.Activation(name=name, inputs=(source,), function="relu")

    nodes = (
        ops.Input(name="x", shape=(2,)),
        *(n for k in "abcd" for n in (plain_sum(f"{k}0", "x", gains=np.full((1, 2), 2.0)), relu(k, f"{k}0"))),
        ops.Reshape(name="b moved", inputs=("b",), shape=(2,)),
        plain_sum("s", "a", "b moved"), relu("sr", "s"), plain_sum("t", "b", "c"), relu("tr", "t"),
        plain_sum("u", "c", "d", gains=np.array([[1.0, 1.0], [0.5, 1.0]])), relu("ur", "u"),
        ops.Concat(name="all", inputs=("sr", "tr", "ur")),
        ops.Linear(name="fc", inputs=("all",), weights=np.ones((1, 6)), bias=np.zeros(1)),
        ops.Output(name="y", inputs=("fc",)),
    )  # fmt: skip
    ties = tied_tensors(Network(nodes))
    assert {name: set(found) for name, found in ties.items()} == {key: {"a", "b", "c"} for key in "abc"}
