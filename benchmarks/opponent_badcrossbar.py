"""The opponent of bench_wires: currents of a crossbar by badcrossbar.

Run by a Python that has badcrossbar; imports nothing of neutrams. Arguments: an .npz with ``cells`` [S] and
``voltages`` ``[vectors, rows]`` [V], the resistance of a segment [ohm], and the file to write currents to. Prints the
time [s].
"""

import logging
import sys
import time
import warnings

import numpy as np

warnings.simplefilter("ignore")
import badcrossbar  # noqa: E402 (its plots want cairo, and it warns where that is missing)

if __name__ == "__main__":
    logging.disable()
    case = np.load(sys.argv[1])
    begin = time.perf_counter()
    found = badcrossbar.compute(case["voltages"].T, 1 / case["cells"], r_i=float(sys.argv[2]))
    print(time.perf_counter() - begin)
    np.save(sys.argv[3], found.currents.output)
