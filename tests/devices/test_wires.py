"""IR drop: the effective matrix gives what Kirchhoff's laws, solved node by node, give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neutrams.base.arrays import FloatArray
from neutrams.base.errors import InputError, SpecError
from neutrams.devices import Wires, effective_matrix, first_order_matrix

few_draws = settings(deadline=None, max_examples=60)
RESISTANCES = st.sampled_from([1e-3, 0.1, 1.0, 20.0, 1e3])


def nodal_currents(cells: FloatArray, wires: Wires, voltages: FloatArray) -> FloatArray:
    """Solve for the voltages of all nodes at once; node 2 (i n + j) is on word line i, the next one on bit line j."""
    m, n = cells.shape
    laplace, source = np.zeros((2 * m * n, 2 * m * n)), np.zeros(2 * m * n)

    def join(a: int, b: int, siemens: float) -> None:
        laplace[[a, b], [a, b]] += siemens
        laplace[[a, b], [b, a]] -= siemens

    for i, j in np.ndindex(m, n):
        word = 2 * (i * n + j)
        join(word, word + 1, float(cells[i, j]))
        if j:
            join(word - 2, word, 1 / wires.word_ohm)
        else:
            driver = 1 / (wires.driver_ohm + wires.word_ohm)
            laplace[word, word] += driver
            source[word] += driver * voltages[i]
        if i:
            join(word + 1 - 2 * n, word + 1, 1 / wires.bit_ohm)
        if i == m - 1:
            laplace[word + 1, word + 1] += 1 / (wires.sense_ohm + wires.bit_ohm)
    found = np.linalg.solve(laplace, source)
    return found[2 * (m - 1) * n + 1 :: 2] / (wires.sense_ohm + wires.bit_ohm)


@st.composite
def arrays(draw: st.DrawFn, most: int = 12) -> FloatArray:
    shape = draw(st.tuples(st.integers(1, most), st.integers(1, most)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    on, ratio = draw(st.sampled_from([1e2, 1e3, 1e5])), draw(st.sampled_from([1.0, 20.0, 1e4]))
    cells = rng.uniform(1 / (on * ratio), 1 / on, shape)
    return cells * (rng.random(shape) >= draw(st.sampled_from([0.0, 0.3, 1.0])))  # some cells are open


@st.composite
def wirings(draw: st.DrawFn) -> Wires:
    ends = st.sampled_from([0.0, 5.0, 300.0])
    return Wires(
        word_ohm=draw(RESISTANCES), bit_ohm=draw(RESISTANCES), driver_ohm=draw(ends), sense_ohm=draw(ends)
    )  # fmt: skip


@few_draws
@given(cells=arrays(), wires=wirings(), seed=st.integers(0, 2**32 - 1))
def test_currents_are_those_of_a_nodal_solution(cells: FloatArray, wires: Wires, seed: int) -> None:
    voltages = np.random.default_rng(seed).random(len(cells))
    wanted = nodal_currents(cells, wires, voltages)
    np.testing.assert_allclose(voltages @ effective_matrix(cells, wires), wanted, rtol=1e-7, atol=1e-7 * wanted.max())


@pytest.mark.parametrize("shape", [(64, 64), (64, 20), (20, 64)])
def test_currents_of_large_arrays_are_those_of_a_nodal_solution(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(shape))
    cells, voltages = rng.uniform(1 / 20e3, 1 / 1e3, shape), rng.random(shape[0])
    wires = Wires(word_ohm=1.0, bit_ohm=2.0, driver_ohm=3.0, sense_ohm=4.0)
    found = voltages @ effective_matrix(cells, wires)
    np.testing.assert_allclose(found, nodal_currents(cells, wires, voltages), rtol=1e-6)


@few_draws
@given(cells=arrays())
def test_wires_without_resistance_take_nothing(cells: FloatArray) -> None:
    np.testing.assert_allclose(effective_matrix(cells, Wires(word_ohm=0.0, bit_ohm=0.0)), cells, rtol=1e-12)
    np.testing.assert_allclose(first_order_matrix(cells, Wires(word_ohm=0.0, bit_ohm=0.0)), cells, rtol=1e-12)


@few_draws
@given(cells=arrays(), wires=wirings())
def test_resistance_only_takes_away(cells: FloatArray, wires: Wires) -> None:
    found = effective_matrix(cells, wires)
    assert (found >= 0).all()
    assert (found.sum(axis=1) <= cells.sum(axis=1) * (1 + 1e-9)).all()
    assert (found.sum(axis=0) <= cells.sum(axis=0) * (1 + 1e-9)).all()


@few_draws
@given(cells=arrays(most=6))
def test_what_is_left_after_first_order_is_of_second_order(cells: FloatArray) -> None:
    def error(ohm: float) -> float:
        wires = Wires(word_ohm=ohm, bit_ohm=2 * ohm, driver_ohm=ohm, sense_ohm=ohm)
        return float(np.abs(effective_matrix(cells, wires) - first_order_matrix(cells, wires)).max())

    small = 1e-4 / max(cells.sum(), 1e-12)
    assert error(small / 10) <= error(small) / 50 + 1e-13 * cells.max()


def test_one_cell_is_in_series_with_its_wires() -> None:
    wires = Wires(word_ohm=100.0, bit_ohm=200.0, driver_ohm=300.0, sense_ohm=400.0)
    np.testing.assert_allclose(effective_matrix(np.array([[1e-3]]), wires), [[1 / 2000]])


def test_a_mat_of_published_cells_loses_nearly_all_of_its_current() -> None:
    # 256 x 256 cells between 1 and 20 kilohm at 1 ohm a segment: 94.6 % mean error of currents, two other solvers say
    rng = np.random.default_rng(0)
    cells, voltages = rng.uniform(1 / 20e3, 1 / 1e3, (256, 256)), rng.random((20, 256))
    found = voltages @ effective_matrix(cells, Wires(word_ohm=1.0, bit_ohm=1.0))
    assert 0.926 < np.abs(found / (voltages @ cells) - 1).mean() < 0.966


@pytest.mark.parametrize("cells", [np.zeros(3), np.zeros((0, 3)), np.array([[np.nan]]), np.array([[-1.0]])])
def test_what_is_no_matrix_of_conductances_is_refused(cells: FloatArray) -> None:
    for matrix in (effective_matrix, first_order_matrix):
        with pytest.raises(InputError, match=r"devices, conductance.*give a matrix of conductances in siemens"):
            matrix(cells, Wires(word_ohm=1.0, bit_ohm=1.0))


@pytest.mark.parametrize("key", ["word_ohm", "bit_ohm", "driver_ohm", "sense_ohm"])
def test_negative_resistances_are_refused(key: str) -> None:
    with pytest.raises(SpecError, match=f"Wires.{key}: it is -1.0; give a resistance of 0 ohm or more"):
        Wires(**({"word_ohm": 1.0, "bit_ohm": 1.0} | {key: -1.0}))
