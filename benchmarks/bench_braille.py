"""The recurrent braille network of the NIR paper under 8-bit weights: how many of its output spikes stay.

Usage: NEUTRAMS_DATA=folder python benchmarks/bench_braille.py

The opponent is the float network itself, run without any limit on the same random input spikes (64 samples of 256
steps; 64 others calibrate). The chip is TIANJI with current-based neurons of Loihi's widths (decays of 12 bits,
currents of 24, exponents of 3), cores of 64 and of 256 axons. A step of a neuron agrees if both fire or both do not;
beside it the share of spikes that come in the same step (Dice's coefficient), and the error of rates. Limits are
those of issue 4, on steps that agree. Exits with 1 where one is missed.
"""

import os
import sys
from pathlib import Path

import numpy as np

from neutrams.flow import CompileOptions, compile_model, run_compiled
from neutrams.hardware import load_chip
from neutrams.importers import load

LEAST = {64: 0.95, 256: 0.98}
"""Axons of a core → least share of steps that agree."""
READINGS = (("nir", "zero"), ("nir", "subtract"), ("snntorch", "zero"), ("snntorch", "subtract"))
"""Preset and reset: the file leaves both open."""
RATES = (0.1, 0.3, 0.5)
"""Input spikes a step."""
STEPS, SAMPLES = 256, 64


def main() -> int:
    """Print a line for each case; return 1 where a limit is missed."""
    data = os.environ.get("NEUTRAMS_DATA")
    if data is None:
        print("NEUTRAMS_DATA is not set: it names the folder of real models")
        return 0
    file = Path(data) / "nir" / "braille_noDelay_noBias_subtract.nir"
    rng = np.random.default_rng(0)
    missed = 0
    print("preset    reset     axons  input  steps agree  (least)  same spikes  rate error  spikes  cores")
    for preset, reset in READINGS:
        network = load(file, preset=preset, reset=reset, steps=STEPS)
        for axons, least in LEAST.items():
            chip = load_chip("tianji").with_values(
                core={"axons": axons},
                neuron={
                    "models": ("requantize", "cuba_lif_soft" if reset == "subtract" else "cuba_lif_hard"),
                    "decay_bits": 12, "synaptic_bits": 24, "exponent_bits": 3,
                },
            )  # fmt: skip
            for rate in RATES:
                calibration, x = (
                    {"input": (rng.random((SAMPLES, STEPS, 12)) < rate).astype(np.float32)} for _ in range(2)
                )
                compiled = compile_model(network, chip, calibration, CompileOptions(mode="snn"))
                run = run_compiled(compiled, x)
                assert run.spikes is not None
                missed += run.spikes.equal < least
                print(
                    f"{preset:9} {reset:9} {axons:5}  {rate:5}  {run.spikes.equal:11.4f}  ({least:.2f})   "
                    f"{run.spikes.coincident:11.4f}  {run.spikes.rate_error:10.4f}  {run.outputs['output'].mean():6.3f}"
                    f"  {compiled.stats.cores:5}"
                )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
