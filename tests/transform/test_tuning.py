"""Tuning of vectors: integers stay in their ranges, rounding and refits keep their bounds, the polish never loses."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core_strategies import chips, plain_chip
from lowering import lowered_exactly
from neutrams.base.arrays import FloatArray
from neutrams.hardware import Chip
from neutrams.network import Activation, Add, Input, Linear, Network, Output
from neutrams.transform.split import SplitPlan, split_fan_in
from neutrams.transform.tuning import ann, gradient
from neutrams.transform.tuning.amplification import amplification
from neutrams.transform.tuning.ann import bias_parts
from neutrams.transform.tuning.delivery import delivered
from neutrams.transform.tuning.originals import extent
from neutrams.transform.tuning.ranges import (
    PLENTY_BITS,
    OutputRange,
    from_zero,
    positive_range,
    signal_bits,
    signed_range,
    tied_scale,
    zero_point,
)
from neutrams.transform.tuning.signal import Signal
from neutrams.transform.tuning.unit import Fit, Unit
from neutrams.transform.tuning.weights import (
    Grid,
    Moments,
    best_gain,
    damped,
    descend,
    feedback,
    moments,
    refit,
    round_nearest,
    round_with_feedback,
    squared_error,
)

SEEDS = st.integers(0, 2**32 - 1)
GRIDS = st.builds(
    Grid,
    low=st.sampled_from([-1, -2, -4, -7, -128]),
    high=st.sampled_from([1, 3, 7, 127]),
) | st.just(Grid(low=-1, high=1, zero=False))


def correlated(rng: np.random.Generator, samples: int, n: int, top: int) -> torch.Tensor:
    """Integers 0 to ``top`` that share two factors, float32 ``[samples, n]``."""
    shared = rng.normal(size=(samples, 2)) @ rng.normal(size=(2, n)) + 0.5 * rng.normal(size=(samples, n))
    return torch.from_numpy(np.clip(np.rint(top * (0.4 + 0.2 * shared)), 0, top)).float()


def signal_of(values: torch.Tensor, scale: float) -> Signal:
    n = values.shape[-1]
    return Signal.of(values[None], np.full(n, scale), np.zeros(n), 1)


def linear_unit(rng: np.random.Generator, chip: Chip, cap: float | None, sizes: tuple[int, int, int]) -> Unit:
    """A Linear of random weights; ``sizes`` are samples, inputs and neurons."""
    samples, fan_in, n = sizes
    top = (1 << chip.signal.input_bits) - 1
    signal = signal_of(correlated(rng, samples, fan_in, top), 1 / top)
    node = Linear(name="sum", inputs=("x",), weights=rng.normal(size=(n, fan_in)), bias=rng.normal(size=n))
    target = signal.value() @ torch.from_numpy(node.weights.T.copy()).float() + torch.from_numpy(node.bias.copy())
    return Unit(name="y", accumulator=node, cap=cap, decoded=False, inputs=(signal,), target=target.float())


def add_unit(rng: np.random.Generator, chip: Chip, cap: float | None, n: int) -> Unit:
    """A sum of two signals."""
    top = (1 << chip.signal.input_bits) - 1
    signals = tuple(signal_of(correlated(rng, 12, n, top), 1 / top) for _ in range(2))
    node = Add(name="sum", inputs=("a", "b"), coefficients=rng.normal(size=(2, n)), bias=rng.normal(size=n))
    target = torch.stack(
        [s.value() * torch.from_numpy(c.copy()) for s, c in zip(signals, node.coefficients, strict=True)]
    )
    target = target.sum(0) + torch.from_numpy(node.bias.copy())
    return Unit(name="y", accumulator=node, cap=cap, decoded=False, inputs=signals, target=target.float())


def reach_of(unit: Unit, chip: Chip) -> OutputRange:
    bits = signal_bits(chip, decoded=False)
    if unit.cap is not None:
        return positive_range(unit.activated(unit.target), unit.cap, bits)
    own = extent(unit.target)
    return signed_range(own, tied_scale([own], chip, bits, shared=False), chip, bits, padded=False)


def task_of(unit: Unit, chip: Chip, rng: np.random.Generator, copies: int = 1) -> gradient.Task:
    readers = rng.normal(size=(3, unit.target.shape[1]))
    return gradient.Task(reach=reach_of(unit, chip), chip=chip, copies=copies, amplification=readers, seed=5)


def assert_in_range(fit: Fit, chip: Chip) -> None:
    low, high = chip.core.weight_range
    assert ((low <= fit.rows) & (fit.rows <= high)).all()
    if fit.bias_weights is not None:
        assert ((low <= fit.bias_weights) & (fit.bias_weights <= high)).all()
        assert fit.rows.shape[1] + fit.bias_weights.shape[1] <= chip.core.axons
    p, half = fit.parameters, 1 << (chip.neuron.bias_bits - 1)
    assert ((-half <= p["bias"]) & (p["bias"] < half)).all()
    assert chip.core.bias == "register" or not p["bias"].any()
    assert ((p["multiplier"] >= 1) & (p["multiplier"] < 1 << chip.neuron.multiplier_bits)).all()
    assert ((p["shift"] >= 1) & (p["shift"] < 1 << chip.neuron.shift_bits)).all()
    signed = chip.signal.partial_sums == "signed"
    ends = chip.signal.partial_range if signed and p["low"].min() < 0 else chip.signal.output_range
    assert ends[0] <= p["low"].min()
    assert p["high"].max() <= ends[1]
    if chip.neuron.scale == "core":
        assert len({(int(m), int(s)) for m, s in zip(p["multiplier"], p["shift"], strict=True)}) == 1
    np.testing.assert_allclose(fit.weight_scale, fit.scale * p["multiplier"] / 2.0 ** p["shift"], rtol=1e-12)


@settings(deadline=None, max_examples=40)
@given(chip=chips(), seed=SEEDS, cap=st.sampled_from([None, np.inf, 0.5]), copies=st.integers(1, 3))
def test_all_integers_are_in_their_ranges(chip: Chip, seed: int, cap: float | None, copies: int) -> None:
    rng = np.random.default_rng(seed)
    unit = linear_unit(rng, chip, cap, (12, int(rng.integers(1, chip.core.axons)), 3))
    reach = reach_of(unit, chip)
    for each, number in ((unit, copies), (add_unit(rng, chip, cap, 3), 1)):
        assert_in_range(ann.lay_out(each, ann.solve_ann(each, reach, chip), reach, chip, number), chip)
    solution = gradient.polished(unit, ann.solve_ann(unit, reach, chip), task_of(unit, chip, rng, copies))
    assert_in_range(ann.lay_out(unit, solution, reach, chip, copies), chip)
    if not chip.core.has_zero_weight:
        assert (solution.weights != 0).all()


@given(seed=SEEDS, grid=GRIDS)
def test_rounding_to_nearest_moves_at_most_half_a_step(seed: int, grid: Grid) -> None:
    rng = np.random.default_rng(seed)
    step = rng.uniform(0.1, 2, size=4)
    rows = rng.uniform(grid.low, grid.high, size=(4, 6)) * step[:, None]
    integers = round_nearest(rows, step, grid)
    assert (np.abs(integers * step[:, None] - rows) <= step[:, None] * (0.5 if grid.zero else 1.0) * (1 + 1e-9)).all()
    assert grid.zero or (integers != 0).all()
    beyond = round_nearest(rows * 1e3, step, grid)
    assert beyond.min() >= grid.low
    assert beyond.max() <= grid.high


@given(seed=SEEDS)
def test_feedback_beats_nearest_in_the_mean_on_correlated_inputs(seed: int) -> None:
    """A single row may come out worse; over 200 rows the sum may not."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(200, 12))
    step = np.abs(rows).max(axis=1) / 3
    seen = moments(correlated(rng, 400, 12, 255)[None], torch.zeros(1, 400, 1))
    grid = Grid(low=-4, high=3)
    nearest, fed = round_nearest(rows, step, grid), round_with_feedback(rows, step, grid, feedback(seen))
    errors = [squared_error(q * step[:, None], rows, seen).sum() for q in (nearest, fed)]
    assert errors[1] < errors[0]


