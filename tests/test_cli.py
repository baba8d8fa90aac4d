"""The commands: what they print, what they write, and how they refuse."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import nir
import numpy as np
import onnx
import pytest

import neutrams as nt
from neutrams import cli
from neutrams.exporters.float_onnx import export_float_onnx
from neutrams.network import Activation, Input, Linear, Network, Output
from neutrams.simulator.observe.schema import TABLES

KEYS = {
    "inspect": {"operators", "parameters", "macs", "unsupported"},
    "chips": {"chips"},
    "compile": {
        "cores", "tiles", "neurons", "synapses", "utilization", "host_ops", "chip_mac_fraction", "ledger", "seconds",
        "tiles_per_core", "weight_blocks", "block_replicas", "further_copies", "layers",
    },
    "verify": {"violations"},
    "simulate": {
        "samples", "accuracy", "latency_s", "throughput_hz", "energy_j_per_inference", "energy_band_j",
        "energy_breakdown", "power_w", "area_mm2", "noc", "seconds",
    },
    "report": {"report"},
    "curve": {"samples", "float_accuracy", "points", "report"},
    "export": {"file"},
    "demo": {
        "samples", "float_accuracy", "chip_accuracy", "cores", "energy_j_per_inference", "latency_s", "report", "runs",
    },
}  # fmt: skip
HEAVY = {"numpy", "pyarrow", "torch", "onnx", "numba", "plotly", "scipy", "pydantic", "rich", "sklearn", "safetensors"}

Run = Callable[..., tuple[int, str, str]]


def small_network() -> Network:
    rng = np.random.default_rng(1)
    return Network(
        (
            Input(name="image", shape=(12,)),
            Linear(name="fc1", inputs=("image",), weights=rng.normal(size=(16, 12)), bias=rng.normal(size=16)),
            Activation(name="relu1", inputs=("fc1",), function="relu"),
            Linear(name="fc2", inputs=("relu1",), weights=rng.normal(size=(3, 16)), bias=rng.normal(size=3)),
            Output(name="logits", inputs=("fc2",)),
        )
    )


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, arrays and a compiled program."""
    folder = tmp_path_factory.mktemp("cli")
    export_float_onnx(small_network(), folder / "model.onnx")
    rng = np.random.default_rng(2)
    np.savez(folder / "x.npz", x=rng.random((20, 12)), labels=rng.integers(0, 3, 20))
    np.savez(folder / "named.npz", image=rng.random((5, 12)), truth=rng.integers(0, 3, 5))
    with pytest.raises(SystemExit) as caught:
        cli.main(compile_arguments(folder, folder / "p.neu"))
    assert caught.value.code == 0
    return folder


def compile_arguments(work: Path, output: Path) -> list[str]:
    places = [work / "model.onnx", "--calibration", work / "x.npz", "-o", output]
    return ["compile", *map(str, places), "--chip", "tianji", "--effort", "0"]


