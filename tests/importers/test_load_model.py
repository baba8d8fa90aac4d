"""A file is read by the importer of its suffix; real models give what ONNX Runtime gives."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from neutrams.base.errors import InputError, UnsupportedError
from neutrams.importers import load
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
@pytest.mark.parametrize("name", ["mlp500", "mlp100", "fashion_mlp500"])
def test_real_models_give_what_the_runtime_gives(name: str) -> None:
    path = Path(str(DATA)) / "models" / f"{name}.onnx"
    x = np.random.default_rng(0).random((100, 784)).astype(np.float32)
    wanted = ort.InferenceSession(path).run(["logits"], {"input": x})[0]
    np.testing.assert_allclose(run(load(path), {"input": x})["logits"], wanted, atol=1e-4)


@with_data
def test_a_convolutional_network_names_what_is_missing() -> None:
    with pytest.raises(
        UnsupportedError, match=r"Conv \(nodes '/0/Conv', '/3/Conv'\); MaxPool \(nodes '/2/MaxPool', '/5/"
    ):
        load(Path(str(DATA)) / "models" / "lenet.onnx")