@given(seed=SEEDS)
def test_feedback_is_rounding_to_nearest_where_inputs_are_not_correlated(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, step = rng.normal(size=(5, 7)), rng.uniform(0.2, 1, size=5)
    seen = Moments(gram=np.diag(rng.uniform(0.1, 9, size=7))[None], cross=np.zeros((1, 5, 7)))
    fed = round_with_feedback(rows, step, Grid(low=-2, high=1), feedback(seen))
    np.testing.assert_array_equal(fed, round_nearest(rows, step, Grid(low=-2, high=1)))


def few_bits(bits: int = 2) -> Chip:
    return plain_chip(core={"axons": 64, "neurons": 64, "weight_bits": bits}, neuron={"multiplier_bits": 16})


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS)
def test_trying_more_grids_never_raises_a_neurons_error(seed: int) -> None:
    chip = few_bits()
    unit = linear_unit(np.random.default_rng(seed), chip, np.inf, (40, 10, 6))
    seen = moments(unit.inputs[0].means[None], unit.target[None])
    rows = refit(unit.per_lsb()[0], seen)

    def error(clips: tuple[float, ...]) -> FloatArray:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ann, "CLIPS", clips)
            patch.setattr(ann, "DESCENTS", 0)
            found = ann.solve_ann(unit, reach_of(unit, chip), chip)
        return squared_error(found.weights * found.step[:, None], rows, seen)

    tried, first = error(ann.CLIPS), error((1.0,))
    assert (tried <= first * (1 + 1e-9)).all()
    assert tried.sum() < first.sum()


