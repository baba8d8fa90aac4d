"""How many cores a network takes, before anything is connected or placed; and how many tiles a core has to serve.

A core may serve several tiles of one weight block in turn, and the slowest core sets the tick. So weight blocks are
replicated over cores as far as the board has any, as PRIME does (Chi et al. 2016, doi 10.1145/3007787.3001140), and
cores are time-multiplexed only as far as they are scarce.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neutrams.base.errors import SpecError
from neutrams.hardware import Chip
from neutrams.mapping.bundle import bundle_count, distinct_blocks
from neutrams.mapping.capacity import alive_cores
from neutrams.mapping.fan_out import Copies, connect, plan_copies
from neutrams.mapping.pack import pack_tiles
from neutrams.mapping.partition import Tile, cut_units
from neutrams.mapping.schedule import schedule, unit_levels
from neutrams.mapping.units import Units

AUTO = "auto"
"""As few tiles a core as the board has room for."""

HOPE = 4
"""A draft that takes so many times as many cores as there are, or fewer, may come to fit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draft:
    """Tiles with their copies, and the cores that hold them.

    Attributes:
        most: Tiles a core may serve [count].
        pieces: The tiles of every unit, before some were packed together.
        copies: The tiles.
        cores: Cores they take, exactly, unless ``copies.capped``: then more [count].
        improved: Whether units have been mapped together (`neutrams.mapping.joint`).
    """

    most: int
    pieces: tuple[Tile, ...]
    copies: Copies
    cores: int
    improved: bool = False

    def fits(self, chip: Chip) -> bool:
        """Whether the board has so many cores that work."""
        return self.cores <= alive_cores(chip) and not self.copies.capped


Improve = Callable[[Draft], Draft]
"""Returns a draft of as many tiles a core that takes no more cores."""


def as_it_is(draft: Draft) -> Draft:
    """Return the draft."""
    return draft


def multiplex_choices(multiplex: str, chip: Chip) -> tuple[int, ...]:
    """Return how many tiles a core may serve, in the order they are tried.

    Args:
        multiplex: ``auto``: 1 and its doubles up to ``board.virtual_tiles``; ``most``: that alone; a number: that many,
            or as many as the chip allows where that is fewer.
        chip: The chip.

    Raises:
        SpecError: It is none of these.
    """
    virtual = chip.board.virtual_tiles
    if multiplex == AUTO:
        return (*(1 << k for k in range((virtual - 1).bit_length())), virtual)
    if multiplex == "most":
        return (virtual,)
    if not (multiplex.isascii() and multiplex.isdigit() and len(multiplex) < 9 and int(multiplex)):
        raise SpecError(
            f"multiplex is {multiplex!r}", where="mapping, option multiplex", fix="take auto, most or a number above 0"
        )
    return (min(int(multiplex), virtual),)


class Drafter:
    """Drafts of one network for many chips; counts are kept, and how the first chip's cores cut it."""

    def __init__(self, units: Units, *, effort: int, seed: int) -> None:
        self.units, self.effort, self.seed = units, effort, seed
        self.levels = unit_levels(units)
        self.cuts: dict[tuple[int, ...], tuple[tuple[Tile, ...], list[Tile]]] = {}
        self.counted: dict[tuple[object, ...], tuple[int, bool]] = {}

    def draft(self, chip: Chip, most: int) -> Draft:
        """Return the tiles for cores that serve up to ``most``, however many the board has.

        Raises:
            CapacityError: A neuron fits no core.
        """
        wanted = chip.with_values(board={"virtual_tiles": most})
        pieces, tiles = self._tiles(wanted)
        copies = plan_copies(tiles, self.units, wanted)
        draft = Draft(most=most, pieces=pieces, copies=copies, cores=count_cores(copies, self.units, wanted))
        self.counted[_key(chip, most)] = draft.cores, draft.copies.capped
        return draft

    def fits(self, chip: Chip, most: int) -> bool:
        """Whether a draft fits the board.

        Raises:
            CapacityError: A neuron fits no core.
        """
        if _key(chip, most) not in self.counted:
            self.draft(chip, most)
        cores, capped = self.counted[_key(chip, most)]
        return cores <= alive_cores(chip) and not capped

    def best(self, chip: Chip, multiplex: str, improve: Improve = as_it_is) -> Draft:
        """Return the draft with the fewest tiles a core of those that fit the board; else the one with fewest cores.

        Of ``auto``, halving leads on from the first choice that fits to one where one tile less does not.

        Args:
            chip: The chip.
            multiplex: See `multiplex_choices`.
            improve: Has its turn with the draft that is taken, and before one that takes up to `HOPE` times as many
                cores as there are is given up.

        Raises:
            CapacityError: A neuron fits no core.
        """
        draft, below = self._first(chip, multiplex, improve)
        while multiplex == AUTO and draft.fits(chip) and draft.most - below > 1:
            tried = self._tried(chip, (below + draft.most) // 2, improve)
            if tried.fits(chip):
                draft = tried
            else:
                below = tried.most
        return draft if draft.improved else improve(draft)

    def _first(self, chip: Chip, multiplex: str, improve: Improve) -> tuple[Draft, int]:
        """Return the first choice that fits and the one before it, else the draft with fewest cores and its own."""
        least, before = None, 0
        for most in multiplex_choices(multiplex, chip):
            draft = self._tried(chip, most, improve)
            if draft.fits(chip):
                return draft, before
            least, before = draft if least is None or draft.cores < least.cores else least, most
        assert least is not None, "there is a choice"
        return least, least.most

    def _tried(self, chip: Chip, most: int, improve: Improve) -> Draft:
        draft = self.draft(chip, most)
        hopeless = draft.copies.capped or draft.cores > HOPE * alive_cores(chip)
        return draft if draft.fits(chip) or hopeless else improve(draft)

    def _tiles(self, chip: Chip) -> tuple[tuple[Tile, ...], list[Tile]]:
        """Return the tiles of every unit, and what they are packed into."""
        core = chip.core
        size = (core.axons, core.neurons, core.synapse_limit)
        key = (*size, chip.board.virtual_tiles)
        if key in self.cuts:
            return self.cuts[key]
        pieces = tuple(cut_units(self.units, self.levels, chip, effort=self.effort, seed=self.seed))
        tiles = pack_tiles(pieces, self.units, chip)
        if all(other[:3] == size for other in self.cuts):
            self.cuts[key] = pieces, tiles
        return pieces, tiles


def _key(chip: Chip, most: int) -> tuple[object, ...]:
    """All that a draft depends on."""
    return chip.core, chip.neuron, chip.board.max_delay, most


def count_cores(copies: Copies, units: Units, chip: Chip) -> int:
    """Return the cores that tiles take: their number, or, where a core serves several, the bundles of alike ones.

    Copies start when the first does, so one of each is connected and scheduled.
    """
    if chip.board.virtual_tiles == 1:
        return int(copies.counts.sum()) + len(copies.relays)
    once = (*copies.tiles, *copies.relays)
    counts = np.append(copies.counts, np.ones(len(copies.relays), dtype=np.int64))
    starts = schedule(connect(once, units), units, chip.board.max_delay).starts
    _, block = distinct_blocks(once)
    return bundle_count(block, starts, counts, chip.board.virtual_tiles)
