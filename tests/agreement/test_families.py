"""The classical families of networks compile for cores of 256 x 256, and the program does what the network says."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from core_strategies import plain_chip
from model_families import families
from neutrams.flow import CompileOptions, compile_model, run_compiled
from neutrams.importers import load
from neutrams.program.verify import violations
from neutrams.reference import run as reference

CHIP = plain_chip(
    core={"axons": 256, "neurons": 256, "fan_out": 4096}, neuron={"multiplier_bits": 16},
    board={"rows": 64, "columns": 64, "chips": 64},
)  # fmt: skip
MOST_LOSS = 0.15
"""Root mean square error of the outputs, relative to theirs."""


@pytest.mark.parametrize(("name", "make"), families().items(), ids=list(families()))
def test_a_family_runs_on_the_chip(name: str, make: Callable[[], onnx.ModelProto], tmp_path: Path) -> None:
    path = tmp_path / f"{name}.onnx"
    onnx.save(make(), path)
    network = load(path)
    (node,) = network.inputs
    rng = np.random.default_rng(0)
    calibration = {node.name: rng.uniform(0, 1, (16, *node.shape)).astype(np.float32)}
    inputs = {node.name: rng.uniform(0, 1, (2, *node.shape)).astype(np.float32)}
    exact = reference(network, inputs)
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    for title, values in zip([o.name for o in session.get_outputs()], session.run(None, inputs), strict=True):
        assert np.abs(exact[title] - values).max() <= 1e-4 * np.abs(values).max()
    compiled = compile_model(network, CHIP, calibration, CompileOptions(effort=0))
    assert violations(compiled.program) == []
    simulated, expected = run_compiled(compiled, inputs).outputs, reference(compiled.network, inputs, CHIP)
    for title, values in expected.items():
        np.testing.assert_array_equal(simulated[title], values)
        assert np.square(values - exact[title]).mean() <= MOST_LOSS**2 * np.square(exact[title]).mean()