@given(seed=SEEDS)
def test_refit_is_the_least_of_the_damped_objective(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = correlated(rng, 30, 5, 15)
    rows = rng.normal(size=(3, 5))
    seen = moments(x[None], (x @ torch.from_numpy(rng.normal(size=(5, 3))).float())[None])
    gram, cross = seen.gram[0], seen.cross[0]
    pull = damped(gram) - gram

    def objective(w: FloatArray) -> float:
        fitted = np.einsum("oi,ij,oj", w, gram, w) - 2 * (w * cross).sum()
        return float(fitted + np.einsum("oi,ij,oj", w - rows, pull, w - rows))

    best = refit(rows, seen)
    slack = 1e-9 * (1 + abs(objective(best)))
    assert objective(best) <= objective(rows) + slack
    assert objective(best) <= objective(best + rng.normal(0, 0.01, size=best.shape)) + slack


@given(
    seed=SEEDS, size=st.sampled_from([0.0, 1e-3, 1.0, 1e4]), signed=st.booleans(), bits=st.integers(1, 8),
    shared=st.booleans(), padded=st.booleans(),
)  # fmt: skip
def test_signed_ranges_hold_their_targets_on_one_scale(
    seed: int, size: float, signed: bool, bits: int, shared: bool, padded: bool
) -> None:
    """Where bits are plenty; where they are few all but the rarest values. A border of zeros has one integer."""
    rng = np.random.default_rng(seed)
    chip = plain_chip(signal={"partial_sums": "signed" if signed else "none"})
    targets = [torch.from_numpy(size * (rng.normal(size=(9, 4)) + rng.normal())).float() for _ in range(3)]
    extents = [extent(target) for target in targets]
    scale = tied_scale(extents, chip, bits, shared)
    assert not shared or len(set(scale.tolist())) == 1
    for target, own in zip(targets, extents, strict=True):
        reach = signed_range(own, scale, chip, bits, padded)
        t, slack = target.double().numpy(), 1e-6 * (size + reach.scale)
        if bits > 1 or not signed:
            assert (reach.scale * reach.low + reach.zero <= t + slack + padded * reach.scale / 2).all()
            assert (t <= reach.scale * reach.high + reach.zero + slack + padded * reach.scale / 2).all()
        if padded:
            points = -reach.zero / reach.scale
            np.testing.assert_allclose(points, np.rint(points[0]), atol=1e-9)
        else:
            np.testing.assert_array_equal(reach.scale, scale)


@given(
    seed=SEEDS, bits=st.integers(1, 8), low=st.sampled_from([0.0, -0.3, -1.0]), high=st.sampled_from([0.0, 0.3, 1.0])
)
def test_the_integer_for_0_lies_inside_and_leaves_room_on_either_side(
    seed: int, bits: int, low: float, high: float
) -> None:
    size, top = np.random.default_rng(seed).exponential(), (1 << bits) - 1
    point = zero_point(low * size, high * size, top)
    assert 0 <= point <= top
    assert point >= 1 or low == 0
    assert point < top or high == 0 or top == 1


@given(seed=SEEDS, bits=st.integers(1, 10), cap=st.sampled_from([np.inf, 6.0]))
def test_a_positive_range_rounds_no_worse_than_the_full_one(seed: int, bits: int, cap: float) -> None:
    """One range for all channels where bits are plenty; below, each channel has its own."""
    target = torch.from_numpy(np.random.default_rng(seed).exponential(2.0, size=(50, 3, 2))).float().clamp(0, cap)
    reach = positive_range(target, cap, bits)
    top, scale = (1 << bits) - 1, torch.from_numpy(reach.scale).float()[:, None]
    full = target.amax((0, 2), keepdim=True)[0] if bits < PLENTY_BITS else target.max()

    def errors(step: torch.Tensor) -> torch.Tensor:
        squared = (target / step).round().clamp(max=top).mul(step).sub(target).square()
        return squared.mean((0, 2)) if bits < PLENTY_BITS else squared.mean()

    assert (reach.low, reach.high) == (0, top)
    assert bits < PLENTY_BITS or len(set(reach.scale.tolist())) == 1
    assert bool((scale * top <= full * (1 + 1e-6)).all())
    assert bool((errors(scale) <= errors(full / top) * (1 + 1e-5)).all())


def test_a_unit_that_is_never_active_has_a_range_of_the_size_of_what_it_adds_up() -> None:
    reach = positive_range(torch.full((5, 2), -3.0), np.inf, 8)
    np.testing.assert_allclose(reach.scale, 3.0 / 255)
    np.testing.assert_array_equal(from_zero(reach.scale, 8).zero, 0)


@given(seed=SEEDS, grid=GRIDS, groups=st.integers(1, 3))
def test_neither_descent_nor_gain_raises_the_error_of_any_channel(seed: int, grid: Grid, groups: int) -> None:
    rng = np.random.default_rng(seed)
    x = torch.stack([correlated(rng, 40, 6, 15) for _ in range(groups)])
    seen = moments(x, torch.zeros(groups, 40, 2))
    rows = rng.normal(size=(groups * 2, 6))
    step = np.abs(rows).max(axis=1) / grid.high
    before = round_nearest(rows, step, grid)
    after = descend(before, rows, step, grid, seen)
    assert grid.low <= after.min()
    assert after.max() <= grid.high
    assert grid.zero or (after != 0).all()
    first, second = (squared_error(q * step[:, None], rows, seen) for q in (before, after))
    assert (second <= first * (1 + 1e-9) + 1e-12).all()
    gained = step * best_gain(after, rows, step, seen)
    assert (squared_error(after * gained[:, None], rows, seen) <= second * (1 + 1e-9) + 1e-12).all()


@given(seed=SEEDS, groups=st.integers(1, 3))
def test_what_is_done_for_groups_is_done_for_each(seed: int, groups: int) -> None:
    rng = np.random.default_rng(seed)
    x = torch.stack([correlated(rng, 30, 5, 15) for _ in range(groups)])
    target = torch.from_numpy(rng.normal(size=(groups, 30, 2))).float()
    rows, step, grid = rng.normal(size=(groups * 2, 5)), rng.uniform(0.2, 1, groups * 2), Grid(low=-2, high=1)
    together = moments(x, target)
    fed = round_with_feedback(rows, step, grid, feedback(together))
    for g in range(groups):
        own, part = moments(x[g : g + 1], target[g : g + 1]), slice(2 * g, 2 * g + 2)
        np.testing.assert_allclose(together.gram[g], own.gram[0], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(refit(rows, together)[part], refit(rows[part], own), rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(fed[part], round_with_feedback(rows[part], step[part], grid, feedback(own)))


@settings(deadline=None)
@given(chip=chips(), seed=SEEDS)
def test_register_and_bias_rows_add_up_to_the_bias(chip: Chip, seed: int) -> None:
    """Within half an LSB where the register holds it; within half of what a row's weight adds where rows help."""
    rng = np.random.default_rng(seed)
    fan_in = int(rng.integers(1, chip.core.axons))
    unit = linear_unit(rng, chip, np.inf, (8, fan_in, 40))
    level = (1 << chip.signal.input_bits) - 1
    register = 0 if chip.core.bias == "row" else (1 << (chip.neuron.bias_bits - 1)) - 1
    rows = min(ann.MOST_BIAS_ROWS, chip.core.axons - fan_in)
    most = register + rows * chip.core.weight_range[1] * level
    lead = np.concatenate([rng.uniform(-most, most, size=20), rng.uniform(-register, register, size=20)])
    reach = reach_of(unit, chip)
    fit = ann.lay_out(unit, replace(ann.solve_ann(unit, reach, chip), lead=lead), reach, chip, 1)
    carried = 0 if fit.bias_weights is None else fit.bias_weights.sum(axis=1) * level
    error = np.abs(fit.parameters["bias"] + carried - lead)
    assert (error <= 0.5 + level / 2).all()
    assert (error[np.abs(lead) <= register] <= 0.5).all()


def test_four_copies_resolve_a_quarter_of_an_lsb() -> None:
    """One input of weight 1, sixteen accumulator LSBs an output LSB: the mean of four outputs is x/16 within 1/8."""
    chip = plain_chip()
    x = torch.arange(8, 241).float()[:, None]
    node = Linear(name="sum", inputs=("x",), weights=np.array([[1 / 16]]), bias=np.zeros(1))
    unit = Unit(name="y", accumulator=node, cap=np.inf, decoded=True, inputs=(signal_of(x, 1.0),), target=x / 16)
    reach = OutputRange(scale=np.ones(1), zero=np.zeros(1), low=0, high=255)
    one = np.ones(1, dtype=np.int64)
    solution = ann.Solution(
        weights=one[None], lead=np.zeros(1), multiplier=one, shift=4 * one, scale=np.ones(1), step=np.full(1, 1 / 16)
    )
    fit = ann.lay_out(unit, solution, reach, chip, 4)
    assert fit.parameters["bias"].tolist() == [-6, -2, 2, 6]
    given_ = delivered(unit, fit, chip, 1)
    assert float((given_.means.mean(1, keepdim=True) - x / 16).abs().max()) <= 1 / 8
    alone = delivered(unit, ann.lay_out(unit, solution, reach, chip, 1), chip, 1)
    assert float((alone.means - x / 16).abs().max()) > 1 / 4


def held_errors(unit: Unit, task: gradient.Task, solutions: list[ann.Solution]) -> list[float]:
    """Errors on the samples held back, by the outputs of `delivered` alone."""
    chosen = torch.arange(len(unit.target)) % gradient.CHECKED == gradient.CHECKED - 1
    held = unit.on(chosen.nonzero()[:, 0])
    readers = np.asarray(task.amplification)
    rows = readers / np.sqrt((readers**2).sum() / readers.shape[1])
    found = []
    for solution in solutions:
        given_ = delivered(held, ann.lay_out(held, solution, task.reach, task.chip, task.copies), task.chip, 1).value()
        e = (given_ - held.activated(held.target)).double().numpy()
        found.append(float(((e @ rows.T) ** 2).sum() + gradient.OWN * (e**2).sum()))
    return found


@settings(deadline=None, max_examples=12)
@given(seed=SEEDS, cap=st.sampled_from([None, np.inf]), bits=st.integers(1, 4))
def test_the_polish_never_raises_the_error_on_samples_held_back(seed: int, cap: float | None, bits: int) -> None:
    chip, rng = few_bits(bits), np.random.default_rng(seed)
    unit = linear_unit(rng, chip, cap, (64, 12, 5))
    task = task_of(unit, chip, rng)
    start = ann.solve_ann(unit, task.reach, chip)
    with pytest.MonkeyPatch.context() as patch:  # few samples, fast and long: often worse on those held back
        patch.setattr(gradient, "RATE", 0.05)
        patch.setattr(gradient, "EPOCHS", 40)
        end = gradient.polished(unit, start, task)
        again = gradient.polished(unit, start, task)
    before, after = held_errors(unit, task, [start, end])
    assert after <= before * (1 + 1e-5)
    assert end.weights.tobytes() == again.weights.tobytes()
    assert end.lead.tobytes() == again.lead.tobytes()


def test_the_polish_gains_where_the_next_layer_couples_neurons() -> None:
    chip, rng = few_bits(), np.random.default_rng(1)
    unit = linear_unit(rng, chip, np.inf, (2000, 60, 16))
    task = task_of(unit, chip, rng)
    start = ann.solve_ann(unit, task.reach, chip)
    state = torch.get_rng_state()
    end, again = gradient.polished(unit, start, task), gradient.polished(unit, start, task)
    before, after = held_errors(unit, task, [start, end])
    assert after < 0.97 * before
    assert end.weights.tobytes() == again.weights.tobytes()
    assert end.lead.tobytes() == again.lead.tobytes()
    assert torch.equal(state, torch.get_rng_state())


def test_a_unit_without_coupling_is_left_as_it_is() -> None:
    chip, rng = few_bits(), np.random.default_rng(1)
    unit = linear_unit(rng, chip, np.inf, (40, 6, 3))
    start = ann.solve_ann(unit, reach_of(unit, chip), chip)
    assert gradient.polished(unit, start, replace(task_of(unit, chip, rng), amplification=None)) is start


def two_layers(w1: FloatArray, w2: FloatArray) -> Network:
    nodes = (
        Input(name="x", shape=(w1.shape[1],)),
        Linear(name="fc1", inputs=("x",), weights=w1, bias=np.zeros(len(w1))),
        Activation(name="h", inputs=("fc1",), function="relu"),
        Linear(name="fc2", inputs=("h",), weights=w2, bias=np.zeros(len(w2))),
        Output(name="y", inputs=("fc2",)),
    )
    return split_fan_in(lowered_exactly(Network(nodes)), SplitPlan(fan_in=4, terms=4))


def test_amplification_is_the_next_layer_however_it_is_split() -> None:
    rng = np.random.default_rng(0)
    w1, w2 = rng.normal(size=(6, 7)), rng.normal(size=(3, 6))
    network = two_layers(w1, w2)
    found = amplification(network, "h")
    assert found is not None
    np.testing.assert_allclose(found, w2)
    parts = [node.name for node in network.nodes if isinstance(node, Linear) and node.name.startswith("fc1")]
    assert len(parts) == 2
    for part in parts:
        through = amplification(network, part, np.full(6, 0.5))
        assert through is not None
        np.testing.assert_allclose(through, w2 * 0.5)
        assert amplification(network, part) is None  # its sum is activated: one to one
    assert amplification(network, "y") is None


@example(bits=16, bias_bits=16, rows=1, wanted=50_000, row=False)
@given(
    bits=st.integers(2, 16), bias_bits=st.sampled_from([2, 8, 9, 16, 20]), rows=st.integers(1, 3),
    wanted=st.integers(-(1 << 20), 1 << 20), row=st.booleans(),
)  # fmt: skip
def test_registers_and_axons_hold_a_bias_as_nearly_as_they_can(
    bits: int, bias_bits: int, rows: int, wanted: int, row: bool
) -> None:
    """Of all weights of the constant axons none comes nearer."""
    core = {"bias": "row" if row else "register"}
    chip = plain_chip(signal={"input_bits": bits}, neuron={"bias_bits": bias_bits}, core=core)
    register, weights = bias_parts(np.array([float(wanted)]), chip, rows)
    level, most = (1 << bits) - 1, 0 if row else (1 << (bias_bits - 1)) - 1
    held = register[0] + level * (0 if weights is None else weights.sum())
    low, high = (end * rows for end in chip.core.weight_range)
    nearest = np.clip(round(wanted / level), low, high)
    possible = min(max(abs(wanted - level * w) - most, 0) for w in range(nearest - 1, nearest + 2) if low <= w <= high)
    possible = min(possible, max(abs(wanted) - most, 0))
    assert abs(held - wanted) <= possible + (0 if row else 1)
