"""What resistive devices and their wires make of a matrix: physics in SI units, on plain arrays."""

from neutrams.devices.wires import Wires, effective_matrix, first_order_matrix

__all__ = ["Wires", "effective_matrix", "first_order_matrix"]
