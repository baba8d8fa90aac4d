"""The border to silicon: what a chip would be loaded with, as frozen tables."""

from neutrams.program.tables import (
    AxonTable,
    InputPort,
    NeuronTable,
    OutputPort,
    Program,
    RouterTable,
    RouteTable,
    TileTable,
)

__all__ = ["AxonTable", "InputPort", "NeuronTable", "OutputPort", "Program", "RouteTable", "RouterTable", "TileTable"]
