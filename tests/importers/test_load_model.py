"""A file is read by the importer of its suffix; real models give what ONNX Runtime gives."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from neutrams.base.errors import InputError
from neutrams.importers import describe, load
from neutrams.importers.load import importers
from neutrams.reference import run

DATA = os.environ.get("NEUTRAMS_DATA")
with_data = pytest.mark.skipif(DATA is None, reason="NEUTRAMS_DATA is not set; it names the folder of real models")


def test_onnx_is_found_by_its_suffix() -> None:
    assert importers()[".onnx"] == "neutrams.importers.onnx"


def test_an_unknown_suffix_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"model\.h5: no importer reads.*'\.h5'.*\.onnx"):
        load("model.h5")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.onnx: cannot read this ONNX file"):
        load(tmp_path / "gone.onnx")


def test_reading_onnx_does_not_load_pytorch() -> None:
    code = (
        "import sys; from neutrams.importers import load; import neutrams.importers.onnx; print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


@with_data
@pytest.mark.parametrize(
    "name",
    ["mlp500", "mlp100", "lenet", "resnet_bn", "fashion_mlp500", "fashion_lenet", "fashion_resnet_bn", "lstm", "gru"],
)
def test_real_models_give_what_the_runtime_gives(name: str) -> None:
    path = Path(str(DATA)) / "models" / f"{name}.onnx"
    network = load(path)
    x = np.random.default_rng(0).random((5, *network.inputs[0].shape)).astype(np.float32)
    wanted = ort.InferenceSession(path).run(["logits"], {"input": x})[0]
    np.testing.assert_allclose(run(network, {"input": x})["logits"], wanted, atol=1e-4)


@with_data
def test_a_model_with_branches_and_state_is_described_whole() -> None:
    path = Path(str(DATA)) / "models" / "silero_vad_16k.onnx"
    for shapes in (None, {"input": (1, 576)}, {"input": (1, 576), "state": (2, 1, 128)}):
        survey = describe(path, shapes)
        assert set(survey.operators) >= {("If", 12), ("LSTM", 2), ("Conv", 6), ("Sigmoid", 1)}
        assert any("--input-shape input=" in line for line in survey.unsupported) == (shapes is None)
        assert (survey.network is None) == (shapes is None)
        assert not any("Conv" in line for line in survey.unsupported)


@with_data
def test_a_frame_of_a_model_with_state_gives_what_the_runtime_gives() -> None:
    """The batch is the second axis of its state; its sampling rate is a number that it does not use."""
    path = Path(str(DATA)) / "models" / "silero_vad_16k.onnx"
    rng = np.random.default_rng(0)
    x, state = (rng.normal(0, 0.3, shape).astype(np.float32) for shape in ((4, 576), (2, 4, 128)))
    wanted = ort.InferenceSession(path).run(None, {"input": x, "state": state, "sr": np.array(16000)})
    network = load(path, {"input": (1, 576)})
    found = run(network, {"input": x, "state": state.swapaxes(0, 1), "sr": np.full(4, 16000)})
    np.testing.assert_allclose(found["output"], wanted[0], atol=1e-5)
    np.testing.assert_allclose(found["stateN"], wanted[1].swapaxes(0, 1), atol=1e-5)
