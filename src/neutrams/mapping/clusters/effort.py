"""How much work a partition may take: counts, never a clock."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Amounts of work, and the constants of annealing that go with them.

    Attributes:
        sweeps: Sweeps over all neurons [count].
        coarse_sweeps: Sweeps on each coarser level [count].
        clusters: Clusters a part on the coarsest level [count].
        hot: First temperature on the finest level [net of mean weight].
        warmth: Coarser levels are hotter by this power of their clusters' mean size [1].
        price: First and last price of neurons beyond the limit, squared [net of mean weight].
        chains: Parts looked at for a chain of moves, where a part is too full [count].
        polish: Sweeps under hard limits at the end [count].
        core_sweeps: Sweeps of one search for fewer parts [count].
        core_hot: First temperature of such a search [axon].
        axon_price: First and last price of axons and neurons beyond the limit, squared [axon].
        searches: Such searches [count].
        pins: Pins looked at, in all searches, that even small problems are given [count].
        most_sweeps: Sweeps of one search of a small problem [count].
        most_searches: Searches of a small problem [count].
    """

    sweeps: int
    coarse_sweeps: int
    clusters: int = 12
    hot: float = 1.0
    warmth: float = 1.0
    price: tuple[float, float] = (0.05, 0.3)
    chains: int = 60
    polish: int = 3
    core_sweeps: int = 80
    core_hot: float = 4.0
    axon_price: tuple[float, float] = (0.01, 0.1)
    searches: int = 1
    pins: int = 0
    most_sweeps: int = 500
    most_searches: int = 5


EFFORTS = (
    Effort(sweeps=4, coarse_sweeps=2, core_sweeps=20, searches=1),
    Effort(sweeps=10, coarse_sweeps=3, core_sweeps=40, searches=2, pins=20_000_000),
    Effort(sweeps=25, coarse_sweeps=5, core_sweeps=60, searches=3, pins=100_000_000, chains=400),
    Effort(sweeps=80, coarse_sweeps=15, core_sweeps=200, searches=6, chains=400, pins=1_000_000_000, most_searches=20),
)
"""By ``effort``, 0 to 3."""
