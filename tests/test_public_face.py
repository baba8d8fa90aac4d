"""The public face, end to end on a tiny network: what a user types gives what the design promises, twice the same."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import neutrams as nt
from neutrams import cli
from neutrams.base.errors import NeutramsError
from neutrams.exporters.float_onnx import export_float_onnx
from neutrams.flow import Compiled, save_compiled
from neutrams.network import Network
from neutrams.reference import run as reference

COMPILE_KEYS = {
    "cores", "tiles", "neurons", "synapses", "utilization", "host_ops", "chip_mac_fraction", "ledger", "seconds",
}  # fmt: skip
COST_KEYS = {
    "latency_s", "throughput_hz", "energy_j_per_inference", "energy_band_j", "energy_breakdown", "power_w", "area_mm2",
    "noc",
}  # fmt: skip
MODES = {"ann": {}, "snn": {"mode": "snn", "steps": 8}}
RNG = np.random.default_rng(5)
X = RNG.random((40, 10)).astype(np.float32)
LABELS = RNG.integers(0, 3, 40)


@pytest.fixture(scope="module")
def module() -> torch.nn.Module:
    torch.manual_seed(3)
    layers = [torch.nn.Linear(10, 14), torch.nn.ReLU(), torch.nn.Linear(14, 3), torch.nn.Softmax(dim=-1)]
    return torch.nn.Sequential(*layers).eval()


@pytest.fixture(scope="module")
def network(module: torch.nn.Module) -> Network:
    return nt.from_torch(module, torch.zeros(1, 10))


@pytest.fixture(scope="module", params=MODES)
def program(network: Network, request: pytest.FixtureRequest) -> Compiled:
    return nt.compile(network, nt.load_chip("tianji"), calibration=X, effort=0, **MODES[request.param])


def test_a_torch_module_and_its_onnx_file_are_the_same_network(
    module: torch.nn.Module, network: Network, tmp_path: Path
) -> None:
    wanted = module(torch.from_numpy(X)).detach().numpy()
    export_float_onnx(network, tmp_path / "m.onnx")
    for found in (network, nt.load(tmp_path / "m.onnx"), nt.load(str(tmp_path / "m.onnx"))):
        (name,) = (node.name for node in found.inputs)
        (output,) = reference(found, {name: X}).values()
        np.testing.assert_allclose(output, wanted, rtol=1e-5, atol=1e-6)


def test_a_run_has_outputs_energy_time_and_a_page(program: Compiled, module: torch.nn.Module, tmp_path: Path) -> None:
    run = nt.simulate(program, X, level="tick", labels=LABELS)
    (output,) = run.outputs.values()
    assert output.shape == (40, 3)
    np.testing.assert_allclose(output.sum(axis=-1), 1.0, rtol=1e-6)  # the softmax ran on the host
    wanted = module(torch.from_numpy(X)).detach().numpy()
    assert np.abs(output - wanted).max() < (0.02 if program.program.mode == "ann" else 0.2)
    assert run.accuracy == (output.argmax(axis=-1) == LABELS).mean()
    for value in (run.energy_j, run.latency_s):
        assert value is not None
        assert 0 < value < math.inf
    run.report(tmp_path / "run.html")
    page = (tmp_path / "run.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert f"{program.program.mode.upper()} mode" in page
    assert ("neuron fires in" in page) == (program.program.mode == "snn"), "a raster of spikes"


def test_level_functional_gives_the_same_outputs_without_costs(program: Compiled) -> None:
    quick, full = (nt.simulate(program, X, level=level) for level in ("functional", "tick"))
    assert (quick.energy_j, quick.latency_s, quick.accuracy) == (None, None, None)
    for name, output in full.outputs.items():
        np.testing.assert_array_equal(quick.outputs[name], output)


def test_simulating_twice_gives_the_same(program: Compiled) -> None:
    one, two = (nt.simulate(program, X) for _ in range(2))
    for name, output in one.outputs.items():
        assert output.tobytes() == two.outputs[name].tobytes()
    assert (one.energy_j, one.latency_s) == (two.energy_j, two.latency_s)


def test_a_sample_does_not_depend_on_its_neighbours(program: Compiled) -> None:
    whole, part = nt.simulate(program, X), nt.simulate(program, X[7:9])
    for name, output in part.outputs.items():
        np.testing.assert_array_equal(output, whole.outputs[name][7:9])


def test_a_limit_takes_the_first_samples(program: Compiled) -> None:
    whole, part = nt.simulate(program, X), nt.simulate(program, X, labels=LABELS, limit=6)
    for name, output in part.outputs.items():
        np.testing.assert_array_equal(output, whole.outputs[name][:6])


def test_names_and_plain_arrays_are_the_same_inputs(program: Compiled) -> None:
    (name,) = (node.name for node in program.source.inputs)
    for given in ({name: X}, {"x": X}):
        for output, wanted in zip(
            nt.simulate(program, given).outputs.values(), nt.simulate(program, X).outputs.values(), strict=True
        ):
            np.testing.assert_array_equal(output, wanted)


@pytest.mark.parametrize("mode", MODES)
def test_compiling_twice_gives_the_same_bytes(network: Network, tmp_path: Path, mode: str) -> None:
    for k in (1, 2):
        made = nt.compile(network, nt.load_chip("tianji"), calibration=X, effort=1, seed=4, **MODES[mode])
        save_compiled(made, tmp_path / f"{k}.neu")
    assert (tmp_path / "1.neu").read_bytes() == (tmp_path / "2.neu").read_bytes()


def test_overrides_reach_the_chip() -> None:
    assert nt.load_chip("tianji", {"core.weight_bits": "3"}).core.weight_bits == 3


def test_mistakes_raise_one_kind_of_error(program: Compiled, network: Network) -> None:
    mistakes = (
        lambda: nt.load("missing.onnx"),
        lambda: nt.load_chip("tianjin"),
        lambda: nt.compile(network, nt.load_chip("tianji"), X, mode="rnn"),
        lambda: nt.compile(network, nt.load_chip("tianji"), X[:, :3]),
        lambda: nt.compile(network, nt.load_chip("tianji"), X, seed=2**70),
        lambda: nt.simulate(program, X, level="gate"),
        lambda: nt.simulate(program, X, limit=0),
        lambda: nt.simulate(program, X, labels=LABELS[:3]),
        lambda: nt.simulate(program, {"y": X}),
    )
    for mistake in mistakes:
        with pytest.raises(NeutramsError) as told:
            mistake()
        assert all((told.value.what, told.value.where, told.value.fix))


@pytest.mark.parametrize("mode", MODES)
def test_json_has_every_key_filled_at_level_tick_and_null_at_functional(
    network: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    model, program, arrays = (str(tmp_path / name) for name in ("m.onnx", "p.neu", "x.npz"))
    export_float_onnx(network, Path(model))
    np.savez(arrays, x=X, labels=LABELS)

    def answer(*arguments: str) -> dict:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main([*arguments, "--json"])
        assert caught.value.code == 0
        return json.loads(capsys.readouterr().out)

    options = [text for key, value in MODES[mode].items() for text in (f"--{key}", str(value))]
    compiled = answer("compile", model, "--chip", "tianji", "--calibration", arrays, "-o", program, *options)
    assert set(compiled) >= COMPILE_KEYS
    assert all(compiled[key] is not None for key in COMPILE_KEYS)
    assert compiled["host_ops"], "the softmax stays on the host"
    assert 0 < compiled["utilization"] <= 1
    assert compiled["chip_mac_fraction"] == 1
    assert compiled["ledger"]

    tick = answer("simulate", program, "--inputs", arrays)
    assert set(tick) >= COST_KEYS | {"samples", "accuracy", "seconds"}
    assert tick["samples"] == 40
    assert 0 <= tick["accuracy"] <= 1
    assert min(tick[key] for key in ("latency_s", "throughput_hz", "energy_j_per_inference", "power_w", "area_mm2")) > 0
    band = tick["energy_band_j"]
    assert band["low"] <= band["nominal"] <= band["high"]
    assert band["nominal"] == tick["energy_j_per_inference"]
    assert math.isclose(sum(tick["energy_breakdown"].values()), band["nominal"], rel_tol=1e-9)
    assert tick["noc"]

    functional = answer("simulate", program, "--inputs", arrays, "--level", "functional")
    assert set(functional) == set(tick)
    assert {functional[key] for key in COST_KEYS} == {None}
    assert functional["accuracy"] == tick["accuracy"]
