"""A digest of what searches of the mapper find; run as a script, it is printed twice."""

import hashlib

import numpy as np

from neutrams.hardware import load_chip
from neutrams.mapping.clusters import Limits, partition
from neutrams.mapping.place import place_tiles
from neutrams.mapping.workloads import conv, sheet


def digest() -> str:
    """SHA-256 of partitions with and without a limit of axons, and of places of 40 tiles."""
    found = hashlib.sha256()
    for nets, limits in ((sheet(24), Limits(neurons=64)), (conv(8, channels=4), Limits(neurons=64, axons=64))):
        found.update(partition(nets, limits, effort=1, seed=3).tobytes())
    pairs = np.stack((np.arange(40), (7 * np.arange(40) + 3) % 40))
    placed = place_tiles(load_chip("tianji"), 40, (pairs, np.arange(1, 41) * 1024), effort=2, seed=3)
    for cores in placed.candidates:
        found.update(cores.tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    print(digest(), digest())
