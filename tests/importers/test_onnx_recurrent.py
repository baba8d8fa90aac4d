"""Recurrent operators in every form give what ONNX Runtime gives; others are refused."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import FormatError, UnsupportedError
from neutrams.importers import describe, load
from neutrams.reference import run

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
STEPS, BATCH, WIDTH, HIDDEN = 5, 3, 4, 2

FORMS: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "plain rnn": ("RNN", {}, set()),
    "rnn with relu": ("RNN", {"activations": ["Relu"]}, {"b"}),
    "reverse rnn": ("RNN", {"direction": "reverse"}, {"b", "h0"}),
    "plain gru": ("GRU", {}, {"b"}),
    "gru that resets the product": ("GRU", {"linear_before_reset": 1}, {"b", "h0"}),
    "gru of both directions": ("GRU", {"direction": "bidirectional", "linear_before_reset": 1}, {"b", "h0"}),
    "plain lstm": ("LSTM", {}, set()),
    "lstm with peepholes": ("LSTM", {}, {"b", "p"}),
    "lstm of both directions with all": ("LSTM", {"direction": "bidirectional"}, {"b", "h0", "c0", "p"}),
    "clipped lstm": ("LSTM", {"clip": 0.5}, {"b"}),
    "lstm that forgets what it does not admit": ("LSTM", {"input_forget": 1}, {"b"}),
    "lstm of other functions": (
        "LSTM",
        {"activations": ["HardSigmoid", "ScaledTanh", "LeakyRelu"], "activation_alpha": [0.3, 1.5, 0.1],
         "activation_beta": [0.4, 0.7]},
        {"b", "h0", "c0"},
    ),
    "gru of affine functions": (
        "GRU", {"activations": ["Sigmoid", "Affine"], "activation_alpha": [0.5], "activation_beta": [0.1]}, {"b"},
    ),
    "one length for all": ("LSTM", {}, {"b", "lengths"}),
}  # fmt: skip


def model(op: str, attributes: dict[str, Any], parts: set[str], steps: int = STEPS) -> onnx.ModelProto:
    """x [steps, batch, 4] and initial states, weights of a fixed seed; all outputs."""
    rng, gates = np.random.default_rng(len(attributes) + 10 * len(parts)), GATES[op]
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    sizes = {
        "w": (directions, gates * HIDDEN, WIDTH), "r": (directions, gates * HIDDEN, HIDDEN),
        "b": (directions, 2 * gates * HIDDEN), "p": (directions, 3 * HIDDEN),
    }  # fmt: skip
    held = {
        name: rng.normal(size=size).astype(np.float32) for name, size in sizes.items() if name in parts | {"w", "r"}
    }
    held |= {"lengths": np.full(BATCH, steps, dtype=np.int32)} if "lengths" in parts else {}
    order = ["x", "w", "r", "b", "lengths", "h0", "c0", "p"]
    reads = [name if name in parts | {"x", "w", "r"} else "" for name in order][: 8 if op == "LSTM" else 6]
    outputs = ["y", "h", "c"][: 3 if op == "LSTM" else 2]
    node = helper.make_node(op, reads, outputs, hidden_size=HIDDEN, **attributes)
    given = {"x": (steps, "N", WIDTH), "h0": (directions, "N", HIDDEN), "c0": (directions, "N", HIDDEN)}
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, given[n]) for n in given if n in parts | {"x"}]
    shape = {"y": (steps, directions, "N", HIDDEN), "h": (directions, "N", HIDDEN), "c": (directions, "N", HIDDEN)}
    shown = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape[name]) for name in outputs]
    weights = [numpy_helper.from_array(array, name) for name, array in held.items()]
    graph = helper.make_graph([node], "recurrent", infos, shown, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def compared(made: onnx.ModelProto, path: Path) -> dict[str, tuple[AnyArray, AnyArray]]:
    """Return (ours, ONNX Runtime's) outputs by name, both batch first."""
    path.write_bytes(made.SerializeToString())
    rng = np.random.default_rng(0)
    network = load(path)
    x = {node.name: rng.normal(size=(BATCH, *node.shape)).astype(np.float32) for node in network.inputs}
    session = ort.InferenceSession(path)
    wanted = session.run(None, {name: np.moveaxis(array, 0, 1) for name, array in x.items()})
    names = [output.name for output in session.get_outputs()]
    found = run(network, x)
    axes = {"y": 2, "h": 1, "c": 1}
    return {name: (found[name], np.moveaxis(array, axes[name], 0)) for name, array in zip(names, wanted, strict=True)}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("steps", [1, STEPS])
def test_every_form_gives_what_the_runtime_gives(form: str, steps: int, tmp_path: Path) -> None:
    for ours, wanted in compared(model(*FORMS[form], steps), tmp_path / "m.onnx").values():
        np.testing.assert_allclose(ours, wanted, atol=1e-5)


def test_sequences_of_unequal_length_are_refused(tmp_path: Path) -> None:
    made = model("LSTM", {}, {"lengths"})
    for tensor in made.graph.initializer:
        if tensor.name == "lengths":
            tensor.CopyFrom(numpy_helper.from_array(np.array([1, 2, 5], dtype=np.int32), "lengths"))
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(UnsupportedError, match="unequal length"):
        load(tmp_path / "m.onnx")


def of_constants(op: str, attributes: dict[str, Any], parts: set[str]) -> onnx.ModelProto:
    """y = z + the last state that a constant sequence leaves, z [N, 2]; of both directions the first."""
    made = model(op, attributes, parts)
    ones = np.ones((STEPS, 1, WIDTH), dtype=np.float32)
    tensors = {"x": ones, "first": np.array(0), "lengths": np.full(1, 2, dtype=np.int32)}
    for name in ("x", "first", *parts & {"lengths"}):
        made.graph.initializer.append(numpy_helper.from_array(tensors[name], name))
    lengths = [i for i, tensor in enumerate(made.graph.initializer) if tensor.name == "lengths"]
    if len(lengths) > 1:
        del made.graph.initializer[lengths[0]]
    made.graph.node.extend(
        [helper.make_node("Gather", ["h", "first"], ["last"]), helper.make_node("Add", ["z", "last"], ["sum"])]
    )
    del made.graph.input[:], made.graph.output[:]
    made.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, ("N", HIDDEN)))
    made.graph.output.append(helper.make_tensor_value_info("sum", TensorProto.FLOAT, ("N", HIDDEN)))
    return made


