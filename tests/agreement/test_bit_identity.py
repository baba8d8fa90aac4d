"""The strongest law: a compiled program gives what the reference interpreter of its network gives, bit for bit."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from compile_strategies import Job, image_jobs, jobs
from neutrams.base.arrays import AnyArray
from neutrams.evaluate import run as evaluate
from neutrams.exporters.onnx import export_onnx
from neutrams.flow import Compiled, CompileOptions, compile_model, run_compiled
from neutrams.program.verify import violations
from neutrams.reference import run as reference


def on_onnxruntime(compiled: Compiled, inputs: Mapping[str, AnyArray], path: Path) -> dict[str, AnyArray]:
    export_onnx(compiled.network, compiled.program.chip, path)
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


CODES = st.sampled_from(["auto", "pair", "offset"])
RESETS = st.sampled_from(["if_hard", "if_soft"])


@settings(max_examples=300)
@given(job=jobs(), code=CODES, effort=st.integers(0, 1), copies=st.integers(1, 3))
def test_simulator_reference_and_onnx_runtime_agree_in_ann_mode(
    job: Job, code: str, effort: int, copies: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert_agreement_in_ann_mode(job, CompileOptions(effort=effort, partial_sums=code, copies=copies), tmp_path_factory)


@settings(max_examples=120)
@given(job=image_jobs(), code=CODES, effort=st.integers(0, 1), copies=st.integers(1, 3))
def test_they_agree_on_convolutional_networks_in_ann_mode(
    job: Job, code: str, effort: int, copies: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert_agreement_in_ann_mode(job, CompileOptions(effort=effort, partial_sums=code, copies=copies), tmp_path_factory)


@settings(max_examples=150)
@given(job=jobs(), model=RESETS, steps=st.integers(1, 12))
def test_simulator_and_reference_agree_in_snn_mode(job: Job, model: str, steps: int) -> None:
    assert_agreement_in_snn_mode(job, model, steps)


@settings(max_examples=70)
@given(job=image_jobs(), model=RESETS, steps=st.integers(1, 8))
def test_they_agree_on_convolutional_networks_in_snn_mode(job: Job, model: str, steps: int) -> None:
    _, chip, calibration, _ = job
    assume(chip.signal.current_bits > 1 or all((x >= 0).all() for x in calibration.values()))  # no spike count for 0
    assert_agreement_in_snn_mode(job, model, steps)


def assert_agreement_in_ann_mode(job: Job, options: CompileOptions, paths: pytest.TempPathFactory) -> None:
    network, chip, calibration, inputs = job
    if options.partial_sums == "pair":
        assume(chip.core.axons > 4)
    compiled = compile_model(network, chip, calibration, options)
    assert violations(compiled.program) == []
    expected = reference(compiled.network, inputs, chip)
    simulated = run_compiled(compiled, inputs).outputs
    fast = evaluate(compiled.network, inputs, chip)
    exported = on_onnxruntime(compiled, inputs, paths.getbasetemp() / "agreement.onnx")
    for name, values in expected.items():
        for title, other in (("simulator", simulated), ("evaluate", fast), ("onnxruntime", exported)):
            assert_same(compiled, np.asarray(other[name], dtype=np.float64), values, title)


def assert_agreement_in_snn_mode(job: Job, model: str, steps: int) -> None:
    network, chip, calibration, inputs = job
    chip = chip.with_values(neuron={"models": (model,), "functions": ()})
    compiled = compile_model(network, chip, calibration, CompileOptions(mode="snn", steps=steps))
    assert violations(compiled.program) == []
    expected = reference(compiled.network, inputs, chip)
    simulated = run_compiled(compiled, inputs).outputs
    fast = evaluate(compiled.network, inputs, chip)
    for name, values in expected.items():
        assert_same(compiled, simulated[name], values, "simulator")
        assert_same(compiled, fast[name], values, "evaluate")


def assert_same(compiled: Compiled, other: AnyArray, values: AnyArray, title: str) -> None:
    """Bit for bit; but the host's softmax and sigmoid are each library's own, and ONNX holds parameters in float32."""
    if compiled.host_ops:
        rtol = 1e-6 if title == "onnxruntime" else 1e-12
        np.testing.assert_allclose(other, values, rtol=rtol, atol=1e-15, err_msg=title)
    else:
        np.testing.assert_array_equal(other, values, err_msg=title)
