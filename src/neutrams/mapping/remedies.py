"""The answer where a network does not fit: what is short, by how much, and the smallest changes that make it fit.

Each change has been tried by planning the same network with it alone; what does not help is not named.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from neutrams.base.errors import CapacityError, SpecError
from neutrams.hardware import Chip
from neutrams.hardware.geometry import Board
from neutrams.mapping.capacity import alive_cores
from neutrams.mapping.draft import AUTO, Draft, Drafter, Improve, as_it_is, multiplex_choices
from neutrams.mapping.fan_out import MOST
from neutrams.mapping.sparse import widest_fan_in
from neutrams.mapping.units import Units

MOST_TILES = 1024
"""Largest ``board.virtual_tiles`` a chip may have [count]."""

MOST_FAN_OUT = 1 << 20
"""Largest ``core.fan_out`` a chip may have [count]."""

LARGER = (2, 4, 8, 16)
"""How many times as many axons and neurons of a core are tried."""

MORE_CHIPS = 64
"""Numbers of chips that are tried beyond the smallest: in a torus rows of chips must be full [count]."""


def fitting_draft(
    units: Units,
    chip: Chip,
    multiplex: str = AUTO,
    *,
    effort: int,
    seed: int,
    improve: Improve = as_it_is,
) -> Draft:
    """Return a draft that fits the board; arguments as of `neutrams.mapping.map_network`.

    ``improve`` has its turn before a network is refused (`Drafter.best`); changes that a refusal names are tried
    without it.

    Raises:
        CapacityError: There is none; names what is short, the layer, and each single change that would do.
        SpecError: ``multiplex`` is none of the choices.
    """
    drafter = Drafter(units, effort=effort, seed=seed)
    trial = _Trial(drafter=drafter, chip=chip, multiplex=multiplex)
    try:
        draft = drafter.best(chip, multiplex, improve)
    except CapacityError as error:
        raise CapacityError(error.what, where=error.where, fix=_advice(trial.all(), error.fix)) from None
    if not draft.fits(chip):
        raise _too_few_cores(draft, trial)
    return draft


def _too_few_cores(draft: Draft, trial: "_Trial") -> CapacityError:
    chip, copies, alive = trial.chip, draft.copies, alive_cores(trial.chip)
    units = trial.drafter.units.units
    shares: dict[str, int] = {}
    for tile, count in (
        *zip(copies.tiles, copies.counts.tolist(), strict=True),
        *((tile, 1) for tile in copies.relays),
    ):
        origin = units[tile.units[0]].neuron.origin
        shares[origin] = shares.get(origin, 0) + count
    most = max(shares, key=lambda name: shares[name])
    several = "" if draft.most == 1 else f" tiles, up to {draft.most} a core"
    needed = f"more than {MOST}" if copies.capped else f"{draft.cores}"
    short, share = ("", "") if copies.capped else (f": {draft.cores - alive} short", f", {shares[most]}{several}")
    return CapacityError(
        f"{needed} cores are needed, the board of {chip.board.chips} x {chip.name} has {alive} that work{short}; "
        f"layer {most!r} takes most{share}",
        where="mapping, cores",
        fix=_advice(trial.chips(draft) + trial.all()),
    )


def _advice(changes: list[str], first: str = "") -> str:
    """Put changes into one sentence, after one that is known already."""
    if not changes:
        none = "no change of the board, of core.fan_out or of the size of cores alone makes it fit"
        return first or f"take a smaller network; {none}"
    listed = changes[0] if len(changes) == 1 else f"one of {'; '.join(changes)}"
    return f"{first}{', or ' if first else ''}set {listed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """Tries changes of a chip.

    Attributes:
        drafter: Of the network.
        chip: The chip it does not fit.
        multiplex: See `multiplex_choices`.
    """

    drafter: Drafter
    chip: Chip
    multiplex: str

    def all(self) -> list[str]:
        """Return the smallest of each kind of change but of the number of chips, where there is one."""
        return [*self._fan_out(), *self._multiplex(), *self._inputs(), *self._size()]

    def chips(self, draft: Draft) -> list[str]:
        """Return the fewest chips with room for a draft, of those that the topology allows."""
        if draft.copies.capped:
            return []
        board = self.chip.board
        fewest = board.chips + Board.of(self.chip).chips_needed(draft.cores - alive_cores(self.chip))
        for chips in range(fewest, fewest + MORE_CHIPS):
            changed = self._changed(board={"chips": chips})
            if changed is not None:
                return [f"board.chips={chips}"]
        return []

    def _fan_out(self) -> Iterator[str]:
        least = _smallest(self.chip.core.fan_out, MOST_FAN_OUT, lambda n: self._fits(core={"fan_out": n}))
        if least is not None:
            yield f"core.fan_out={least}"

    def _multiplex(self) -> Iterator[str]:
        if self.multiplex not in (AUTO, "most"):
            if self._fits(AUTO):
                yield f"multiplex to auto instead of {self.multiplex}"
            return
        least = _smallest(self.chip.board.virtual_tiles, MOST_TILES, self._serves)
        if least is not None:
            yield f"board.virtual_tiles={least}"

    def _inputs(self) -> Iterator[str]:
        """As many axons, or as much memory, as the neuron with most inputs takes."""
        core, fan_in = self.chip.core, widest_fan_in(self.drafter.units.units)
        magnitudes = 2 if core.sign_scheme == "pair" else 1
        bits = fan_in * core.weight_bits * magnitudes
        if fan_in > core.axons and self._fits(core={"axons": fan_in}):
            yield f"core.axons={fan_in}"
        if fan_in > core.synapse_limit and self._fits(core={"synapse_memory_bits": bits}):
            yield f"core.synapse_memory_bits={bits}"

    def _size(self) -> Iterator[str]:
        for times in LARGER:
            size = {"axons": times * self.chip.core.axons, "neurons": times * self.chip.core.neurons}
            if self._fits(core=size):
                yield f"core.axons={size['axons']} with core.neurons={size['neurons']}"
                return

    def _fits(self, multiplex: str = "", **sections: Mapping[str, object]) -> bool:
        chip = self._changed(**sections)
        if chip is None:
            return False
        try:
            choices = multiplex_choices(multiplex or self.multiplex, chip)
            return any(self.drafter.fits(chip, most) for most in reversed(choices))
        except CapacityError:
            return False

    def _serves(self, most: int) -> bool:
        """Whether it fits cores that serve so many tiles; fewer need not be looked at, for they were tried before."""
        try:
            return self.drafter.fits(self.chip, most)
        except CapacityError:
            return False

    def _changed(self, **sections: Mapping[str, object]) -> Chip | None:
        """Return the chip with other values, or None where they contradict each other."""
        try:
            return self.chip.with_values(**sections)
        except SpecError:
            return None


def _smallest(below: int, top: int, fits: Callable[[int], bool]) -> int | None:
    """Return a number above ``below``, which does not fit, that fits where one less does not; None if ``top`` doesn't.

    Powers of two are tried until one fits; halving leads on from there.
    """
    if below >= top or not fits(top):
        return None
    high = 1 << below.bit_length()
    while high < top and not fits(high):
        below, high = high, 2 * high
    while high - below > 1:
        middle = (below + high) // 2
        if fits(middle):
            high = middle
        else:
            below = middle
    return high