@pytest.mark.parametrize("op", GATES)
def test_a_constant_sequence_through_a_plain_cell_is_a_constant(op: str, tmp_path: Path) -> None:
    onnx.save(of_constants(op, {"direction": "forward"}, {"b"}), tmp_path / "m.onnx")
    z = np.zeros((2, HIDDEN), dtype=np.float32)
    wanted = ort.InferenceSession(tmp_path / "m.onnx").run(None, {"z": z})[0]
    np.testing.assert_allclose(run(load(tmp_path / "m.onnx"), {"z": z})["sum"], wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("attributes", "parts"),
    [
        ({"clip": 0.3}, {"b"}), ({"activations": ["HardSigmoid", "Tanh"]}, {"b"}), ({}, {"b", "lengths"}),
        ({"direction": "reverse"}, {"b"}), ({"direction": "bidirectional"}, {"b"}), ({"layout": 1}, {"b"}),
    ],
)  # fmt: skip
def test_a_constant_sequence_through_any_other_cell_is_refused(
    attributes: dict[str, Any], parts: set[str], tmp_path: Path
) -> None:
    """The evaluator that folds constants passes over these: some versions of it, or all."""
    onnx.save(of_constants("GRU", attributes, parts), tmp_path / "m.onnx")
    with pytest.raises(UnsupportedError, match="GRU of constants only"):
        load(tmp_path / "m.onnx")


def test_a_cell_behind_what_is_refused_is_not_called_constant(tmp_path: Path) -> None:
    made = model("GRU", {"clip": 0.3}, {"b"})
    made.graph.node[0].input[0] = "odd"
    made.graph.node.insert(0, helper.make_node("Det", ["x"], ["odd"]))
    onnx.save(made, tmp_path / "m.onnx")
    with pytest.raises(UnsupportedError, match=r"1 operator\(s\) cannot be imported: Det"):
        load(tmp_path / "m.onnx")


def test_without_a_recurrent_operator_the_first_axis_is_the_batch(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])], "plain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (4, "T", 2))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (4, "T", 2))],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "m.onnx")
    assert load(tmp_path / "m.onnx", {"x": (4, 9, 2)}).inputs[0].shape == (9, 2)


def beside_a_cell(reads: str) -> onnx.ModelProto:
    """A GRU, and Relu of z [4, T, 4]; the GRU reads x, or twice the Relu's result, its steps in front."""
    made = model("GRU", {}, {"b"})
    made.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, (STEPS, "T", WIDTH)))
    made.graph.output.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, (STEPS, "T", WIDTH)))
    made.graph.node[0].input[0] = reads
    made.graph.node.insert(0, helper.make_node("Add", ["more", "more"], ["twice"]))
    made.graph.node.insert(0, helper.make_node("Relu", ["z"], ["more"]))
    if reads != "x":
        del made.graph.input[0]
    return made


