"""What a router is made of: virtual channels, buffers, pipeline."""

from dataclasses import dataclass

from neutrams.base.errors import SpecError

MOST_VCS = 60
LIMITS = {
    "vcs": (1, MOST_VCS),
    "buffer_flits": (1, 1 << 16),
    "route_cycles": (0, 64),
    "vc_cycles": (1, 64),
    "allocation_cycles": (1, 64),
    "switch_cycles": (1, 64),
    "credit_cycles": (0, 64),
    "queue_packets": (0, 1 << 30),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSpec:
    """An input-queued router with virtual channels (VCs) and credits.

    A head flit spends ``route_cycles`` + ``vc_cycles`` + ``allocation_cycles`` + ``switch_cycles`` in an idle router,
    then the link's latency; the flits that follow it only the last two. Cycles above one of an allocation come before
    the arbitration. A VC is free for the next packet as soon as the tail of the last has won the switch.

    Attributes:
        vcs: V, virtual channels of an input port [count], 1 to 60.
        buffer_flits: Buffer of one of them [flit].
        route_cycles: Route computation [cycle]; 0 means that it was done one router ahead.
        vc_cycles: VC allocation [cycle].
        allocation_cycles: Switch allocation [cycle].
        switch_cycles: Switch traversal [cycle].
        credit_cycles: A credit's way back takes 1 + the link's latency + this [cycle].
        queue_packets: Packets that a node's injection queue holds, the one being sent included; 0 for any number. A
            full queue holds up the node's making of packets.

    Raises:
        SpecError: A field is outside its range.
    """

    vcs: int = 2
    buffer_flits: int = 4
    route_cycles: int = 1
    vc_cycles: int = 1
    allocation_cycles: int = 1
    switch_cycles: int = 1
    credit_cycles: int = 0
    queue_packets: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise SpecError(
                    f"{name} is {value}, allowed are {low} to {high}",
                    where=f"RouterSpec.{name}",
                    fix=f"give a whole number from {low} to {high}",
                )

    @property
    def cycles(self) -> int:
        """Cycles of a head flit in an idle router, without the link [cycle]."""
        return self.route_cycles + self.vc_cycles + self.allocation_cycles + self.switch_cycles
