"""Units of spiking networks: counted spikes are exact under either reset, refits never make the error larger."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core_strategies import plain_chip
from neutrams.base.arrays import FloatArray, IntArray
from neutrams.hardware import Chip
from neutrams.network import Activation, Add, Conv, Input, Linear, Network, Neuron, Output, Pool, Reshape
from neutrams.neurons import find_model
from neutrams.transform.options import TransformOptions
from neutrams.transform.pipeline import transform
from neutrams.transform.tuning.context import Context
from neutrams.transform.tuning.delivery import delivered
from neutrams.transform.tuning.originals import extent
from neutrams.transform.tuning.signal import Signal
from neutrams.transform.tuning.snn_counting import counting_fit, counts_spikes, steps_in_debt
from neutrams.transform.tuning.snn_fitter import SnnFitter, SpikeRule
from neutrams.transform.tuning.snn_refit import SAMPLES_A_WEIGHT, refitted
from neutrams.transform.tuning.unit import Unit

CHIP = plain_chip()
SEEDS = st.integers(0, 2**32 - 1)
RESETS = pytest.mark.parametrize("reset", ["if_hard", "if_soft"])


def spikes_of(trains: FloatArray, worth: float, zero: float = 0.0) -> Signal:
    """Spike trains ``[T, N, C]`` as a signal in which a spike a step is worth ``worth``."""
    n = trains.shape[2]
    values = torch.from_numpy(trains.astype(np.uint8))
    return Signal.of(values, np.full(n, worth), np.full(n, zero), len(trains))


def random_trains(rng: np.random.Generator, steps: int, n: int) -> FloatArray:
    """Trains of any rate, regular or not, ``[T, 4, n]``."""
    trains: FloatArray = (rng.random((steps, 4, n)) < rng.random((1, 4, n))).astype(float)
    return trains


def sum_of(signs: tuple[float, ...], signals: tuple[Signal, ...], bias: float = 0.0) -> Unit:
    """The unit relu(sum of signs * signals)."""
    n = signals[0].means.shape[1]
    gains = np.repeat(np.array(signs)[:, None], n, axis=1)
    node = Add(name="sum", inputs=tuple("abcd"[: len(signs)]), coefficients=gains, bias=np.full(n, bias))
    target = sum(s * x.value() for s, x in zip(signs, signals, strict=True))
    assert isinstance(target, torch.Tensor)
    return Unit(name="y", accumulator=node, cap=np.inf, decoded=False, inputs=signals, target=target + bias)


def counted(unit: Unit, model: str, debt_steps: IntArray | None = None) -> Signal:
    assert counts_spikes(unit, model == "if_soft")
    steps = unit.inputs[0].steps
    return delivered(unit, counting_fit(unit, find_model(model, "test"), debt_steps), CHIP, steps)


def largest(signals: list[Signal], model: str) -> Signal:
    """Return the largest of four signals as lowering builds it."""
    a, b, c, d = signals
    r, s = counted(sum_of((1, -1), (a, b)), model), counted(sum_of((1, -1), (c, d)), model)
    u = counted(sum_of((1, 1, -1, -1), (b, r, d, s)), model)
    return counted(sum_of((1, 1, 1), (d, s, u)), model)


@RESETS
@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, steps=st.integers(2, 40))
def test_a_difference_counts_the_furthest_lead(reset: str, seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = random_trains(rng, steps, 3), random_trains(rng, steps, 3)
    got = counted(sum_of((1, -1), (spikes_of(a, 0.5), spikes_of(b, 0.5))), reset).values.numpy()
    lead = np.maximum(np.maximum.accumulate(np.cumsum(a - b, axis=0)), 0)
    np.testing.assert_array_equal(np.cumsum(got.astype(np.int64), axis=0), lead)
    assert (b + got <= 1).all()  # so that the next stage is as exact


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS, steps=st.integers(2, 100), bits=st.sampled_from([5, 8]))
def test_a_debt_settles_passing_leads_and_no_other(seed: int, steps: int, bits: int) -> None:
    rng, chip = np.random.default_rng(seed), plain_chip(core={"weight_bits": bits})
    a, b = random_trains(rng, steps, 3), random_trains(rng, steps, 3)
    unit = sum_of((1, -1), (spikes_of(a, 0.5), spikes_of(b, 0.5)))
    debt = steps_in_debt(chip, steps, 3)
    assume(debt.any())
    owed, plain = counted(unit, "if_soft", debt), counted(unit, "if_soft")
    count, furthest = (signal.values.to(torch.int64).sum(0).numpy() for signal in (owed, plain))
    paid = np.arange(steps)[:, None, None] >= debt
    without_pause = ((a > b) | ~paid).all(0)  # then the last spike finds no step
    assert (count >= (a - b).sum(0) - without_pause).all()
    assert (count <= furthest).all()
    np.testing.assert_allclose(owed.value().numpy(), 0.5 * count / steps, rtol=1e-6)


def test_a_lead_of_one_spike_that_does_not_last_is_forgotten() -> None:
    """Ten steps, a debt of nine: in a the first spike comes early, in b two come late; then the other way round."""
    steps = np.arange(10)
    a, b = (np.isin(steps, when).astype(float)[:, None, None] for when in ([1], [4, 6]))
    signals = spikes_of(a, 0.5), spikes_of(b, 0.5)
    for debt, counts in ((0, (1, 1)), (9, (0, 1))):
        found = [counted(sum_of((1, -1), pair), "if_soft", np.array([debt])) for pair in (signals, signals[::-1])]
        assert tuple(int(signal.values.sum()) for signal in found) == counts


@pytest.mark.parametrize(("widths", "steps"), [
    ({"core": {"weight_bits": 8}}, 255), ({"neuron": {"leak_bits": 1}}, 8), ({"core": {"weight_bits": 2}}, 4),
])  # fmt: skip
def test_without_room_there_is_no_debt(widths: dict[str, dict[str, int]], steps: int) -> None:
    assert not steps_in_debt(CHIP.with_values(**widths), steps, 5).any()
    assert (steps_in_debt(CHIP, 20, 50).min(), steps_in_debt(CHIP, 20, 50).max()) == (11, 19)


def test_a_sum_may_let_spikes_wait_where_that_is_allowed() -> None:
    """Two trains that meet in one step of sixteen: by the last step nothing waits."""
    a, b = (np.zeros((16, 2, 3)) for _ in range(2))
    a[[2, 5]], b[[5, 11]] = 1.0, 1.0
    unit = sum_of((1, 1), (spikes_of(a, 0.5), spikes_of(b, 0.5)))
    assert not counts_spikes(unit)
    assert (counted(unit, "if_soft").values.sum(0) == 4).all()


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, steps=st.integers(2, 40))
def test_the_largest_of_spike_trains_is_the_same_under_both_resets_and_never_too_small(seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    trains = [random_trains(rng, steps, 3) for _ in range(4)]
    hard, soft = (largest([spikes_of(t, 0.5) for t in trains], model) for model in ("if_hard", "if_soft"))
    assert torch.equal(hard.values, soft.values)
    count = hard.values.numpy().astype(np.int64).sum(0)
    assert (count >= np.max([t.sum(0) for t in trains], axis=0)).all()
    assert (count <= np.max(trains, axis=0).sum(0)).all()  # a spike comes only where one of them has one


@RESETS
def test_of_trains_that_never_fall_behind_the_largest_is_exact(reset: str) -> None:
    steps = np.arange(12)
    trains = [np.tile((steps % period == 0)[:, None, None], (1, 1, 2)).astype(float) for period in (6, 2, 4, 12)]
    got = largest([spikes_of(t, 0.25) for t in trains], reset)
    np.testing.assert_array_equal(got.values.numpy(), trains[1])
    np.testing.assert_allclose(got.value().numpy(), 0.25 * 0.5)


@pytest.mark.parametrize("what", ["bias", "offset", "worth", "current", "cap", "signed", "two at once"])
def test_what_is_not_a_plain_count_of_spikes_is_refused(what: str) -> None:
    a, b = (spikes_of(np.ones((4, 2, 3)), 0.5) for _ in range(2))
    unit = sum_of((1, -1), (a, b))
    assert counts_spikes(unit)
    refused = {
        "bias": sum_of((1, -1), (a, b), bias=0.1),
        "offset": sum_of((1, -1), (a, spikes_of(np.ones((4, 2, 3)), 0.5, zero=-1.0))),
        "worth": sum_of((1, -1), (a, spikes_of(np.ones((4, 2, 3)), 0.6))),
        "current": sum_of((1, -1), (a, replace(b, values=b.values[:1]))),
        "cap": replace(unit, cap=1.0),
        "signed": replace(unit, cap=None),
        "two at once": sum_of((1, 1), (a, b)),
    }
    assert not any(counts_spikes(refused[what], may_wait) for may_wait in (False, True))


def test_a_difference_keeps_the_worth_of_its_spikes_and_a_sum_is_corrected() -> None:
    rng = np.random.default_rng(3)
    a, b = (spikes_of(random_trains(rng, 16, 3), 0.5) for _ in range(2))
    fitter = SnnFitter(CHIP, SpikeRule(model=find_model("if_hard", "test"), steps=16, balance="percentile"), 1)
    for signs, changes in (((1.0, -1.0), False), ((1.0,), True)):
        unit = sum_of(signs, (a, b)[: len(signs)])
        unit = replace(unit, target=unit.target * 0.8)
        context = Context(extent=extent(unit.target), tied=(), total=None, source=pooled_network(rng, 2))
        fit = fitter.fit(unit, context)
        gain = fitter.gain(unit, context, fit, delivered(unit, fit, CHIP, 16))
        np.testing.assert_allclose(gain, 0.4 if changes else 0.5, rtol=1e-6)


def linear_unit(rng: np.random.Generator, samples: int, fan_in: int) -> Unit:
    """A Linear whose inputs are rates, and a target that other inputs gave."""
    signal = spikes_of((rng.random((8, samples, fan_in)) < 0.3).astype(float), 0.7)
    node = Linear(name="sum", inputs=("x",), weights=rng.normal(size=(3, fan_in)), bias=rng.normal(size=3))
    meant = signal.value() * 1.1 + 0.1 * torch.from_numpy(rng.normal(size=(samples, fan_in))).float() + 0.05
    target = meant @ torch.from_numpy(node.weights.T.copy()).float() + torch.from_numpy(node.bias.copy()).float()
    return Unit(name="y", accumulator=node, cap=np.inf, decoded=False, inputs=(signal,), target=target)


def squared_errors(unit: Unit, rows: FloatArray, bias: FloatArray) -> FloatArray:
    given = unit.inputs[0].means.double().numpy()
    error: FloatArray = ((given @ rows.T + bias - unit.target.double().numpy()) ** 2).mean(axis=0)
    return error


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, fan_in=st.integers(1, 6))
def test_a_refit_never_makes_the_error_larger_and_leaves_none_in_the_mean(seed: int, fan_in: int) -> None:
    unit = linear_unit(np.random.default_rng(seed), 64, fan_in)
    rows, bias = refitted(unit)
    before = squared_errors(unit, *unit.per_lsb())
    assert (squared_errors(unit, rows, bias) <= before * (1 + 1e-4)).all()
    given = unit.inputs[0].means.double().numpy()
    np.testing.assert_allclose((given @ rows.T + bias).mean(0), unit.target.double().mean(0).numpy(), atol=1e-5)


def test_too_few_samples_and_sums_are_not_refitted() -> None:
    rng = np.random.default_rng(5)
    few = linear_unit(rng, 5 * SAMPLES_A_WEIGHT - 1, 5)
    pair = sum_of((1, 1), tuple(spikes_of(random_trains(rng, 8, 2), 0.5) for _ in range(2)))
    for unit in (few, pair):
        for got, kept in zip(refitted(unit), unit.per_lsb(), strict=True):
            np.testing.assert_array_equal(got, kept)
    enough = linear_unit(rng, 5 * SAMPLES_A_WEIGHT, 5)
    assert not np.array_equal(refitted(enough)[0], enough.per_lsb()[0])


def pooled_network(rng: np.random.Generator, stride: int) -> Network:
    """A convolution with ReLU, largest values of 2 x 2 or overlapping 3 x 3 windows, and a dense layer."""
    one, side, size = (1, 1), *((5, 2) if stride == 2 else (7, 3))
    left = 2 * ((side - 1 - size) // stride + 1) ** 2
    return Network((
        Input(name="x", shape=(1, side, side)),
        Conv(name="conv", inputs=("x",), weights=rng.normal(size=(2, 1, 2, 2)), bias=rng.normal(size=2) / 10,
             stride=one, dilation=one),
        Activation(name="act", inputs=("conv",), function="relu"),
        Pool(name="pool", inputs=("act",), kind="max", kernel=(size, size), stride=(stride, stride), dilation=one,
             before=(0, 0), after=(0, 0)),
        Reshape(name="flat", inputs=("pool",), shape=(left,)),
        Linear(name="dense", inputs=("flat",), weights=rng.normal(size=(3, left)), bias=rng.normal(size=3)),
        Output(name="y", inputs=("dense",)),
    ))  # fmt: skip


@RESETS
def test_a_max_pool_is_four_counting_units(reset: str) -> None:
    rng = np.random.default_rng(7)
    chip: Chip = CHIP.with_values(neuron={"models": (reset,)}, core={"axons": 16, "neurons": 16})
    x = rng.random((64, 1, 5, 5)).astype(np.float32)
    result = transform(pooled_network(rng, 2), chip, {"x": x}, TransformOptions(mode="snn", steps=16))
    counting = [n for n in result.network.nodes if isinstance(n, Neuron) and n.name.startswith("pool")]
    owing = [n for n in counting if n.parameters["leak"].any()]
    assert len(counting) == 4
    assert [n.name for n in owing] == (["pool larger 3"] if reset == "if_soft" else [])
    for node in counting:
        debt = steps_in_debt(chip, 16, 2) if node in owing else np.zeros(2)
        for name, value in (("threshold", debt.clip(min=1)), ("leak", debt.clip(max=1)), ("initial", -debt)):
            np.testing.assert_array_equal(node.parameters[name], value)


def test_of_stages_of_a_pool_only_the_last_difference_begins_in_debt() -> None:
    """Windows that overlap are compared along one axis after the other."""
    rng = np.random.default_rng(7)
    chip: Chip = CHIP.with_values(neuron={"models": ("if_soft",)}, core={"axons": 16, "neurons": 64})
    x = rng.random((64, 1, 7, 7)).astype(np.float32)
    result = transform(pooled_network(rng, 1), chip, {"x": x}, TransformOptions(mode="snn", steps=16))
    counting = [n for n in result.network.nodes if isinstance(n, Neuron) and n.name.startswith("pool")]
    assert [n.name for n in counting if n.parameters["leak"].any()] == ["pool larger 2"]
    assert sum("axis" in n.name for n in counting) == 3