@pytest.mark.parametrize(
    ("reads", "size", "shape"), [("x", 1, (1, WIDTH)), ("x", 9, (9, WIDTH)), ("twice", 1, (STEPS, WIDTH))]
)
def test_an_open_axis_is_the_batch_only_before_a_recurrent_operator(
    reads: str, size: int, shape: tuple[int, ...], tmp_path: Path
) -> None:
    onnx.save(beside_a_cell(reads), tmp_path / "m.onnx")
    network = load(
        tmp_path / "m.onnx", {"z": (STEPS, size, WIDTH), **({"x": (STEPS, 1, WIDTH)} if reads == "x" else {})}
    )
    assert {node.name: node.shape for node in network.inputs}["z"] == shape


def test_an_open_axis_that_the_user_fixes_is_not_the_batch(tmp_path: Path) -> None:
    onnx.save(beside_a_cell("twice"), tmp_path / "m.onnx")
    with pytest.raises(UnsupportedError, match=r"reads samples of shape \(9, 4\) with the batch as axis 0"):
        load(tmp_path / "m.onnx", {"z": (STEPS, 9, WIDTH)})


LAYERS = 2
CUTS: dict[str, Callable[[str, int], list[onnx.NodeProto]]] = {
    "slices": lambda s, k: [helper.make_node("Slice", [s, f"{k}", f"{k + 1}"], [f"{s}{k}"])],
    "picks several": lambda s, k: [helper.make_node("Gather", [s, f"{k}"], [f"{s}{k}"], axis=0)],
    "picks one": lambda s, k: [
        helper.make_node("Gather", [s, f"one {k}"], [f"{s} {k}"]),
        helper.make_node("Unsqueeze", [f"{s} {k}", "0"], [f"{s}{k}"]),
    ],
    "splits": lambda s, k: [helper.make_node("Split", [s], [f"{s}0", f"{s}1"], axis=0)] if k == 0 else [],
    "copies": lambda s, k: [
        helper.make_node("Identity", [s], [f"{s} {k}"]), helper.make_node("Cast", [f"{s} {k}"], [f"{s} {k} f"], to=1),
        helper.make_node("Slice", [f"{s} {k} f", f"{k}", f"{k + 1}"], [f"{s}{k}"]),
    ],
}  # fmt: skip


@pytest.mark.parametrize("batch", [1, "N"])
@pytest.mark.parametrize("cut", CUTS)
def test_states_of_all_layers_are_cut_from_one_input(cut: str, batch: int | str, tmp_path: Path) -> None:
    """Two layers, states [2, batch, 2] cut layer by layer; the batch is behind the layers though it is fixed."""
    rng, nodes, shown = np.random.default_rng(0), [], "x"
    weights = {f"{k}": np.array([k]) for k in range(LAYERS + 1)} | {f"one {k}": np.array(k) for k in range(LAYERS)}
    for k, width in enumerate((WIDTH, HIDDEN)):
        weights |= {f"{name}{k}": rng.normal(size=(1, 4 * HIDDEN, size)).astype(np.float32)
                    for name, size in (("w", width), ("r", HIDDEN))}  # fmt: skip
        reads = [shown, f"w{k}", f"r{k}", "", "", f"h{k}", f"c{k}"]
        nodes += [made for state in "hc" for made in CUTS[cut](state, k)]
        nodes.append(helper.make_node("LSTM", reads, [f"y{k}", f"h{k} new"], hidden_size=HIDDEN))
        nodes.append(helper.make_node("Squeeze", [f"y{k}", "1"], [f"seen{k}"]))
        shown = f"seen{k}"
    nodes.append(helper.make_node("Concat", [f"h{k} new" for k in range(LAYERS)], ["h new"], axis=0))
    sizes = {"x": (STEPS, batch, WIDTH), "h": (LAYERS, batch, HIDDEN), "c": (LAYERS, batch, HIDDEN)}
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in sizes.items()]
    outputs = [helper.make_tensor_value_info("h new", TensorProto.FLOAT, (LAYERS, batch, HIDDEN))]
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "layers", infos, outputs, tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(made, tmp_path / "m.onnx")
    network = load(tmp_path / "m.onnx")
    x = {node.name: rng.normal(size=(1, *node.shape)).astype(np.float32) for node in network.inputs}
    given = {name: np.moveaxis(array, 0, 1) for name, array in x.items()}
    wanted = ort.InferenceSession(tmp_path / "m.onnx").run(None, given)[0]
    np.testing.assert_allclose(run(network, x)["h new"], np.moveaxis(wanted, 1, 0), atol=1e-5)


