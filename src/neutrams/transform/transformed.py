"""What a transformation gives."""

from collections.abc import Mapping
from dataclasses import dataclass

from neutrams.base.arrays import FloatArray
from neutrams.network import Network
from neutrams.transform.ledger import LedgerRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformed:
    """A network in core operators.

    Attributes:
        network: The core network, integer inside.
        ledger: What it cost, by layer and limit.
        activity: Words or spikes a sample that each Encode and Neuron sends on calibration data, float64 ``[n]`` by
            node.
        samples: Calibration samples used.
    """

    network: Network
    ledger: tuple[LedgerRow, ...]
    activity: Mapping[str, FloatArray]
    samples: int
