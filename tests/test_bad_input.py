"""Every mistake a user can make gives exit status 2, one paragraph with what, where and what to do, and no file."""

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from neutrams import cli
from neutrams.base.arrays import AnyArray
from neutrams.exporters.float_onnx import export_float_onnx
from neutrams.hardware import chip_to_toml, load_chip
from neutrams.network import Activation, Input, Linear, Network, Output

FEATURES, HIDDEN, CLASSES, SAMPLES = 12, 16, 3, 20
X = np.random.default_rng(2).random((SAMPLES, FEATURES))
LABELS = np.arange(SAMPLES) % CLASSES


@pytest.fixture
def refused(run: Callable[..., tuple[int, str, str]], work: Path, tmp_path: Path) -> Callable[..., str]:
    """Run the command line, which must refuse as promised; return what it said."""

    def contents() -> dict[Path, bytes]:
        return {p: p.read_bytes() for folder in (work, tmp_path) for p in folder.rglob("*") if p.is_file()}

    def call(*arguments: object, where: object) -> str:
        before = contents()
        status, out, err = run(*arguments)
        assert (status, out) == (2, ""), err
        err = re.sub(r"neutrams: warning: [^\n]+\n", "", err)
        assert re.fullmatch(r"neutrams: [^\n]+: [^\n]+; [^\n]+\.\n", err), err
        assert "Traceback" not in err
        assert str(where) in err
        status, out, _ = run(*arguments, "--json")
        told = json.loads(out)["error"]
        assert status == 2
        assert set(told) == {"what", "where", "fix"}
        assert all(told.values())
        assert str(where) in told["where"]
        assert contents() == before, "a refusal leaves no file, whole, partial or temporary, and changes none"
        return err

    return call


def mlp() -> Network:
    rng = np.random.default_rng(1)
    w1, w2 = rng.normal(size=(HIDDEN, FEATURES)), rng.normal(size=(CLASSES, HIDDEN))
    return Network(
        (
            Input(name="image", shape=(FEATURES,)),
            Linear(name="fc1", inputs=("image",), weights=w1, bias=rng.normal(size=HIDDEN)),
            Activation(name="relu1", inputs=("fc1",), function="relu"),
            Linear(name="fc2", inputs=("relu1",), weights=w2, bias=rng.normal(size=CLASSES)),
            Output(name="logits", inputs=("fc2",)),
        )
    )


