"""Placement that learns from the cycle simulator: what passes the busiest links counts more in the next search."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, IntArray
from neutrams.base.errors import CapacityError, SpecError
from neutrams.mapping import MappedResult, Plan
from neutrams.network import Network
from neutrams.program import Program
from neutrams.reference import prepare
from neutrams.simulator import Run, simulate
from neutrams.simulator.traffic import link_times

MOST_ROUNDS = 100
WHERE = "compile, --refine-with-simulation"
STRENGTH, POWER = 3.0, 8
"""A flow counts 1 + STRENGTH * share ** POWER: its busiest link's time over that of the busiest link of all."""

SAMPLES = {"ann": 1, "snn": 4}
"""Samples that are simulated: in ann mode each is like the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What the simulator says of a placement.

    Attributes:
        late_words: Words a sample that missed a fixed tick.
        tick_cycles: Mean length of a tick; where the chip fixes it too short, what the longest one needs [cycle].
        weighted_hops: Words or spikes times links passed, per sample.
    """

    late_words: float
    tick_cycles: float
    weighted_hops: float

    @property
    def merit(self) -> tuple[float, float, float]:
        """Smaller is better."""
        return self.late_words, self.tick_cycles, self.weighted_hops


def refine(
    plan: Plan,
    network: Network,
    inputs: Mapping[str, AnyArray],
    rounds: int,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[MappedResult, tuple[Round, ...]]:
    """Place, simulate at level ``cycle``, place again with busy links in mind; return the best, and every round.

    The best has fewest late words, then the shortest ticks, then fewest weighted hops, of the samples simulated; the
    first round is the placement without feedback. Rounds end early where one changes nothing, or where its tables would
    be longer than those of routers.

    Args:
        plan: The mapping up to places.
        network: The transformed network.
        inputs: Samples ``[N, *shape]`` by input; the first few are simulated.
        rounds: How often to search again, 1 … `MOST_ROUNDS`.
        progress: Called with (rounds done, rounds in all).

    Raises:
        SpecError: ``rounds`` is out of range, or the chip cannot be simulated at level ``cycle``.
        CapacityError: The first placement has tables longer than those of routers.
    """
    if rounds not in range(1, MOST_ROUNDS + 1):
        raise SpecError(f"{rounds} rounds", where=WHERE, fix=f"take 1 to {MOST_ROUNDS} rounds")
    found: list[tuple[MappedResult, Round]] = []
    emphasis, start = None, None
    for number in range(rounds + 1):
        mapped = _placed(plan, emphasis, start)
        if mapped is None or (found and _same(mapped.program, found[-1][0].program)):
            break
        run = _simulated(mapped.program, network, inputs)
        found.append((mapped, _judged(mapped, run)))
        emphasis, start = busy(mapped.program, run), mapped.cores
        if progress is not None:
            progress(number + 1, rounds + 1)
    best, _ = min(found, key=lambda pair: pair[1].merit)
    return best, tuple(judged for _, judged in found)


def _placed(plan: Plan, emphasis: FloatArray | None, start: IntArray | None) -> MappedResult | None:
    """Return the next placement, None where the table of a router would be too long; the first must fit."""
    try:
        return plan.placed(emphasis, start)
    except CapacityError:
        if start is None:
            raise
        return None


def _same(a: Program, b: Program) -> bool:
    """Whether tiles and routes of two placements of one plan are the same."""
    routes, others = a.routes, b.routes
    return (
        np.array_equal(a.tiles.core, b.tiles.core)
        and np.array_equal(routes.link_from, others.link_from)
        and np.array_equal(routes.link_to, others.link_to)
    )


def _simulated(program: Program, network: Network, inputs: Mapping[str, AnyArray]) -> Run:
    wanted = {port.name for port in program.inputs}
    some = {name: array[: SAMPLES[program.mode]] for name, array in inputs.items()}
    given = {name: array for name, array in prepare(network, some).items() if name in wanted}
    try:
        return simulate(program, given, level="cycle")
    except SpecError as refusal:
        raise SpecError(
            f"level cycle refuses the chip: {refusal.where}: {refusal.what}",
            where=WHERE,
            fix=f"leave the option out, or {refusal.fix}",
        ) from None


def busy(program: Program, run: Run) -> FloatArray:
    """Return float64 ``[flows]``, by how much each flow shall count more for the busiest link that it passes."""
    assert run.cost is not None
    routes, flits = program.routes, run.cost.link_flits
    ends = zip(routes.link_from.tolist(), routes.link_to.tolist(), strict=True)
    sent = np.array([flits.get(link, 0.0) for link in ends])
    time = sent * link_times(program.chip, routes.link_from, routes.link_to)
    count = np.diff(routes.links)
    most = np.zeros(len(count))
    np.maximum.at(most, np.repeat(np.arange(len(count)), count), time)
    return np.asarray(1 + STRENGTH * (most / max(most.max(initial=0.0), 1e-30)) ** POWER)


def _judged(mapped: MappedResult, run: Run) -> Round:
    cycles, cost = run.cycles, run.cost
    assert cycles is not None
    assert cost is not None
    tick = float(cycles.tick_cycles.mean())
    return Round(
        late_words=cycles.late,
        tick_cycles=max(tick, float(cycles.longest_cycles)) if cost.tick_limit.startswith("fixed") else tick,
        weighted_hops=mapped.stats.weighted_hops,
    )