@pytest.mark.parametrize("reads", [["a"], []])
def test_a_damaged_way_to_a_recurrent_operator_is_refused(reads: list[str], tmp_path: Path) -> None:
    """Copies that read each other, and nothing at all."""
    made = model("GRU", {}, {"b"})
    made.graph.node[0].input[0] = "a"
    made.graph.node.insert(0, helper.make_node("Identity", ["b2"], ["a"]))
    made.graph.node.insert(0, helper.make_node("Identity", reads, ["b2"]))
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    assert describe(tmp_path / "m.onnx").network is None
    with pytest.raises(FormatError):
        load(tmp_path / "m.onnx")


def test_weights_of_one_direction_do_not_go_both_ways(tmp_path: Path) -> None:
    made = model("GRU", {}, set())
    made.graph.node[0].attribute.append(helper.make_attribute("direction", "bidirectional"))
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(UnsupportedError, match="weights of 1 directions and goes bidirectional"):
        load(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("op", "attributes", "message"),
    [
        ("LSTM", {"activations": ["Sigmoid", "Tanh"]}, "has 2 activations, it takes 3 for each direction, 3"),
        ("GRU", {"activations": ["Sigmoid", "Tanh"], "direction": "bidirectional"}, "has 2 activations, .* 4"),
        ("RNN", {"activations": ["Tanh", "Relu"]}, "has 2 activations, it takes 1 for each direction, 1"),
        ("RNN", {"activations": ["ScaledTanh"]}, "ScaledTanh without its activation_alpha"),
        ("RNN", {"activations": ["Affine"], "activation_alpha": [2.0]}, "Affine without its .* activation_beta"),
        ("RNN", {"activations": ["Swish"]}, "has the activation Swish"),
    ],
)
def test_activations_that_do_not_suit_are_refused(
    op: str, attributes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    onnx.save(model(op, attributes, {"b"}), tmp_path / "m.onnx")
    with pytest.raises(UnsupportedError, match=message):
        load(tmp_path / "m.onnx")


class Of(nn.Module):
    """Any function of modules and inputs."""

    def __init__(self, function: Callable[..., torch.Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.function = function

    def forward(self, *x: torch.Tensor) -> torch.Tensor:
        return self.function(self.parts, *x)


EXPORTED: dict[str, tuple[Callable[[], nn.Module], list[tuple[int, ...]]]] = {
    "layers of both directions": (
        lambda: Of(lambda p, x: p[1](p[0](x)[0][:, -1]), nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True),
                   nn.Linear(8, 2)), [(5, 3)],
    ),
    "final states joined": (
        lambda: Of(lambda p, x: torch.cat(list(p[0](x)[1][0]), 1), nn.LSTM(3, 4, batch_first=True, bidirectional=True)),
        [(5, 3)],
    ),
    "final states flattened": (
        lambda: Of(lambda p, x: p[0](x)[1].transpose(0, 1).flatten(1), nn.GRU(3, 4, 2, batch_first=True)), [(5, 3)],
    ),
    "steps in front": (lambda: Of(lambda p, x: p[0](x.transpose(0, 1))[0][-1], nn.RNN(3, 4)), [(5, 3)]),
    "behind a convolution": (
        lambda: Of(lambda p, x: p[1](torch.relu(p[0](x)).transpose(1, 2))[0].mean(1), nn.Conv1d(2, 3, 3),
                   nn.GRU(3, 4, batch_first=True)), [(2, 9)],
    ),
    "residual": (lambda: Of(lambda p, x: p[0](x)[0] + x, nn.LSTM(3, 3, batch_first=True)), [(5, 3)]),
    "states given": (
        lambda: Of(lambda p, x, h: p[0](x, h.transpose(0, 1).contiguous())[0], nn.GRU(3, 4, batch_first=True)),
        [(5, 3), (1, 4)],
    ),
    "encoder and decoder": (
        lambda: Of(lambda p, x: p[1](x.flip(1), p[0](x)[1])[0], nn.GRU(3, 4, batch_first=True),
                   nn.GRU(3, 4, batch_first=True)), [(5, 3)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPORTED)
def test_models_as_pytorch_exports_them(name: str, tmp_path: Path) -> None:
    make, shapes = EXPORTED[name]
    torch.manual_seed(0)
    module, names = make().eval(), [f"x{i}" for i in range(len(shapes))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the older exporter, whose graphs most users have
        torch.onnx.export(
            module, tuple(torch.randn(2, *shape) for shape in shapes), tmp_path / "m.onnx", dynamo=False,
            input_names=names, output_names=["y"], dynamic_axes={x: {0: "N"} for x in names},
        )  # fmt: skip
    rng = np.random.default_rng(0)
    given = {x: rng.normal(size=(BATCH, *shape)).astype(np.float32) for x, shape in zip(names, shapes, strict=True)}
    wanted = ort.InferenceSession(tmp_path / "m.onnx").run(["y"], given)[0]
    found = run(load(tmp_path / "m.onnx"), given)["y"]
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, atol=1e-5)
