"""Layers whose neurons must be on given cores, because a sensor or a bus is there."""

from collections.abc import Mapping, Sequence

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import SpecError
from neutrams.hardware import Chip
from neutrams.hardware.geometry import Board
from neutrams.mapping.fan_out import Wiring
from neutrams.mapping.units import Units

Pins = Mapping[str, Sequence[int]]
"""Cores by the name of a layer, as many as it takes or more; its cores take the first ones, in order of tiles."""


def pins_of(pins: Pins, wiring: Wiring, units: Units, bundle: IntArray, chip: Chip) -> IntArray:
    """Return int64 ``[bundles]``, the core where each must be, -1 where it may be anywhere.

    Copies of a layer's tiles are pinned too, relays of its neurons are not.

    Raises:
        SpecError: A layer or a core does not exist, is dead or named twice, or a layer takes more cores than are named.
    """
    layers = [{units.units[unit].neuron.origin for unit in tile.units} for tile in wiring.tiles]
    known = {name for tile, names in zip(wiring.tiles, layers, strict=True) if not tile.relay for name in names}
    board, dead = Board.of(chip), set(chip.board.dead_cores)
    found = np.full(int(bundle.max()) + 1, -1, dtype=np.int64)
    taken: dict[int, str] = {}
    for layer, cores in pins.items():
        if layer not in known:
            raise _refused(layer, "there is no such layer on the chip", f"name one of {', '.join(sorted(known))}")
        for core in cores:
            if not 0 <= core < board.cores or core in dead:
                raise _refused(layer, f"core {core} is dead or not on the board", f"name cores 0 to {board.cores - 1}")
            if core in taken:
                raise _refused(
                    layer, f"core {core} is named for {taken[core]!r} already", "give each core to one layer"
                )
            taken[core] = layer
        mine = [
            int(bundle[i])
            for i, (tile, names) in enumerate(zip(wiring.tiles, layers, strict=True))
            if layer in names and not tile.relay
        ]
        own = list(dict.fromkeys(mine))
        if len(own) > len(cores):
            raise _refused(layer, f"it takes {len(own)} cores, {len(cores)} are named", f"name {len(own)} cores")
        held = next((core for core in own if found[core] >= 0), None)
        if held is not None:
            other = taken[int(found[held])]
            raise _refused(layer, f"its neurons share a core with those of {other!r}", "pin one of the two")
        found[own] = np.array(cores[: len(own)], dtype=np.int64)
    return found


def _refused(layer: str, what: str, fix: str) -> SpecError:
    return SpecError(what, where=f"mapping, pins of layer {layer!r}", fix=fix)
