"""Parts in the order of the vertices, and the traffic of any parts."""

from neutrams.kernels.cluster_tables import ROLE, Caps, Graph, Ints32, reads
from neutrams.kernels.compiled import kernel


@kernel
def fill_in_order(g: Graph, caps: Caps, part: Ints32, seen: Ints32, role: Ints32) -> int:
    """Put vertices into parts one after another, a new one where the next would break a limit; return how many.

    Arrays:
        part  int32[vertices]  the part of each; overwritten
        seen  int32[nets]      the last part with a pin of a net, -1: none yet; read, then overwritten
        role  int32[nets]      its role there; overwritten

    A vertex that breaks a limit by itself is alone in its part.
    """
    count, neurons, axons, synapses = 0, 0, 0, 0
    for v in range(g.size.shape[0]):
        more, alone = 0, 0
        for i in range(g.first[v], g.first[v + 1]):
            e, own = g.net[i] >> 2, g.net[i] & ROLE
            held = role[e] if seen[e] == count else 0
            more += reads(held | own, caps.own) - reads(held, caps.own)
            alone += reads(own, caps.own)
        neurons, synapses = neurons + g.size[v], synapses + g.load[v]
        axons += more
        if neurons > caps.neurons or axons > caps.axons or synapses > caps.synapses:
            if v > 0:
                count += 1
            neurons, synapses, axons = g.size[v], g.load[v], alone
        for i in range(g.first[v], g.first[v + 1]):
            e, own = g.net[i] >> 2, g.net[i] & ROLE
            role[e] = own | (role[e] if seen[e] == count else 0)
            seen[e] = count
        part[v] = count
    return count + 1 if g.size.shape[0] > 0 else 0


@kernel
def touched_weight(g: Graph, part: Ints32, seen: Ints32) -> int:
    """Return the weights of nets times the parts that each touches.

    Arrays:
        part  int32[vertices]
        seen  int32[parts]     -1; overwritten
    """
    total = 0
    for e in range(g.weight.shape[0]):
        for i in range(g.start[e], g.start[e + 1]):
            q = part[g.pin[i] >> 2]
            if seen[q] != e:
                seen[q] = e
                total += g.weight[e]
    return int(total)
