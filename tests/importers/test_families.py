"""Networks of well-known families import, and the float reference gives what ONNX Runtime gives."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from model_families import families
from neutrams.importers import describe, load
from neutrams.reference import run

FAMILIES = families()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_gives_what_the_runtime_gives(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(FAMILIES[name]().SerializeToString())
    network = load(path)
    x = np.random.default_rng(0).normal(size=(2, *network.inputs[0].shape)).astype(np.float32)
    wanted = ort.InferenceSession(path).run(["y"], {"image": x})[0]
    found = run(network, {"image": x})["y"]
    assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()
    assert np.ptp(wanted) > 0.01
    assert describe(path).unsupported == ()


def test_a_family_is_the_same_every_time() -> None:
    assert FAMILIES["vgg"]().SerializeToString() == FAMILIES["vgg"]().SerializeToString()
