"""What a board has, and the answer where a state reaches too far."""

from neutrams.base.errors import CapacityError
from neutrams.hardware import Chip
from neutrams.hardware.geometry import Board
from neutrams.mapping.partition import Tile
from neutrams.mapping.units import Units


def alive_cores(chip: Chip) -> int:
    """Cores of the board that may be used [count]."""
    board = Board.of(chip)
    return board.cores - len({core for core in chip.board.dead_cores if 0 <= core < board.cores})


def too_wide_state(tile: Tile, units: Units, chip: Chip) -> CapacityError:
    """Return the refusal of a state that more cores read than its neurons and one relay each can reach."""
    return CapacityError(
        f"a state is read by more cores than {chip.core.fan_out} x {chip.core.neurons}, or cannot be repeated exactly",
        where=f"mapping, layer {units.units[tile.units[0]].neuron.origin!r}",
        fix="",
    )