def answer(run: Run, *arguments: object) -> dict:
    """Run with --json: one JSON object and nothing else on standard output, with the keys of the design."""
    status, out, _ = run(*arguments, "--json")
    assert status == 0
    found = json.loads(out)
    assert KEYS[str(arguments[0])] <= set(found)
    return found


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys, neutrams.cli; print(sorted(set(sys.modules) & {HEAVY!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_command_of_the_design_has_help(run: Run) -> None:
    for command in KEYS:
        status, out, _ = run(command, "--help")
        assert status == 0
        assert "--json" in out


def test_version(run: Run) -> None:
    assert run("--version")[1].split() == ["neutrams", nt.__version__]


def test_a_wrong_option_exits_2(run: Run) -> None:
    for arguments in (["--nonsense"], ["frobnicate"], ["simulate"], ["chips", "--json", "--nonsense"]):
        assert run(*arguments)[0] == 2


def test_chips_lists_presets_and_prints_one_that_loads_again(run: Run, tmp_path: Path) -> None:
    names = {chip["name"] for chip in answer(run, "chips")["chips"]}
    assert {"tianji", "prime"} <= names
    assert "tianji" in run("chips")[1]
    status, text, _ = run("chips", "tianji")
    (tmp_path / "mine.toml").write_text(text)
    assert status == 0
    assert nt.load_chip(tmp_path / "mine.toml") == nt.load_chip("tianji")
    (chip,) = answer(run, "chips", "tianji")["chips"]
    assert {"key", "value", "unit", "kind", "source"} <= set(chip["keys"][0])


def test_chips_explains_one_and_shows_what_an_override_replaced(run: Run) -> None:
    _, text, _ = run("chips", "tianji", "--set", "noc.flit_bits=64", "--explain")
    (line,) = (line for line in text.splitlines() if line.startswith("flit_bits"))
    assert line.split() == ["flit_bits", "64", "bit", "user", "set", "by", "the", "user", "(was", "32", "bit)"]
    (chip,) = answer(run, "chips", "tianji", "--set", "noc.flit_bits=64")["chips"]
    replaced = {row["key"]: row["replaced"] for row in chip["keys"] if row["replaced"] is not None}
    assert replaced == {"noc.flit_bits": 32}
    figures = nt.load_chip("tianji").figures.values()
    assert (chip["kinds"]["user"], sum(chip["kinds"].values())) == (1, len(figures))
    for kind in ("published", "derived"):
        assert chip["kinds"].get(kind, 0) == sum(figure.kind == kind for figure in figures)
    assert run("chips", "tianji", "--set", "noc.flit_bits=64")[1].count('kind = "user"') == 1


def test_explain_and_set_are_for_one_chip(run: Run) -> None:
    for option in (["--explain"], ["--set", "noc.flit_bits=64"]):
        status, _, told = run("chips", *option)
        fix = "name it, as in `neutrams chips tianji`"
        assert (status, told) == (2, f"neutrams: neutrams chips: {option[0]} is for one chip; {fix}.\n")


def test_what_a_chip_contradicts_itself_in_is_a_warning(run: Run, work: Path, tmp_path: Path) -> None:
    status, text, told = run("chips", "prime")
    assert status == 0
    assert "warning" not in text
    assert told.startswith("neutrams: warning: chip 'prime': technology.array_j gives a cell")
    (chip,) = answer(run, "chips", "prime")["chips"]
    assert len(chip["warnings"]) == 1
    arguments = [*compile_arguments(work, tmp_path / "w.neu"), "--set", "pipeline.lanes=1"]
    compiled = answer(run, *arguments)
    assert "pipeline.lanes 1 makes it" in compiled["warnings"][0]
    where = ("simulate", tmp_path / "w.neu", "--inputs", work / "x.npz")
    assert answer(run, *where)["warnings"] == compiled["warnings"]
    assert compiled["warnings"][0] in run(*where)[2]
    assert run("simulate", work / "p.neu", "--inputs", work / "x.npz")[2] == ""


def test_inspect_tells_of_a_model_and_of_a_program(run: Run, work: Path) -> None:
    found = answer(run, "inspect", work / "model.onnx", "--chip", "tianji")
    assert (found["parameters"], found["macs"], found["unsupported"]) == (12 * 16 + 16 + 16 * 3 + 3, 240, [])
    assert set(found["placement"].values()) == {"native"}
    found = answer(run, "inspect", work / "p.neu")
    assert found["program"]["chip"] == "tianji"
    assert found["program"]["ledger"]
    assert set(found["placement"].values()) == {"native"}, "on its own chip"
    assert "parameters" in run("inspect", work / "model.onnx")[1]


def test_an_open_axis_is_fixed_by_an_input_shape(run: Run, work: Path, tmp_path: Path) -> None:
    model = onnx.load(work / "model.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "length"
    onnx.save(model, tmp_path / "open.onnx")
    (told,) = answer(run, "inspect", tmp_path / "open.onnx")["unsupported"]
    assert "--input-shape image=1," in told
    given = ("--input-shape", "image=1,12")
    assert answer(run, "inspect", tmp_path / "open.onnx", *given)["macs"] == 240
    arguments = compile_arguments(work, tmp_path / "p.neu")
    answer(run, "compile", tmp_path / "open.onnx", *arguments[2:], *given)
    assert (tmp_path / "p.neu").read_bytes() == (work / "p.neu").read_bytes()


def test_a_recurrent_model_is_looked_at(run: Run) -> None:
    data = os.environ.get("NEUTRAMS_DATA")
    if not data:
        pytest.skip("NEUTRAMS_DATA is not set")
    frames, rows = (Path(data) / "models" / f"{name}.onnx" for name in ("silero_vad_16k", "lstm"))
    found = answer(run, "inspect", frames, "--chip", "tianji")
    assert (found["operators"]["LSTM"], found["operators"]["Conv"], found["operators"]["If"]) == (2, 6, 12)
    assert "--input-shape input=1,SIZE" in found["unsupported"][0]
    assert answer(run, "inspect", frames, "--chip", "tianji", "--input-shape", "input=1,576")["unsupported"] == []
    found = answer(run, "inspect", rows, "--chip", "tianji")
    assert found["unsupported"] == []
    assert found["macs"] == 28 * 4 * 128 * (28 + 128) + 1280
    assert "LSTM" in run("inspect", rows)[1]


def test_compile_verify_simulate_report_export(run: Run, work: Path, tmp_path: Path) -> None:
    found = answer(run, *compile_arguments(work, tmp_path / "p.neu"))
    assert found["cores"] >= 1
    assert isinstance(found["seconds"], float)
    assert {"layer", "unit", "constraint", "relative_error", "output_error", "agreement", "accuracy"} == set(
        found["ledger"][0]
    )
    assert found["verdict"].startswith("Most is lost to ")
    assert (tmp_path / "p.neu").read_bytes() == (work / "p.neu").read_bytes()
    assert answer(run, "verify", work / "p.neu") == {"violations": []}

    places = ("--outputs", tmp_path / "y.npz", "--result", tmp_path / "r.json")
    found = answer(run, "simulate", work / "p.neu", "--inputs", work / "x.npz", *places)
    assert found["samples"] == 20
    assert 0 <= found["accuracy"] <= 1
    with np.load(tmp_path / "y.npz") as outputs:
        assert outputs["logits"].shape == (20, 3)

    page = tmp_path / "page.html"
    assert answer(run, "report", tmp_path / "r.json", "-o", page) == {"report": str(page)}
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert answer(run, "export", work / "p.neu", "--to", "onnx", "-o", tmp_path / "q.onnx")["file"]
    assert (tmp_path / "q.onnx").stat().st_size > 0


@pytest.mark.parametrize(
    ("chips", "multiplex", "wanted"),
    [
        ("4", "auto", (18, 1, 8, 0)),
        ("2", "auto", (10, 2, 0, 0)),
        ("4", "most", (10, 2, 0, 1)),
        ("4", "1", (18, 1, 8, 0)),
    ],
)
def test_cores_are_shared_where_they_are_scarce(
    run: Run, work: Path, tmp_path: Path, chips: str, multiplex: str, wanted: tuple[int, ...]
) -> None:
    """Cores of 2 neurons that drive one core: 8 tiles of fc1, each twice for the 2 of fc2; two of a kind may share."""
    sets = [f"--set={each}" for each in ("core.neurons=2", "board.virtual_tiles=4", f"board.chips={chips}")]
    arguments = (*compile_arguments(work, tmp_path / "p.neu"), *sets, "--multiplex", multiplex)
    found = answer(run, *arguments)
    assert tuple(found[key] for key in ("cores", "tiles_per_core", "block_replicas", "further_copies")) == wanted
    assert [(row["tiles"], row["weight_blocks"], row["cores"]) for row in found["layers"]] == [
        (16, 8, wanted[0] - 2), (2, 2, 2)
    ]  # fmt: skip
    out = " ".join(run(*arguments)[1].split())
    assert f"tiles per core {wanted[1]} weight blocks 10 block replicas {wanted[2]}" in out
    assert "layer tiles weight blocks cores tiles a core" in out


def test_observe_writes_a_folder_or_nothing(run: Run, work: Path, tmp_path: Path) -> None:
    program = tmp_path / "spiking.neu"
    answer(run, *compile_arguments(work, program), "--mode", "snn", "--steps", "4")
    arguments = ("simulate", program, "--inputs", work / "x.npz", "--limit", "2", "--level", "cycle")
    seen = tmp_path / "seen"
    found = answer(run, *arguments, "--observe", seen, "--watch", "0,logits")
    assert {path.stem for path in seen.iterdir()} == set(TABLES)
    assert found == answer(run, *arguments) | {"seconds": found["seconds"]}
    status, _, errors = run(*arguments, "--watch", "0")
    assert status == 2
    assert "needs a folder to write to" in errors
    status, _, errors = run(*arguments, "--observe", tmp_path / "other", "--watch", "nothing")
    assert status == 2
    assert "one of the outputs 'logits'" in " ".join(errors.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["seen", "spiking.neu"]


def test_at_level_functional_energy_and_time_are_null(run: Run, work: Path) -> None:
    found = answer(run, "simulate", work / "p.neu", "--inputs", work / "x.npz", "--level", "functional")
    computed = {"samples", "accuracy", "float_accuracy", "agreement", "warnings", "seconds"}
    assert all(value is None for key, value in found.items() if key not in computed)


def test_inputs_by_name_labels_by_key_and_a_limit(run: Run, work: Path) -> None:
    arguments = ("simulate", work / "p.neu", "--inputs", work / "named.npz", "--limit", "3")
    assert answer(run, *arguments)["accuracy"] is None
    found = answer(run, *arguments, "--labels", "truth")
    assert found["samples"] == 3
    assert found["accuracy"] is not None


def test_people_get_tables(run: Run, work: Path, tmp_path: Path) -> None:
    plain, explained = (run(*compile_arguments(work, tmp_path / "p.neu"), *more)[1] for more in ((), ("--explain",)))
    assert "Most is lost to" in plain
    assert "limit" not in plain.replace("layer and limit", "").replace("layer \nand limit", "")
    rows = [line.split() for line in explained.splitlines() if "_bits " in line]
    assert rows[0][:2] == explained.partition("Most is lost to ")[2].partition(":")[0].split(" in layer ")[::-1]
    assert len(rows) > 1
    assert "weight_bits" in run("inspect", work / "p.neu", "--explain")[1]
    assert "Layers" in run("inspect", work / "model.onnx", "--chip", "prime")[1]
    assert "accuracy" in run("simulate", work / "p.neu", "--inputs", work / "x.npz")[1]
    assert "legal" in run("verify", work / "p.neu")[1]


def test_verify_exits_1_and_lists_what_is_broken(run: Run, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from neutrams.program.violation import Violation

    broken = Violation(constraint="fan_in", tile=3, neuron=7, value=300, limit=256, message="tile 3 has 300 axons")
    monkeypatch.setattr("neutrams.program.verify.violations", lambda program: [broken])
    status, out, _ = run("verify", work / "p.neu")
    assert (status, out) == (1, "fan_in: tile 3 has 300 axons\n")
    status, out, _ = run("verify", work / "p.neu", "--json")
    assert status == 1
    assert (
        json.loads(out)["violations"][0] | {"tile": 3, "neuron": 7, "value": 300, "limit": 256}
        == (json.loads(out)["violations"][0])
    )


def cut(path: Path, folder: Path) -> Path:
    copy = folder / f"cut{path.suffix}"
    copy.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return copy


REFUSALS = {
    "no model": (["inspect", "{w}/no.onnx"], "no.onnx"),
    "cut model": (["inspect", "{t}/cut.onnx"], "cut.onnx"),
    "cut program": (["verify", "{t}/cut.neu"], "cut.neu"),
    "cut arrays": (["simulate", "{w}/p.neu", "--inputs", "{t}/cut.npz"], "cut.npz"),
    "one array": (["simulate", "{w}/p.neu", "--inputs", "{t}/one.npy"], "one.npy"),
    "no chip": (["chips", "tianjii"], "tianji"),
    "bad override": (["compile", "{w}/model.onnx", "--chip", "tianji", "--calibration", "{w}/x.npz", "-o", "{t}/o.neu",
                      "--set", "core.axons"], "KEY=VALUE"),
    "override out of range": (["compile", "{w}/model.onnx", "--chip", "tianji", "--calibration", "{w}/x.npz", "-o",
                               "{t}/o.neu", "--set", "core.weight_bits=99"], "weight_bits"),
    "no way to multiplex": (["compile", "{w}/model.onnx", "--chip", "tianji", "--calibration", "{w}/x.npz", "-o",
                             "{t}/o.neu", "--multiplex", "all"], "take auto, most or a number above 0"),
    "no labels": (["simulate", "{w}/p.neu", "--inputs", "{w}/x.npz", "--labels", "klass"], "klass"),
    "nir": (["export", "{w}/p.neu", "--to", "nir", "-o", "{t}/o.nir"], "has no form in NIR"),
    "not a result": (["report", "{w}/p.neu", "-o", "{t}/o.html"], "not a result file"),
    "no folder": (["report", "{t}/r.json", "-o", "{t}/no/o.html"], "r.json"),
    "folder is a file": (["demo", "-o", "{w}/x.npz"], "folder"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_a_mistake_exits_2_with_one_paragraph_and_leaves_no_file(
    run: Run, work: Path, tmp_path: Path, name: str
) -> None:
    arguments, named = REFUSALS[name]
    for file in ("model.onnx", "p.neu", "x.npz"):
        cut(work / file, tmp_path)
    np.save(tmp_path / "one.npy", np.zeros(3))
    before = set(tmp_path.iterdir())
    given = [a.format(w=work, t=tmp_path) for a in arguments]
    status, out, err = run(*given)
    assert (status, out) == (2, "")
    assert named in err
    assert err.startswith("neutrams: ")
    assert err.count("\n") == 1
    assert set(tmp_path.iterdir()) == before
    status, out, _ = run(*given, "--json")
    assert status == 2
    assert set(json.loads(out)["error"]) == {"what", "where", "fix"}


def test_demo_prints_the_table_and_writes_result_and_page(
    run: Run, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with np.load(work / "x.npz") as arrays:
        x, labels = arrays["x"], arrays["labels"]

    def fake(model_path, exchange, seed=0, progress=None):
        network = exchange(small_network(), model_path)
        progress("training", 1, 2)
        compiled = nt.compile(network, nt.load_chip("tianji"), x, effort=0)
        evaluated = nt.simulate(compiled, x, labels=labels).evaluated
        target = SimpleNamespace(title="TIANJI, ANN mode")
        return [SimpleNamespace(target=target, compiled=compiled, evaluated=evaluated)] * 2

    monkeypatch.setattr("neutrams.flow.demo.run_demo", fake)
    found = answer(run, "demo", "-o", tmp_path / "out")
    assert {"chip", "mode", "steps"} | KEYS["demo"] - {"runs"} <= set(found["runs"][0])
    assert (found["samples"], len(found["runs"])) == (20, 2)
    assert Path(found["report"]).read_text().startswith("<!DOCTYPE html>")
    assert answer(run, "report", tmp_path / "out" / "result.json", "-o", tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == Path(found["report"]).read_bytes()
    assert "TIANJI" in run("demo", "-o", tmp_path / "out")[1]


def test_the_public_face(work: Path, tmp_path: Path) -> None:
    network = nt.load(work / "model.onnx")
    with np.load(work / "x.npz") as arrays:
        x = arrays["x"]
    program = nt.compile(network, nt.load_chip("tianji"), calibration=x, effort=0)
    simulation = nt.simulate(program, x, level="functional")
    assert simulation.outputs["logits"].shape == (20, 3)
    assert (simulation.energy_j, simulation.latency_s) == (None, None)
    simulation.report(tmp_path / "run.html")
    assert (tmp_path / "run.html").exists()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = nt.nothing


def nir_file(folder: Path) -> Path:
    """A layer of two neurons that feed themselves, as a NIR file."""
    one = np.ones(2)
    nodes = {
        "input": nir.Input(np.array([3])),
        "fc": nir.Affine(np.array([[0.5, 1.0, -0.5], [1.0, 1.0, 0.5]]), np.zeros(2)),
        "n": nir.IF(r=one, v_threshold=one, v_reset=0 * one),
        "back": nir.Linear(np.array([[-0.5, 0.0], [0.0, 0.5]])),
        "output": nir.Output(np.array([2])),
    }
    edges = [("input", "fc"), ("fc", "n"), ("n", "back"), ("back", "n"), ("n", "output")]
    nir.write(folder / "net.nir", nir.NIRGraph(nodes, edges, type_check=False))
    rng = np.random.default_rng(0)
    np.savez(folder / "spikes.npz", x=(rng.random((9, 6, 3)) < 0.5).astype(np.float32))
    return folder / "net.nir"


def test_a_nir_file_goes_onto_a_chip_spike_for_spike(run: Run, tmp_path: Path) -> None:
    model, spikes, program = nir_file(tmp_path), tmp_path / "spikes.npz", tmp_path / "p.neu"
    options = [part for text in ("preset=sinabs", "steps=6", "many=false", "bounded=") for part in ("--nir", text)]
    answer(
        run, "compile", model, "--chip", "tianji", "--set", "neuron.models=requantize,if_soft", "--calibration", spikes,
        "--mode", "snn", "-o", program, *options,
    )  # fmt: skip
    found = answer(run, "simulate", program, "--inputs", spikes)
    assert (found["spikes_equal"], found["spikes_coincident"], found["rate_error"]) == (1.0, 1.0, 0.0)
    seen = answer(run, "inspect", model, "--chip", "tianji", *options)
    assert "if_hard: a spike takes the threshold off" in seen["placement"]["n"]


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("preset=brian", "preset is 'brian'; take one of nir, snntorch"),
        ("steps=many", "steps is 'many'; give it as int"),
        ("strict=1", "strict is '1'; give it as bool"),
        ("colour=red", "there is no such option"),
        ("steps", "'steps' is not KEY=VALUE"),
    ],
)
def test_nir_options_are_checked(run: Run, tmp_path: Path, option: str, told: str) -> None:
    status, _, err = run("inspect", nir_file(tmp_path), "--nir", option)
    assert status == 2
    assert told in err


def test_nir_options_are_for_nir_files(run: Run, work: Path) -> None:
    status, _, err = run("inspect", work / "model.onnx", "--nir", "steps=5")
    assert status == 2
    assert "--nir is for NIR files" in err


def test_a_curve_has_both_readings_whole_and_stopped_early(run: Run, work: Path, tmp_path: Path) -> None:
    page = tmp_path / "curve.html"
    found = answer(
        run, "curve", work / "model.onnx", "--chip", "tianji", "--calibration", work / "x.npz", "--inputs",
        work / "x.npz", "--steps", "2,4", "-o", page,
    )  # fmt: skip
    kinds = [(p["steps"], p["read"], p["compiled_for"]) for p in found["points"]]
    both = [(2, "counts", 2), (4, "counts", 4), (2, "counts", 4)]
    assert kinds == [*both, *[(steps, "potentials", made) for steps, _, made in both]]
    assert all(0 <= p["accuracy"] <= 1 for p in found["points"])
    assert "Accuracy against T" in page.read_text()


@pytest.mark.parametrize(
    ("steps", "told"), [("4,x", "no list of whole numbers"), ("4,4", "name each number of steps once")]
)
def test_a_curve_of_odd_steps_is_refused(run: Run, work: Path, steps: str, told: str) -> None:
    places = ["--calibration", work / "x.npz", "--inputs", work / "x.npz"]
    status, _, err = run("curve", work / "model.onnx", "--chip", "tianji", *places, "--steps", steps)
    assert status == 2
    assert told in err
