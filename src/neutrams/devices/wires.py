"""IR drop: the voltage that wires of a crossbar take away, exactly, as one matrix in place of that of the conductances.

Word line i leaves its driver on the left and joins a cell of each column; bit line j leads down to a sense amplifier at
0 V. All is ohmic, so the currents are linear in the input voltages: I = V E, with a matrix E that is computed once. The
nodes are eliminated column by column, from the far end of the word lines to their drivers: the network of one column is
reduced to the m x m conductances K that its word-line nodes see, and behind a wire of resistance r conductances U turn
into U (1 + r U)^-1, resistances in series. No difference of large numbers is taken, and wires may have no resistance.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri

from neutrams.base.arrays import FloatArray
from neutrams.base.errors import InputError, SpecError


@dataclass(frozen=True, slots=True, kw_only=True)
class Wires:
    """Resistances of a crossbar's wires.

    Attributes:
        word_ohm: Of a word line from one cell to the next, and from the driver to the first [ohm].
        bit_ohm: Of a bit line from one cell to the next, and from the last to the sense amplifier [ohm].
        driver_ohm: Of a driver, beside its wire [ohm].
        sense_ohm: Of a sense amplifier's input, beside its wire [ohm].

    Raises:
        SpecError: One is negative or not finite.
    """

    word_ohm: float
    bit_ohm: float
    driver_ohm: float = 0.0
    sense_ohm: float = 0.0

    def __post_init__(self) -> None:
        for name in ("word_ohm", "bit_ohm", "driver_ohm", "sense_ohm"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise SpecError(f"it is {value}", where=f"Wires.{name}", fix="give a resistance of 0 ohm or more")


def effective_matrix(conductance: FloatArray, wires: Wires) -> FloatArray:
    """Return the matrix E with which currents are ``voltages @ E``, wires included.

    Args:
        conductance: float64 ``[m, n]``, of the cell where word line i crosses bit line j [S].
        wires: Their resistances.

    Returns:
        float64 ``[m, n]`` [S]. Without resistance the same as ``conductance``.

    Raises:
        InputError: It is no matrix, or a value is negative or not finite.

    Block elimination of Kirchhoff's equations, of the order of min(m, n)^3 max(m, n) operations: the network is
    reciprocal, what driver i sends to sense amplifier j, that would send to i; so either kind of line can come first.
    """
    cells = _checked(conductance)
    if len(cells) > cells.shape[1]:
        turned = Wires(
            word_ohm=wires.bit_ohm, bit_ohm=wires.word_ohm, driver_ohm=wires.sense_ohm, sense_ohm=wires.driver_ohm
        )
        return np.ascontiguousarray(_eliminated(cells[::-1, ::-1].T, turned)[::-1, ::-1].T)
    return _eliminated(cells, wires)


def first_order_matrix(conductance: FloatArray, wires: Wires) -> FloatArray:
    """Return E to first order in the wires' resistances, as a quotient: for small drops only, and much faster.

    What cell (i, j) adds falls to 1 / (1 + d): d is the resistance of the word line shared with each other cell of row
    i times that cell's conductance, and that of the bit line with each of column j, summed. Arguments, errors and
    result as of `effective_matrix`.
    """
    cells = _checked(conductance)
    m, n = cells.shape
    along = np.arange(n)
    word = wires.driver_ohm + wires.word_ohm * (1 + np.minimum(along[:, None], along))
    bit = _shared_way(m, wires)
    return np.asarray(cells / (1 + cells @ word + bit @ cells))


def _checked(conductance: FloatArray) -> FloatArray:
    cells = np.asarray(conductance, dtype=np.float64)
    if cells.ndim != 2 or not cells.size or not np.isfinite(cells).all() or (cells < 0).any():
        raise InputError(
            f"conductances have shape {cells.shape}, or one is negative or not finite",
            where="devices, conductance",
            fix="give a matrix of conductances in siemens, 0 or more",
        )
    return cells


def _eliminated(cells: FloatArray, wires: Wires) -> FloatArray:
    m, n = cells.shape
    one = np.eye(m)
    bit = _shared_way(m, wires)
    seen = np.zeros((m, m))
    gathered = np.zeros((m, n))  # columns j …: what each word-line node of column j gives sense amplifiers j …
    for j in range(n - 1, -1, -1):
        root = np.sqrt(cells[:, j])
        own = root * _inverse(one + root[:, None] * bit * root) * root[:, None]
        seen += own
        gathered[:, j] = own.sum(axis=0)
        ohm = wires.word_ohm + (wires.driver_ohm if j == 0 else 0.0)
        behind = _inverse(one + ohm * seen)
        gathered[:, j:] = behind @ gathered[:, j:]
        seen = behind @ seen
        seen = (seen + seen.T) / 2
    return gathered


def _shared_way(m: int, wires: Wires) -> FloatArray:
    """Return float64 ``[m, m]``, the resistance that two cells of a bit line have in common on their way to 0 V."""
    down = np.arange(m)
    return np.asarray(wires.sense_ohm + wires.bit_ohm * (m - np.maximum(down[:, None], down)))


def _inverse(matrix: FloatArray) -> FloatArray:
    """Return the inverse of a symmetric, positive definite matrix."""
    factor, failed = dpotrf(matrix, lower=False)
    assert not failed, "wires and cells have no negative resistance"
    half, _ = dpotri(factor, lower=False)
    return np.asarray(np.triu(half) + np.triu(half, 1).T)
