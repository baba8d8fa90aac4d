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
from neutrams.base.errors import UnsupportedError
from neutrams.importers import load
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


def test_a_constant_sequence_through_a_clipped_cell_is_refused(tmp_path: Path) -> None:
    found = model("GRU", {"clip": 0.3}, {"b"})
    x = found.graph.input.pop(0)
    found.graph.initializer.append(numpy_helper.from_array(np.ones((STEPS, BATCH, WIDTH), dtype=np.float32), "x"))
    assert x.name == "x"
    found.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, ("N", 2)))
    onnx.save(found, tmp_path / "m.onnx")
    with pytest.raises(UnsupportedError, match="GRU of constants only"):
        load(tmp_path / "m.onnx")


def test_without_a_recurrent_operator_the_first_axis_is_the_batch(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])], "plain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (4, "T", 2))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (4, "T", 2))],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "m.onnx")
    assert load(tmp_path / "m.onnx", {"x": (4, 9, 2)}).inputs[0].shape == (9, 2)


def test_states_that_an_exporter_cuts_have_their_batch_behind_the_layers(tmp_path: Path) -> None:
    found = model("LSTM", {}, {"b", "h0", "c0"})
    for name in ("h0", "c0"):
        whole = helper.make_tensor_value_info(f"all {name}", TensorProto.FLOAT, (2, 1, HIDDEN))
        found.graph.input[[i.name for i in found.graph.input].index(name)].CopyFrom(whole)
        found.graph.node.insert(0, helper.make_node("Slice", [f"all {name}", "from", "to"], [name]))
    found.graph.initializer.extend(
        [numpy_helper.from_array(np.array([k]), name) for k, name in enumerate(("from", "to"))]
    )
    onnx.save(found, tmp_path / "m.onnx")
    shapes = {node.name: node.shape for node in load(tmp_path / "m.onnx").inputs}
    assert shapes["all_h0" if "all_h0" in shapes else "all h0"] == (2, HIDDEN)


def test_weights_of_one_direction_do_not_go_both_ways(tmp_path: Path) -> None:
    made = model("GRU", {}, set())
    made.graph.node[0].attribute.append(helper.make_attribute("direction", "bidirectional"))
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(UnsupportedError, match="weights of 1 directions and goes bidirectional"):
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
