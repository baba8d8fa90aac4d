"""Silero's voice detector (convolutions and an LSTM) on TIANJI: how its frame probabilities follow ONNX Runtime's.

Usage: NEUTRAMS_DATA=folder python benchmarks/bench_silero.py   (needs: pip install espeakng_loader)

Synthetic speech: 6 streams calibrate, in sequences of 128 frames; 12 streams of other sentences are measured, each one
simulated from end to end, frame by frame, the state going round on the chip. TIANJI as it is, and with look-up tables
of 8 bits, both with 8-bit weights and signals. Limits are those of issue 4: correlation 0.99, 95 % of MACs on the chip.
Exits with 1 where one is missed.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
from speech import HELD_OUT, LEARNT, Speaker

from neutrams.base.arrays import FloatArray
from neutrams.flow import Compiled, CompileOptions, compile_model
from neutrams.hardware import load_chip
from neutrams.importers import load
from neutrams.network.sequences import as_sequence
from neutrams.reference import finish, prepare
from neutrams.simulator import simulate

STEPS = 128
"""Frames of a calibration sequence, and of a piece that is simulated at once."""
CALIBRATING, MEASURED = 6, 12
"""Streams [count]."""
LEAST, LEAST_MACS = 0.99, 0.95


def wanted(file: Path, streams: FloatArray) -> FloatArray:
    """Return ONNX Runtime's probabilities ``[N, n]`` for frames ``[N, n, 576]``."""
    import onnxruntime as ort

    session, state = ort.InferenceSession(file), np.zeros((2, len(streams), 128), np.float32)
    found = []
    for frames in streams.astype(np.float32).swapaxes(0, 1):
        given = {"input": frames, "state": state, "sr": np.array(16_000)}
        probability, state = session.run(None, given)
        found.append(probability[:, 0])
    return np.stack(found, axis=1)


def simulated(compiled: Compiled, streams: FloatArray) -> FloatArray:
    """Return the simulated chip's probabilities ``[N, n]``."""
    memory, found, ports = None, [], {port.name for port in compiled.program.inputs}
    for start in range(0, streams.shape[1], STEPS):
        given = prepare(compiled.network, {"input": streams[:, start : start + STEPS]})
        result = simulate(compiled.program, {k: v for k, v in given.items() if k in ports}, memory=memory)
        memory = result.memory
        found.append(finish(compiled.network, result.outputs)["output"][..., 0])
    return np.concatenate(found, axis=1)


def main() -> int:
    """Print a line for each chip; return 1 where a limit is missed."""
    data = os.environ.get("NEUTRAMS_DATA")
    if data is None:
        print("NEUTRAMS_DATA is not set: it names the folder of real models")
        return 0
    try:
        speaker = Speaker()
    except ImportError:
        print("espeakng_loader is not installed: it says the sentences")
        return 0
    file = Path(data) / "models" / "silero_vad_16k.onnx"
    network = as_sequence(load(file, {"input": (1, 576)}), STEPS, {"stateN": "state"})
    learnt = [speaker.frames(LEARNT, seed) for seed in range(CALIBRATING)]
    calibration = np.concatenate([x[: len(x) // STEPS * STEPS].reshape(-1, STEPS, 576) for x in learnt])
    said = [speaker.frames(HELD_OUT, 100 + seed) for seed in range(MEASURED)]
    pieces = min(len(x) for x in said) // STEPS
    streams = np.stack([x[: pieces * STEPS] for x in said])
    exact = wanted(file, streams)
    missed = False
    for title, chip in (
        ("tianji", load_chip("tianji")),
        ("tianji, tables", load_chip("tianji").with_values(neuron={"table_bits": 8})),
    ):
        began = time.process_time()
        compiled = compile_model(network, chip, {"input": calibration}, CompileOptions())
        seconds = time.process_time() - began
        got = simulated(compiled, streams)
        each = [float(np.corrcoef(a, b)[0, 1]) for a, b in zip(got, exact, strict=True)]
        found = float(np.corrcoef(got.ravel(), exact.ravel())[0, 1])
        share = compiled.chip_mac_fraction
        missed |= found < LEAST or share < LEAST_MACS
        print(
            f"{title}: {exact.size} frames, correlation {found:.4f} (limit {LEAST}), of single streams "
            f"{min(each):.4f} to {max(each):.4f}; {100 * share:.1f} % of MACs on the chip "
            f"(limit {100 * LEAST_MACS:.0f}), on the host: {', '.join(compiled.host_ops) or 'nothing'}; "
            f"{len(np.unique(compiled.program.tiles.core))} cores; compiled in {seconds:.0f} CPU-s",
            flush=True,
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