def compile_arguments(work: Path, output: Path, **other: object) -> list[object]:
    given = {"model": work / "model.onnx", "chip": "tianji", "calibration": work / "x.npz"} | other
    places = ["--chip", given["chip"], "--calibration", given["calibration"], "-o", output]
    return ["compile", given["model"], *places, "--effort", "0"]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, arrays, a chip file, a compiled program and a result; none of it is ever changed."""
    folder = tmp_path_factory.mktemp("bad")
    export_float_onnx(mlp(), folder / "model.onnx")
    np.savez(folder / "x.npz", x=X, labels=LABELS)
    (folder / "chip.toml").write_text(chip_to_toml(load_chip("tianji")))
    simulate = ["simulate", folder / "p.neu", "--inputs", folder / "x.npz", "--result", folder / "r.json"]
    for arguments in (compile_arguments(folder, folder / "p.neu"), simulate):
        with pytest.raises(SystemExit) as caught:
            cli.main([str(a) for a in arguments])
        assert caught.value.code == 0
    return folder


def cuts(data: bytes) -> list[bytes]:
    """The file cut at several lengths, from nothing to all but the last byte."""
    return [data[:n] for n in (0, 1, 8, len(data) // 3, len(data) // 2, len(data) - 1)]


def flips(data: bytes, count: int, seed: int) -> list[bytes]:
    """The file with one bit flipped, at places spread evenly over it."""
    bits = np.random.default_rng(seed).integers(8, size=count)
    found = []
    for place, bit in zip(np.linspace(0, len(data) - 1, count).astype(int), bits, strict=True):
        flipped = bytearray(data)
        flipped[place] ^= 1 << int(bit)
        found.append(bytes(flipped))
    return found


# Models


def test_a_truncated_model(refused: Callable[..., str], work: Path, tmp_path: Path) -> None:
    model = tmp_path / "cut.onnx"
    for data in cuts((work / "model.onnx").read_bytes()):
        model.write_bytes(data)
        refused("inspect", model, where=model)
        refused(*compile_arguments(work, tmp_path / "o.neu", model=model), where=model)


def test_a_bit_flipped_model_is_read_or_refused(run: Callable[..., tuple[int, str, str]], work: Path, tmp_path: Path):
    model, seen = tmp_path / "flipped.onnx", set()
    for data in flips((work / "model.onnx").read_bytes(), 80, seed=3):
        model.write_bytes(data)
        status, out, err = run("inspect", model)
        assert (status, bool(out)) in ((0, True), (2, False)), err
        assert status == 0 or re.fullmatch(r"neutrams: [^\n]+: [^\n]+; [^\n]+\.\n", err), err
        seen.add(status)
    assert seen == {0, 2}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(refused: Callable[..., str], work: Path, tmp_path: Path, value: float) -> None:
    path = with_weight(work, tmp_path, value)
    said = refused(*compile_arguments(work, tmp_path / "o.neu", model=path), where=path)
    assert "1 of 192 values are NaN or infinite, the first at index" in said


def test_weights_beyond_all_arithmetic(refused: Callable[..., str], work: Path, tmp_path: Path) -> None:
    """A flipped bit of an exponent: finite, but it would overflow in the middle of the transformation."""
    path = with_weight(work, tmp_path, 3e38)
    for mode in (["--mode", "ann"], ["--mode", "snn", "--steps", "4"]):
        said = refused(*compile_arguments(work, tmp_path / "o.neu", model=path), *mode, where="fc1")
        assert "the largest magnitude is 3e+38, allowed is 1e+15" in said


def with_weight(work: Path, folder: Path, value: float) -> Path:
    """The model with one weight of the first layer replaced."""
    model = onnx.load(work / "model.onnx")
    tensor = next(t for t in model.graph.initializer if sorted(t.dims) == sorted((HIDDEN, FEATURES)))
    weights = numpy_helper.to_array(tensor).copy()
    weights[3, 4] = value
    tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
    onnx.save(model, folder / "weights.onnx")
    return folder / "weights.onnx"


def save_strange(path: Path) -> Path:
    """Write a model with operators that no importer reads, some of them twice."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="fine"),
        helper.make_node("Sin", ["a"], ["b"], name="a wave"),
        helper.make_node("Sin", ["b"], ["c"], name="another wave"),
        helper.make_node("Det", ["c"], ["y"], name="a number"),
    ]
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("N", 1, 4, 4))]
    ends.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, ("N", 1)))
    kernel = numpy_helper.from_array(np.ones((1, 1, 1, 1), dtype=np.float32), "w")
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [kernel])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_all_unsupported_operators_are_listed_with_their_nodes(
    refused: Callable[..., str], run: Callable[..., tuple[int, str, str]], work: Path, tmp_path: Path
) -> None:
    path = save_strange(tmp_path / "strange.onnx")
    said = refused(*compile_arguments(work, tmp_path / "o.neu", model=path), where=path)
    status, out, _ = run("inspect", path, "--chip", "tianji", "--json")
    found = json.loads(out)
    assert status == 0, "to look at a model that cannot be imported is no mistake"
    assert found["operators"] == {"Conv": 1, "Det": 1, "Sin": 2}
    assert found["macs"] is None
    for told in (said, " ".join(found["unsupported"])):
        assert re.search(r"Sin[^;]*\(nodes 'a wave', 'another wave'\)", told)
        assert re.search(r"Det[^;]*\(node 'a number'\)", told)
        assert "'fine'" not in told
    assert "Det" in run("inspect", path)[1]


SHAPES = ["image", "image=", "=1,12", "image=1,x", "image=1,-12", "image=1,12 image=1,12", "picture=1,12"]


@pytest.mark.parametrize("given", SHAPES)
def test_a_wrong_input_shape(refused: Callable[..., str], work: Path, tmp_path: Path, given: str) -> None:
    options = [part for text in given.split() for part in ("--input-shape", text)]
    refused(*compile_arguments(work, tmp_path / "o.neu"), *options, where="")
    if given != "picture=1,12":
        refused("inspect", work / "model.onnx", *options, where="--input-shape")


def test_options_that_say_nothing_about_a_file(refused: Callable[..., str], work: Path) -> None:
    refused("inspect", work / "p.neu", "--input-shape", "image=1,12", where="p.neu")
    refused("inspect", work / "model.onnx", "--explain", where="model.onnx")


# Programs and results


def every_reader(program: Path, work: Path, folder: Path) -> list[list[object]]:
    """Each command that reads a program."""
    return [
        ["verify", program],
        ["inspect", program],
        ["simulate", program, "--inputs", work / "x.npz", "--outputs", folder / "y.npz", "--result", folder / "r.json"],
        ["export", program, "--to", "onnx", "-o", folder / "o.onnx"],
        ["report", program, "-o", folder / "o.html"],
    ]


