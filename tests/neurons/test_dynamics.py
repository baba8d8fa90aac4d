"""Each dynamics model gives what its formula gives, neuron by neuron; closed forms; memory starts anew."""

from dataclasses import asdict
from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neutrams.base.arrays import FloatArray
from neutrams.evaluate import run as evaluate
from neutrams.network import Input, Network, Output, Spiking, Stack, Unstack
from neutrams.neurons.dynamics import dynamics_models
from neutrams.reference import run
from nir_oracle import NEURONS, PARAMETERS, Cell, Ways

DT = 2.0**-10
KEYS = ("dt", "reset", "strict", "many", "current", "method")


@st.composite
def ways(draw: st.DrawFn) -> Ways:
    return Ways(
        dt=DT,
        reset=draw(st.sampled_from(["zero", "subtract"])),
        strict=draw(st.booleans()),
        many=draw(st.booleans()),
        current=draw(st.sampled_from(["first", "last"])),
        method=draw(st.sampled_from(["euler", "exponential", "impulse"])),
        refractory=draw(st.sampled_from([0, 0, 1, 3])),
    )


@st.composite
def cases(draw: st.DrawFn, *, grid: bool) -> tuple[str, dict[str, FloatArray], FloatArray, Ways]:
    """(model, parameters ``[*shape]``, input ``[N, T, *shape]``, ways).

    On a grid all are small dyadic numbers, so potentials meet thresholds exactly and sums are exact in any order.
    """
    kind = draw(st.sampled_from(NEURONS))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.sampled_from([(1,), (3,), (2, 2, 1)]))

    def numbers(name: str) -> FloatArray:
        if name.startswith("tau"):
            return DT * (2.0 ** rng.integers(0, 3, shape) if grid else rng.uniform(0.8, 20, shape))
        if name == "delay":
            return DT * rng.integers(0, 4, shape).astype(float)
        if name == "r":  # an integrator adds dt r x
            return (rng.integers(1, 9, shape) / 4 if grid else rng.uniform(0.2, 3, shape)) * (
                1 / DT if kind in ("I", "IF") else 1
            )
        low = 1 if name in ("v_threshold", "w_in") else -2
        return rng.integers(low, 5, shape) / 4 if grid else rng.uniform(low / 4, 1.5, shape)

    p = {name: numbers(name) for name in PARAMETERS[kind]}
    size = (2, draw(st.integers(1, 12)), *shape)
    x = rng.integers(-2, 7, size) / 4 if grid else rng.normal(0.5, 1, size)
    chosen = draw(ways())
    if grid and chosen.method != "euler":
        chosen = Ways(**asdict(chosen) | {"method": "euler"})  # e^x is on no grid
    return kind, p, x, chosen


def network(kind: str, p: dict[str, FloatArray], steps: int, chosen: Ways) -> Network:
    rest = {"refractory": np.full(next(iter(p.values())).shape, float(chosen.refractory))}
    more = rest if "refractory" in dynamics_models()[kind].optional and chosen.refractory else {}
    rules = {key: value for key, value in asdict(chosen).items() if key in KEYS}
    return Network((
        Input(name="x", shape=(steps, *next(iter(p.values())).shape)), Unstack(name="now", inputs=("x",)),
        Spiking(name="n", inputs=("now",), model=kind, parameters=p | more, **rules),
        Stack(name="all", inputs=("n",), steps=steps), Output(name="y", inputs=("all",)),
    ))  # fmt: skip


def wanted(kind: str, p: dict[str, FloatArray], x: FloatArray, chosen: Ways) -> FloatArray:
    y = np.empty_like(x)
    for n, *at in np.ndindex(x.shape[0], *x.shape[2:]):
        cell = Cell(kind, {name: float(values[tuple(at)]) for name, values in p.items()}, chosen)
        y[(n, slice(None), *at)] = [cell.step(float(value)) for value in x[(n, slice(None), *at)]]
    return y


@given(case=cases(grid=True))
def test_on_a_grid_every_model_is_its_formula_exactly(
    case: tuple[str, dict[str, FloatArray], FloatArray, Ways],
) -> None:
    kind, p, x, chosen = case
    assert np.array_equal(run(network(kind, p, x.shape[1], chosen), {"x": x})["y"], wanted(*case))


