"""Move vertices between parts: sweeps of a heat bath with prices on what parts may hold."""

from typing import NamedTuple

import numpy as np

from neutrams.kernels.cluster_tables import Caps, Graph, Ints, Parts, Scratch, look_around, move
from neutrams.kernels.compiled import kernel

STEP = np.uint64(6364136223846793005)
ODD = np.uint64(1442695040888963407)
SEED = np.uint64(0x9E3779B97F4A7C15)
LOW = -(1 << 62)
FINE = 4
"""Soft limits count in sixteenths."""


class Heat(NamedTuple):
    """What one sweep weighs and how hot it is; all in 1024ths of a net's mean weight or of an axon.

    Attributes:
        near: Worth of weight that stays within a part, 0 to 1024.
        read: Worth of an axon saved.
        temperature: Width of the noise.
        price: Of breaking a soft limit by d neurons, price * d^2 / 1024.
        axon_price: The same for axons.
        load_price: The same for synapses.
        hard: 1: a vertex goes only where no limit is broken, and soft limits mean nothing.
        even: 1: parts below their soft limit of neurons are drawn to it as well; 2: of axons; 3: of both.
        seed: Of the noise.
    """

    near: int
    read: int
    temperature: int
    price: int
    axon_price: int
    load_price: int
    hard: int
    even: int
    seed: int


class Soft(NamedTuple):
    """Soft limits, which move so that hard ones are met (augmented Lagrangian: an offset is a price).

    Arrays:
        neurons   int64[parts]  [1/16]
        axons     int64[parts]  [1/16]
    """

    neurons: Ints
    axons: Ints


@kernel
def fine(value: int, limit: int, price: int, even: int) -> int:
    """Return what it costs that a part holds ``value`` where its soft limit is ``limit`` sixteenths."""
    over = (value << FINE) - limit
    if over <= 0 and even == 0:
        return 0
    return (price * over * over) >> (2 * FINE + 10)


@kernel
def sweep(g: Graph, p: Parts, s: Scratch, soft: Soft, caps: Caps, h: Heat, noise: Ints) -> int:
    """Offer each vertex, in order, all parts that share a net with it; return how many moved.

    Arrays:
        noise  int64[4096]  quantiles of the Gumbel distribution, in 1024ths; read

    Rule: the largest of worth + temperature * noise, which is a draw from the Boltzmann distribution (heat bath;
    Gumbel-max trick). All integers, with a generator of its own (64-bit LCG), so every machine gives the same result.
    """
    state = np.uint64(h.seed) * SEED + ODD
    moved = 0
    for v in range(g.size.shape[0]):
        found, alone = look_around(g, p, s, v, caps.own)
        home = int(p.part[v])
        size, load = g.size[v], g.load[v]
        stays_size, stays_axons = p.size[home] - size, p.axons[home] - alone + s.read[home]
        best, to, to_axons = LOW, home, 0
        for i in range(found):
            q = s.seen[i]
            near, read = s.near[q], s.read[q]
            s.near[q], s.read[q] = 0, 0
            had, axons = (stays_size, stays_axons) if q == home else (p.size[q], p.axons[q])
            added = alone - read
            worth = ((h.near * near) >> 10) + h.read * read
            if h.hard:
                if q != home and (
                    had + size > caps.neurons or axons + added > caps.axons or p.load[q] + load > caps.synapses
                ):
                    continue
            else:
                limit = soft.neurons[q]
                worth -= fine(had + size, limit, h.price, h.even & 1) - fine(had, limit, h.price, h.even & 1)
                if h.axon_price:
                    limit = soft.axons[q]
                    worth -= fine(axons + added, limit, h.axon_price, h.even & 2)
                    worth += fine(axons, limit, h.axon_price, h.even & 2)
                if h.load_price:
                    limit, held = caps.synapses << FINE, p.load[q] - (load if q == home else 0)
                    worth -= fine(held + load, limit, h.load_price, 0) - fine(held, limit, h.load_price, 0)
            if h.temperature:
                state = state * STEP + ODD
                worth += (h.temperature * noise[state >> np.uint64(52)]) >> 10
            if worth > best or (worth == best and q == home):
                best, to, to_axons = worth, q, axons + added
        if to != home:
            p.axons[home] = stays_axons
            p.axons[to] = to_axons
            move(g, p, v, to)
            moved += 1
    return moved
