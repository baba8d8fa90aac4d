"""The answer where a network needs more cores than a board has."""

from collections.abc import Sequence

from neutrams.base.errors import CapacityError
from neutrams.hardware import Chip
from neutrams.hardware.geometry import Board
from neutrams.mapping.partition import Tile
from neutrams.mapping.units import Units


def alive_cores(chip: Chip) -> int:
    """Cores of the board that may be used [count]."""
    board = Board.of(chip)
    return board.cores - len({core for core in chip.board.dead_cores if 0 <= core < board.cores})


def too_many_tiles(
    counted: Sequence[tuple[Tile, int]], units: Units, chip: Chip, needed: int | None = None
) -> CapacityError:
    """Return the refusal: how many cores are missing, which layer takes most, what would help.

    Args:
        counted: Tiles and how many copies of each.
        units: The network's units.
        chip: The chip.
        needed: Cores they take, where that is known; else as if every core served all the tiles it may.
    """
    alive = alive_cores(chip)
    if needed is None:
        needed = -(-sum(count for _, count in counted) // chip.board.virtual_tiles)
    shares: dict[str, int] = {}
    for tile, count in counted:
        origin = units.units[tile.units[0]].neuron.origin
        shares[origin] = shares.get(origin, 0) + count
    tiles = "" if chip.board.virtual_tiles == 1 else " tiles"
    most = max(shares, key=lambda name: shares[name])
    board = Board.of(chip)
    more = board.chips + board.chips_needed(needed - alive)
    return CapacityError(
        f"at least {needed} cores are needed, the board of {board.chips} x {chip.name} has {alive} that work: "
        f"{needed - alive} short; layer {most!r} takes most, {shares[most]}{tiles}",
        where="mapping, cores",
        fix=f"set board.chips to more than {more - 1}, or take larger cores or a higher core.fan_out",
    )


def too_wide_state(tile: Tile, units: Units, chip: Chip) -> CapacityError:
    """Return the refusal of a state that more cores read than its neurons and one relay each can reach."""
    return CapacityError(
        f"a state is read by more cores than {chip.core.fan_out} x {chip.core.neurons}, or cannot be repeated exactly",
        where=f"mapping, layer {units.units[tile.units[0]].neuron.origin!r}",
        fix="take a higher core.fan_out, or cores with more neurons",
    )


def check_bundles(needed: int, tiles: Sequence[Tile], units: Units, chip: Chip) -> None:
    """Refuse a network whose tiles take more cores than the board has.

    Raises:
        CapacityError: How many are missing.
    """
    if needed > alive_cores(chip):
        raise too_many_tiles([(tile, 1) for tile in tiles], units, chip, needed)