@given(case=cases(grid=False))
def test_every_model_is_its_formula(case: tuple[str, dict[str, FloatArray], FloatArray, Ways]) -> None:
    kind, p, x, chosen = case
    found, want = run(network(kind, p, x.shape[1], chosen), {"x": x})["y"], wanted(*case)
    if kind in ("I", "LI", "CubaLI"):
        np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-9)
    else:
        assert np.array_equal(found, want)


@given(case=cases(grid=False))
def test_fast_evaluation_gives_the_same_bits(case: tuple[str, dict[str, FloatArray], FloatArray, Ways]) -> None:
    kind, p, x, chosen = case
    net = network(kind, p, x.shape[1], chosen)
    assert np.array_equal(evaluate(net, {"x": x}, batch=1)["y"], run(net, {"x": x})["y"])


def constant(kind: str, value: float, steps: int, chosen: Ways, **p: float) -> list[float]:
    arrays = {name: np.array([number]) for name, number in p.items()}
    found = run(network(kind, arrays, steps, chosen), {"x": np.full((1, steps, 1), value)})["y"]
    return [float(y) for y in found[0, :, 0]]


def test_a_leaky_integrator_under_a_constant_input_has_a_closed_form() -> None:
    found = constant("LI", 2.0, 40, Ways(dt=0.001), tau=0.01, r=1.5, v_leak=0.5)
    np.testing.assert_allclose(found, [3.5 - 3.5 * 0.9**t for t in range(1, 41)], rtol=1e-12)
    found = constant("LI", 2.0, 40, Ways(dt=0.001, method="exponential"), tau=0.01, r=1.5, v_leak=0.5)
    exact = [3.5 * (1 - exp(-0.1 * t)) for t in range(1, 41)]  # of the differential equation itself
    np.testing.assert_allclose(found, exact, rtol=1e-12)


def test_a_current_behind_a_synapse_has_a_closed_form() -> None:
    """One impulse: i_t = w a^t / tau', v a difference of two geometric series."""
    a, b = 1 - 0.001 / 0.004, 1 - 0.001 / 0.01
    for current, late in (("first", 0), ("last", 1)):
        arrays = {"tau_syn": 0.004, "tau_mem": 0.01, "r": 10.0, "v_leak": 0.0, "w_in": 4.0}
        x = np.zeros((1, 20, 1))
        x[0, 0] = 1
        net = network("CubaLI", {k: np.array([v]) for k, v in arrays.items()}, 20, Ways(dt=0.001, current=current))
        found = run(net, {"x": x})["y"][0, :, 0]
        want = [(b ** (t + 1 - late) - a ** (t + 1 - late)) / (b - a) for t in range(20)]
        np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-12)


def test_a_leaky_neuron_under_a_constant_input_fires_at_a_period() -> None:
    """V reaches 1 from 0 towards 2 by a factor of 0.9 a step: 2 (1 - 0.9^n) > 1 first at n = 7."""
    found = constant("LIF", 2.0, 21, Ways(dt=0.001), tau=0.01, r=1.0, v_leak=0.0, v_threshold=1.0, v_reset=0.0)
    assert found == [float(t % 7 == 6) for t in range(21)]
    found = constant(
        "LIF", 2.0, 21, Ways(dt=0.001, refractory=3), tau=0.01, r=1.0, v_leak=0.0, v_threshold=1.0, v_reset=0.0
    )
    assert [t for t in range(21) if found[t]] == [6, 16]


@pytest.mark.parametrize(
    ("chosen", "want"),
    [
        (Ways(dt=1.0), [0, 1, 0, 1]),  # 0.5, 1, 1.5 > 1: only above; then from 0
        (Ways(dt=1.0, strict=False), [0, 1, 0, 1]),
        (Ways(dt=1.0, reset="subtract"), [0, 1, 1, 0]),
    ],
)
def test_thresholds_and_resets_by_hand(chosen: Ways, want: list[float]) -> None:
    x = 0.5 if not chosen.strict else 0.75
    assert constant("IF", x, 4, chosen, r=1.0, v_threshold=1.0, v_reset=0.0) == want


def test_many_spikes_in_a_step() -> None:
    found = constant("IF", 3.5, 2, Ways(dt=1.0, many=True, reset="subtract"), r=1.0, v_threshold=1.0, v_reset=0.0)
    assert found == [3.0, 4.0]


def test_every_model_has_an_oracle() -> None:
    assert sorted(dynamics_models()) == sorted(NEURONS)
    assert {name: set(model.parameters) for name, model in dynamics_models().items()} == {
        name: set(names) for name, names in PARAMETERS.items()
    }