def test_a_truncated_program(refused: Callable[..., str], work: Path, tmp_path: Path) -> None:
    program = tmp_path / "cut.neu"
    for data in cuts((work / "p.neu").read_bytes()):
        program.write_bytes(data)
        for arguments in every_reader(program, work, tmp_path):
            refused(*arguments, where=program)


def test_a_bit_flipped_program(refused: Callable[..., str], work: Path, tmp_path: Path) -> None:
    """Wherever the bit is, the digest or the format shows it: nothing damaged is ever run."""
    program, data = tmp_path / "flipped.neu", (work / "p.neu").read_bytes()
    head = 8 + int.from_bytes(data[:8], "little")
    for damaged in [*flips(data, 25, seed=4), *(start + data[head:] for start in flips(data[:head], 25, seed=5))]:
        program.write_bytes(damaged)
        for arguments in every_reader(program, work, tmp_path):
            refused(*arguments, where=program)


def test_a_damaged_result(refused: Callable[..., str], work: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.json"
    for data in (*cuts((work / "r.json").read_bytes().rstrip()), b"[" * 100_000, b"\xff\xfe", b'{"kind": NaN}'):
        path.write_bytes(data)
        refused("report", path, "-o", tmp_path / "o.html", where=path)


# Chips


def test_a_truncated_or_bit_flipped_chip(
    refused: Callable[..., str], run: Callable[..., tuple[int, str, str]], work: Path, tmp_path: Path
) -> None:
    chip, data, seen = tmp_path / "damaged.toml", (work / "chip.toml").read_bytes(), set()
    for damaged in cuts(data.rstrip()):
        chip.write_bytes(damaged)
        refused("chips", chip, where=chip)
        refused(*compile_arguments(work, tmp_path / "o.neu", chip=chip), where=chip)
    for damaged in flips(data, 60, seed=6):
        chip.write_bytes(damaged)
        status, out, err = run("chips", chip)
        assert (status, bool(out)) in ((0, True), (2, False)), err
        seen.add(status)
    assert seen == {0, 2}, "a flip in a source text is harmless, one in a key is not"


IMPOSSIBLE = {
    "core.weight_bits=0": ("chip tianji", "core.weight_bits is 0, allowed is an integer, 1 to 15"),
    "core.weight_bits=many": ("chip tianji", "core.weight_bits is set to 'many', allowed is an integer"),
    "core.wieght_bits=4": ("chip tianji", "core.wieght_bits is not a key of a chip (did you mean core.weight_bits"),
    "neuron.models=izhikevich": ("chip tianji", "neuron.models names 'izhikevich', there are cuba_lif_hard"),
    "core.weight_bits": ("option --set", "'core.weight_bits' is not KEY=VALUE"),
    "=4": ("option --set", "'=4' is not KEY=VALUE"),
    "core.axons=1": ("core.axons", "can have 1 inputs, adding partial sums takes 2"),
}


@pytest.mark.parametrize("override", IMPOSSIBLE)
def test_an_impossible_chip(refused: Callable[..., str], work: Path, tmp_path: Path, override: str) -> None:
    where, message = IMPOSSIBLE[override]
    said = refused(*compile_arguments(work, tmp_path / "o.neu"), "--set", override, where=where)
    assert message in said


def test_a_chip_without_spikes_in_snn_mode(refused: Callable[..., str], work: Path, tmp_path: Path) -> None:
    arguments = compile_arguments(work, tmp_path / "o.neu", chip="prime")
    said = refused(*arguments, "--mode", "snn", where="option mode")
    assert "chip 'prime' has no neuron model of mode snn (it has requantize)" in said


def test_a_model_that_does_not_fit(refused: Callable[..., str], work: Path, tmp_path: Path) -> None:
    small = ("--set", "core.axons=8", "--set", "core.neurons=8", "--set", "board.chips=1")
    said = refused(*compile_arguments(work, tmp_path / "o.neu"), *small, where="mapping, cores")
    needed, there, short, most = map(
        int,
        re.search(
            r"(\d+) cores are needed, the board of 1 x tianji has (\d+) that work: (\d+) short; "
            r"layer 'fc1.*' takes most, (\d+);",
            said,
        ).groups(),
    )
    assert (there, short) == (6, needed - 6)
    assert most <= needed
    assert f"board.chips={-(-needed // 6)}" in said


# Arrays


def saved(folder: Path, **arrays: AnyArray) -> Path:
    np.savez(folder / "given.npz", **arrays)
    return folder / "given.npz"


WRONG_INPUTS = {
    "too few features": ({"x": X[:, :5]}, "5"),
    "one axis more": ({"x": X[:, :, None]}, "12, 1"),
    "one sample without a batch axis": ({"x": X[0]}, "image"),
    "a scalar": ({"x": np.array(1.0)}, "image|samples"),
    "no samples": ({"x": X[:0]}, "at least one sample"),
    "NaN": ({"x": np.where(X > 0.9, np.nan, X)}, r"\d+ of 240 values are NaN or infinite, the first at index"),
    "infinity": ({"x": np.where(X > 0.9, np.inf, X)}, r"\d+ of 240 values are NaN or infinite, the first at index"),
    "beyond all arithmetic": ({"x": X * 1e300}, r"e\+\d+, allowed is 1e\+15"),
    "texts": ({"x": X.astype(str)}, "<U32"),
    "complex": ({"x": X.astype(complex)}, "complex128"),
    "records": ({"x": np.zeros((SAMPLES, FEATURES), dtype=[("a", "f4")])}, "f4"),
    "another name": ({"picture": X}, "there is no array 'image' .there are picture"),
    "no arrays": ({}, "there is no array 'image' .there are none"),
}


@pytest.mark.parametrize("case", WRONG_INPUTS)
@pytest.mark.parametrize("use", ["compile", "simulate"])
def test_wrong_inputs(refused: Callable[..., str], work: Path, tmp_path: Path, case: str, use: str) -> None:
    arrays, message = WRONG_INPUTS[case]
    said = refused(*using(saved(tmp_path, **arrays), use, work, tmp_path), where="")
    assert re.search(message, said)
    assert re.match("neutrams: (calibration|input|simulate)", said)


def using(arrays: Path, use: str, work: Path, folder: Path) -> list[object]:
    if use == "compile":
        return compile_arguments(work, folder / "o.neu", calibration=arrays)
    return [
        "simulate",
        work / "p.neu",
        "--inputs",
        arrays,
        "--outputs",
        folder / "y.npz",
        "--result",
        folder / "r.json",
    ]


WRONG_LABELS = {
    "too few": LABELS[:5],
    "too many": np.tile(LABELS, 2),
    "two axes": LABELS[:, None],
    "a scalar": np.array(1),
    "fractions": LABELS + 0.5,
    "texts": LABELS.astype(str),
    "truth values": LABELS > 1,
}


@pytest.mark.parametrize("case", WRONG_LABELS)
@pytest.mark.parametrize("use", ["compile", "simulate"])
def test_wrong_labels(refused: Callable[..., str], work: Path, tmp_path: Path, case: str, use: str) -> None:
    labels = WRONG_LABELS[case]
    said = refused(*using(saved(tmp_path, x=X, labels=labels), use, work, tmp_path), where="labels")
    assert f"labels have shape {labels.shape} and type {labels.dtype} for 20 samples" in said


@pytest.mark.parametrize("use", ["compile", "simulate"])
def test_a_missing_label_key(refused: Callable[..., str], work: Path, tmp_path: Path, use: str) -> None:
    said = refused(*using(work / "x.npz", use, work, tmp_path), "--labels", "truth", where=work / "x.npz")
    assert "it has no array 'truth', it has labels, x" in said


class Trap:
    """Unpickling one runs a command; so would reading it with allow_pickle."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("use", ["compile", "simulate"])
def test_objects_in_arrays_are_never_unpickled(
    refused: Callable[..., str], work: Path, tmp_path: Path, use: str
) -> None:
    mark, path = tmp_path / "executed", tmp_path / "given.npz"
    np.savez(path, x=X, labels=np.array([Trap(mark)], dtype=object))
    said = refused(*using(path, use, work, tmp_path), where=path)
    assert "an array in it holds objects, not numbers" in said
    assert "pickle" not in said
    assert not mark.exists()
    with np.load(path, allow_pickle=True) as file:
        assert file["labels"] is not None
    assert mark.exists(), "the trap works where objects are read"


@pytest.mark.parametrize("use", ["compile", "simulate"])
def test_a_damaged_npz(refused: Callable[..., str], work: Path, tmp_path: Path, use: str) -> None:
    path = tmp_path / "cut.npz"
    for data in (*cuts((work / "x.npz").read_bytes()), b"no zip at all", (work / "p.neu").read_bytes()):
        path.write_bytes(data)
        assert "pickle" not in refused(*using(path, use, work, tmp_path), where=path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", "no array")
    assert "'x' in it is no array" in refused(*using(path, use, work, tmp_path), where=path)
    np.save(tmp_path / "one.npy", X)
    assert "a single array" in refused(*using(tmp_path / "one.npy", use, work, tmp_path), where="one.npy")
    refused(*using(tmp_path / "none.npz", use, work, tmp_path), where="none.npz")


# Options and places to write to


@pytest.mark.parametrize("options", [["--steps", "0"], ["--steps", "2"], ["--mode", "snn", "--steps", "0"]])
def test_a_wrong_time_window(refused: Callable[..., str], work: Path, tmp_path: Path, options: list[str]) -> None:
    said = refused(*compile_arguments(work, tmp_path / "o.neu"), *options, where="option steps")
    assert f"steps is {options[-1]}" in said


@pytest.mark.parametrize("options", [["--seed", str(2**70)], ["--seed", "-1"], ["--effort", "4"], ["--mode", "rnn"]])
def test_options_outside_their_range(
    run: Callable[..., tuple[int, str, str]], work: Path, tmp_path: Path, options: list[str]
) -> None:
    status, out, err = run(*compile_arguments(work, tmp_path / "o.neu"), *options)
    assert (status, out) == (2, "")
    assert f"Invalid value for '{options[0]}'" in err
    assert not list(tmp_path.iterdir())


def writers(work: Path, output: Path) -> list[list[object]]:
    """Each command that writes a file."""
    simulate = ["simulate", work / "p.neu", "--inputs", work / "x.npz"]
    return [
        compile_arguments(work, output),
        [*simulate, "--outputs", output],
        [*simulate, "--result", output],
        ["export", work / "p.neu", "--to", "onnx", "-o", output],
        ["report", work / "r.json", "-o", output],
    ]


PLACES = {
    "no/such/o.bin": "there is no folder",
    "folder": "it is a folder",
    "file/o.bin": "there is no folder",
    "closed.bin": "it is read-only",
    "/dev/null": "it is not an ordinary file",
    "o" * 300: "File name too long",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_place_that_cannot_be_written(refused: Callable[..., str], work: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"a file")
    (tmp_path / "closed.bin").write_bytes(b"keep me")
    (tmp_path / "closed.bin").chmod(0o444)
    for arguments in writers(work, tmp_path / place):
        assert PLACES[place] in refused(*arguments, where=tmp_path / place)


def test_an_unwritable_place_is_told_before_the_work(
    refused: Callable[..., str], work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neutrams.flow.compile_model", None)
    monkeypatch.setattr("neutrams.flow.run_compiled", None)
    for arguments in writers(work, tmp_path / "no" / "o.bin"):
        refused(*arguments, where=tmp_path)


def test_an_existing_file_stays_when_its_command_fails(refused: Callable[..., str], work: Path, tmp_path: Path) -> None:
    output = tmp_path / "o.neu"
    output.write_bytes(b"an earlier program")
    arrays = saved(tmp_path, x=X[:, :5])
    refused(*compile_arguments(work, output, calibration=arrays), where="calibration")
    refused("simulate", work / "p.neu", "--inputs", arrays, "--outputs", output, where="simulate")
    refused("report", work / "x.npz", "-o", output, where=work / "x.npz")
    refused("export", work / "x.npz", "--to", "onnx", "-o", output, where=work / "x.npz")
    assert output.read_bytes() == b"an earlier program"


def test_what_a_command_reads_is_never_its_output(refused: Callable[..., str], work: Path) -> None:
    refused(*compile_arguments(work, work / "x.npz"), where=work / "x.npz")
    refused("simulate", work / "p.neu", "--inputs", work / "x.npz", "--outputs", work / "p.neu", where=work / "p.neu")


def test_a_full_disk_leaves_the_earlier_file(
    refused: Callable[..., str], work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "o.html"
    output.write_bytes(b"an earlier page")

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert "No space left on device" in refused("report", work / "r.json", "-o", output, where=output)


def test_too_little_memory_is_told(
    refused: Callable[..., str], work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*arguments: object, **options: object) -> None:
        raise MemoryError("Unable to allocate 1.00 TiB")

    monkeypatch.setattr("neutrams.flow.compile_model", exhausted)
    arguments = compile_arguments(work, tmp_path / "o.neu")
    assert "not enough memory (Unable to allocate 1.00 TiB)" in refused(*arguments, where="neutrams compile")
