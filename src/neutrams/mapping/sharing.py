"""How cores are shared and weight blocks replicated: figures of a program, in all and layer by layer."""

from dataclasses import dataclass

import numpy as np

from neutrams.mapping.capacity import alive_cores
from neutrams.program.tables import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerShare:
    """What one layer takes; layers that share tiles count as one.

    Attributes:
        layer: Its name, or the names of those that share tiles.
        tiles: Tiles [count].
        weight_blocks: Distinct weight blocks of these [count].
        cores: Cores that hold them [count]; another layer may have tiles of the same block there.
        tiles_per_core: Most tiles, of any layer, that one of these cores serves [count].
    """

    layer: str
    tiles: int
    weight_blocks: int
    cores: int
    tiles_per_core: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """How a program uses the board.

    Attributes:
        tiles_per_core: Most tiles that a core serves [count]; it and its like set the tick.
        weight_blocks: Distinct weight blocks [count].
        block_replicas: Cores that hold a weight block which another core holds too, all but the first [count].
        further_copies: Whole copies of the network that the board has room for beside this one [count].
        layers: Layer by layer, in the order of tiles.
    """

    tiles_per_core: int
    weight_blocks: int
    block_replicas: int
    further_copies: int
    layers: tuple[LayerShare, ...]


def sharing_of(program: Program) -> Sharing:
    """Return the figures of ``program``; each core holds one weight block."""
    core, block, names = program.tiles.core, program.tiles.block, _layer_names(program)
    kinds: dict[str, int] = {}
    kind = np.array([kinds.setdefault(name, len(kinds)) for name in names], dtype=np.int64)
    cores, place, tiles_on = np.unique(core, return_inverse=True, return_counts=True)
    return Sharing(
        tiles_per_core=int(tiles_on.max()),
        weight_blocks=len(program.blocks),
        block_replicas=len(cores) - len(program.blocks),
        further_copies=alive_cores(program.chip) // len(cores) - 1,
        layers=tuple(
            LayerShare(
                layer=name,
                tiles=int((kind == k).sum()),
                weight_blocks=len(np.unique(block[kind == k])),
                cores=len(np.unique(core[kind == k])),
                tiles_per_core=int(tiles_on[place[kind == k]].max()),
            )
            for name, k in kinds.items()
        ),
    )


def _layer_names(program: Program) -> list[str]:
    """The layers of each tile's neurons."""
    columns = np.diff(program.tiles.neurons)
    tile = np.repeat(np.arange(len(columns), dtype=np.int64), columns)
    found: list[list[str]] = [[] for _ in columns]
    for number, origin in np.unique(np.stack([tile, program.neurons.origin]), axis=1).T.tolist():
        found[number].append(program.origins[origin])
    return [" + ".join(origins) for origins in found]
