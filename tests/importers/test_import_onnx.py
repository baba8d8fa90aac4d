"""An imported ONNX model gives what ONNX Runtime gives; what cannot be imported is refused with everything listed."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from neutrams.base.errors import FormatError, InputError, NeutramsError, UnsupportedError
from neutrams.importers import load
from neutrams.network import Activation, Add, Host
from neutrams.reference import run
from onnx_models import check, f32, i64, model, node, saved

W, B = f32(4, 3), f32(3)
BN = {"s": f32(4), "b": f32(4), "m": f32(4), "v": np.abs(f32(4))}
FORMS: dict[str, dict[str, Any]] = {
    "gemm": {"nodes": [node("Gemm", "x w b")], "weights": {"w": W, "b": B}},
    "gemm scaled": {
        "nodes": [node("Gemm", "x w b", alpha=0.5, beta=2.0, transB=1)],
        "weights": {"w": np.ascontiguousarray(W.T), "b": B[np.newaxis]},
    },
    "gemm one bias": {"nodes": [node("Gemm", "x w b")], "weights": {"w": W, "b": f32(1)}},
    "gemm no bias": {"nodes": [node("Gemm", "x w")], "weights": {"w": W}},
    "gemm tensor bias": {"nodes": [node("Gemm", "x w x", beta=0.5)], "weights": {"w": f32(4, 4)}},
    "matmul add": {"nodes": [node("MatMul", "x w", "h"), node("Add", "b h")], "weights": {"w": W, "b": B}},
    "matmul rank 3": {"nodes": [node("MatMul", "x w")], "shape": ("N", 5, 4), "weights": {"w": W}},
    "matmul vector": {"nodes": [node("MatMul", "x w")], "shape": ("N", 5, 4), "weights": {"w": f32(4)}},
    "matmul unit axis": {"nodes": [node("MatMul", "x w")], "shape": ("N", 5, 4), "weights": {"w": f32(1, 4, 3)}},
    "add scalar": {"nodes": [node("Add", "x c")], "weights": {"c": f32()}},
    "add row": {"nodes": [node("Add", "x c")], "weights": {"c": f32(1, 4)}},
    "add channels": {"nodes": [node("Add", "x c")], "shape": ("N", 2, 3, 4), "weights": {"c": f32(2, 1, 1)}},
    "add itself": {"nodes": [node("Relu", "x", "h"), node("Add", "x h")]},
    "add images": {"nodes": [node("Relu", "x", "h"), node("Add", "x h")], "shape": ("N", 2, 3)},
    "sum": {"nodes": [node("Relu", "x", "h"), node("Sum", "x c h")], "weights": {"c": f32(4)}},
    "sub": {"nodes": [node("Sub", "x c")], "weights": {"c": f32(4)}},
    "sub from": {"nodes": [node("Sub", "c x")], "weights": {"c": f32(4)}},
    "sub tensors": {"nodes": [node("Relu", "x", "h"), node("Sub", "x h")]},
    "mul": {"nodes": [node("Mul", "c x")], "weights": {"c": f32(4)}},
    "mul tensors": {"nodes": [node("Relu", "x", "h"), node("Mul", "x h")]},
    "div": {"nodes": [node("Div", "x c")], "weights": {"c": f32(4)}},
    "neg": {"nodes": [node("Neg", "x")]},
    "relu": {"nodes": [node("Relu", "x")]},
    "leaky": {"nodes": [node("LeakyRelu", "x", alpha=0.3)]},
    "leaky default": {"nodes": [node("LeakyRelu", "x")]},
    "sigmoid": {"nodes": [node("Sigmoid", "x")]},
    "tanh": {"nodes": [node("Tanh", "x")]},
    "clip attributes": {"nodes": [node("Clip", "x", min=-0.5, max=0.25)], "opset": 7},
    "clip low attribute": {"nodes": [node("Clip", "x", min=0.5)], "opset": 8},
    "clip inputs": {"nodes": [node("Clip", "x l h")], "weights": {"l": np.float32(-1), "h": np.float32(1)}},
    "clip high": {"nodes": [node("Clip", "x - h")], "weights": {"h": np.float32(0.5)}},
    "clip none": {"nodes": [node("Clip", "x")]},
    "softmax": {"nodes": [node("Softmax", "x", axis=-1)]},
    "softmax 11": {"nodes": [node("Softmax", "x")], "opset": 11},
    "argmax": {"nodes": [node("ArgMax", "x", axis=1, keepdims=0)]},
    "argmax keepdims": {"nodes": [node("ArgMax", "x", axis=-1)]},
    "argmax cast": {"nodes": [node("ArgMax", "x", "i", axis=1, keepdims=0), node("Cast", "i", to=TensorProto.INT32)]},
    "batch norm": {"nodes": [node("BatchNormalization", "x s b m v", epsilon=0.01)], "weights": BN},
    "batch norm 7": {"nodes": [node("BatchNormalization", "x s b m v")], "weights": BN, "opset": 7},
    "batch norm image": {
        "nodes": [node("BatchNormalization", "x s b m v")], "weights": BN, "shape": ("N", 4, 3, 2), "opset": 15,
    },
    "flatten": {"nodes": [node("Flatten", "x")], "shape": ("N", 2, 3)},
    "flatten negative": {"nodes": [node("Flatten", "x", axis=-2)], "shape": ("N", 2, 3)},
    "reshape": {"nodes": [node("Reshape", "x s")], "shape": ("N", 2, 3), "weights": {"s": i64(-1, 6)}},
    "reshape keeps": {"nodes": [node("Reshape", "x s")], "shape": ("N", 2, 3), "weights": {"s": i64(0, -1)}},
    "reshape batch 3": {"nodes": [node("Reshape", "x s")], "shape": (3, 2, 3), "weights": {"s": i64(3, 3, -1)}},
    "view with shape arithmetic": {
        "nodes": [
            node("Shape", "x", "s"), node("Constant", "", "zero", value=numpy_helper.from_array(i64(0))),
            node("Gather", "s zero", "n"), node("Constant", "", "rest", value=numpy_helper.from_array(i64(-1))),
            node("Concat", "n rest", "target", axis=0), node("Reshape", "x target"),
        ],
        "shape": ("N", 2, 3),
    },
    "zeros of the batch's size": {
        "nodes": [
            node("Shape", "x", "s", start=0, end=1), node("Constant", "", "four", value_ints=[4]),
            node("Concat", "s four", "target", axis=0),
            node("ConstantOfShape", "target", "z", value=numpy_helper.from_array(np.float32([2.0]))),
            node("Concat", "x z", axis=1),
        ],
    },
    "weights computed": {
        "nodes": [node("Transpose", "w", "t", perm=[1, 0]), node("Mul", "t c", "u"), node("MatMul", "x u")],
        "weights": {"w": f32(3, 4), "c": np.float32(2)},
    },
    "identity": {"nodes": [node("Identity", "x")]},
    "identity of weights": {"nodes": [node("Identity", "w", "v"), node("MatMul", "x v")], "weights": {"w": W}},
    "dropout": {"nodes": [node("Dropout", "x", "h", ratio=0.4), node("Relu", "h")], "opset": 7},
    "dropout 13": {
        "nodes": [node("Dropout", "x r t")], "weights": {"r": np.float32(0.4), "t": np.array(False)}, "opset": 13,
    },
    "cast double": {"nodes": [node("Cast", "x", "d", to=TensorProto.DOUBLE), node("Cast", "d", to=TensorProto.FLOAT)]},
    "cast integer input": {"nodes": [node("Cast", "x", to=TensorProto.FLOAT)], "kind": TensorProto.INT64},
    "squeeze": {"nodes": [node("Squeeze", "x a")], "shape": ("N", 1, 3), "weights": {"a": i64(1)}},
    "squeeze 7": {"nodes": [node("Squeeze", "x", axes=[-2])], "shape": ("N", 1, 3), "opset": 7},
    "unsqueeze": {"nodes": [node("Unsqueeze", "x a")], "weights": {"a": i64(-1, 1)}},
    "unsqueeze 11": {"nodes": [node("Unsqueeze", "x", axes=[2])], "opset": 11},
    "concat": {"nodes": [node("Relu", "x", "h"), node("Concat", "x h", axis=-1)]},
    "slice": {
        "nodes": [node("Slice", "x s e a t")],
        "weights": {"s": i64(-3), "e": i64(2**62), "a": i64(1), "t": i64(2)},
    },
    "slice 7": {"nodes": [node("Slice", "x", starts=[0, 1], ends=[2**31, 3], axes=[0, 1])], "opset": 7},
    "opset 23": {"nodes": [node("Gemm", "x w b", "h"), node("Relu", "h")], "weights": {"w": W, "b": B}, "opset": 23},
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_what_the_runtime_gives(form: str, tmp_path: Path) -> None:
    check(model(**FORMS[form]), tmp_path)


def test_names_are_kept(tmp_path: Path) -> None:
    nodes = [node("Relu", "x", "/odd.name/é"), node("Neg", "/odd.name/é", "a"), node("Softmax", "a", "y")]
    network = check(model([nodes[0], *nodes[1:]]), tmp_path)
    assert [n.name for n in network.nodes] == ["x", "/odd.name/é", "a", "Softmax y", "y"]


def test_an_unnamed_node_behind_the_output_is_called_pre(tmp_path: Path) -> None:
    network = check(model([helper.make_node("Relu", ["x"], ["y"])]), tmp_path)
    assert [n.name for n in network.nodes] == ["x", "y.pre", "y"]


def test_a_scale_becomes_one_addition(tmp_path: Path) -> None:
    network = check(model(**FORMS["batch norm"]), tmp_path)
    assert [type(n) for n in network.nodes[1:-1]] == [Add]


def test_a_clip_at_zero_is_a_relu(tmp_path: Path) -> None:
    network = check(model([node("Clip", "x l")], weights={"l": np.float32(0)}), tmp_path)
    assert isinstance(network.nodes[1], Activation)
    assert network.nodes[1].function == "relu"


def test_the_tail_is_a_host_node(tmp_path: Path) -> None:
    network = check(model(**FORMS["argmax keepdims"]), tmp_path)
    assert isinstance(network.nodes[1], Host)


def test_external_data_is_read_and_missed(tmp_path: Path) -> None:
    made = model([node("MatMul", "x w")], weights={"w": f32(4, 400)})
    wanted = run(load(saved(made, tmp_path)), {"x": np.ones((1, 4))})["y"]
    onnx.save(made, tmp_path / "m.onnx", save_as_external_data=True, location="m.data")
    assert np.array_equal(run(load(tmp_path / "m.onnx"), {"x": np.ones((1, 4))})["y"], wanted)
    (tmp_path / "m.data").unlink()
    with pytest.raises(InputError, match=r"external data of tensor 'w' cannot be read.*put the data file beside"):
        load(tmp_path / "m.onnx")


def test_all_unsupported_operators_are_listed_before_anything_else(tmp_path: Path) -> None:
    nodes = [
        node("Sin", "x", "a"),
        helper.make_node("Sin", ["a"], ["b"]),
        helper.make_node("Fancy", ["b"], ["c"], name="mine", domain="my.ops"),
        node("Flatten", "x", "t", axis=0),
        node("Gemm", "x w", "d", transA=1),
        node("Gemm", "x nan", "e"),
        node("Sum", "c t d e"),
    ]
    made = model(nodes, weights={"w": W, "nan": np.full((4, 4), np.nan, dtype=np.float32)})
    made.opset_import.append(helper.make_opsetid("my.ops", 1))
    made.graph.output[0].type.CopyFrom(helper.make_tensor_type_proto(TensorProto.FLOAT, ("N", 4)))
    path = saved(made, tmp_path)
    with pytest.raises(UnsupportedError) as caught:
        load(path)
    for part in (str(path), "4 operator(s) cannot", "Sin (nodes 'Sin a', 'b')", "my.ops.Fancy (node 'mine')",
                 "Gemm with transA=1 mixes samples (node 'Gemm d')", "with axis 0 mixes samples (node 'Flatten t')",
                 "docs/reference/operators.md"):  # fmt: skip
        assert part in str(caught.value)


def test_operators_of_unknown_domains_are_named_even_where_the_file_does_not_import_them(tmp_path: Path) -> None:
    nodes = [helper.make_node("Fancy", ["x"], ["c"], name="mine", domain="my.ops"), node("Relu", "c")]
    with pytest.raises(UnsupportedError, match=r"1 operator\(s\) cannot be imported: my.ops.Fancy \(node 'mine'\)"):
        load(saved(model(nodes), tmp_path))


REFUSED: dict[str, tuple[dict[str, Any], type[NeutramsError], str]] = {
    "transA": ({"nodes": [node("Gemm", "x w", transA=1)], "weights": {"w": W}}, UnsupportedError, "transA=1"),
    "bias a sample": ({**FORMS["gemm"], "weights": {"w": W, "b": f32(5, 1)}}, UnsupportedError, "different biases"),
    "softmax of the batch": ({"nodes": [node("Softmax", "x", axis=0)]}, UnsupportedError, "batch axis"),
    "argmax of the batch": ({"nodes": [node("ArgMax", "x")]}, UnsupportedError, "axis 0"),
    "flatten all": ({"nodes": [node("Flatten", "x", axis=0)]}, UnsupportedError, "mixes samples"),
    "reshape mixes": (
        {"nodes": [node("Reshape", "x s")], "weights": {"s": i64(-1, 2)}}, UnsupportedError, "batch axis first",
    ),
    "batch transposed": (
        {"nodes": [node("Unsqueeze", "x a", "t"), node("Gemm", "t w")], "weights": {"a": i64(0), "w": W}},
        UnsupportedError, "batch is axis 1",
    ),
    "cast to integers": ({"nodes": [node("Cast", "x", to=TensorProto.INT64)]}, UnsupportedError, "to INT64"),
    "constant a sample": ({"nodes": [node("Add", "x c")], "weights": {"c": f32(5, 4)}}, UnsupportedError, r"\(5, 4\)"),
    "division by zero": ({"nodes": [node("Div", "x c")], "weights": {"c": 0 * f32(4)}}, UnsupportedError, "zero"),
    "mask read": (
        {"nodes": [node("Dropout", "x", "h m"), node("Cast", "m", to=1)]}, UnsupportedError, "second output",
    ),
    "huge constant": (
        {"nodes": [node("ConstantOfShape", "s", "z"), node("Add", "x z")], "weights": {"s": i64(2**40, 2**20)}},
        UnsupportedError, "1.15e\\+18 elements",
    ),
    "free axis": ({"nodes": [node("Relu", "x")], "shape": ("N", "length")}, InputError, "input 'x'.*only one axis"),
    "no batch axis": ({"nodes": [node("Relu", "x")], "shape": ()}, UnsupportedError, "batch axis"),
    "old": ({"nodes": [node("Relu", "x")], "opset": 6}, UnsupportedError, "operator set 6 is older than 7"),
    "NaN": ({"nodes": [node("MatMul", "x w")], "weights": {"w": W * np.float32("nan")}}, InputError, "'w'.*12 of 12"),
    "infinity": ({"nodes": [node("Add", "x c")], "weights": {"c": np.float32("inf")}}, InputError, "tensor 'c'"),
    "variance": (
        {**FORMS["batch norm"], "weights": {**BN, "v": np.float32([1, -1, 1, 1])}}, InputError, "the variance -1",
    ),
    "wrong width": ({"nodes": [node("MatMul", "x w")], "weights": {"w": f32(5, 3)}}, InputError, "last axis of 5"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_imported_is_refused_with_a_reason(case: str, tmp_path: Path) -> None:
    parts, error, message = REFUSED[case]
    made = model([node("Relu", "x")], **{k: v for k, v in parts.items() if k != "nodes"})
    del made.graph.node[:]
    made.graph.node.extend(parts["nodes"])
    with pytest.raises(error, match=message) as caught:
        load(saved(made, tmp_path))
    assert str(tmp_path / "m.onnx") in str(caught.value)


def whole(folder: Path) -> bytes:
    nodes = [
        node("Shape", "x", "s", start=0, end=1), node("Constant", "", "r", value_ints=[-1]),
        node("Concat", "s r", "t", axis=0), node("Reshape", "x t", "f"), node("Gemm", "f w b", "h", transB=1),
        node("BatchNormalization", "h s4 b4 m4 v4", "n"), node("Clip", "n low", "c"), node("Add", "c h", "k"),
        node("Softmax", "k", axis=-1),
    ]  # fmt: skip
    weights = {"w": f32(4, 4), "b": f32(4), "low": np.float32(0), **{f"{k}4": v for k, v in BN.items()}}
    return saved(model(nodes, ("N", 2, 2), weights), folder).read_bytes()


def loads_or_is_refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with suppress(NeutramsError):
        assert load(path).outputs


def test_truncated_files_are_refused(tmp_path: Path) -> None:
    data = whole(tmp_path)
    check(onnx.load_model_from_string(data), tmp_path)
    for length in range(0, len(data) - 1, 29):
        (tmp_path / "m.onnx").write_bytes(data[:length])
        with pytest.raises((FormatError, UnsupportedError)):
            load(tmp_path / "m.onnx")


def test_flipped_bits_load_or_are_refused(tmp_path: Path) -> None:
    data = whole(tmp_path)
    for position in range(0, len(data), 17):
        damaged = bytearray(data)
        damaged[position] ^= 1 << (position % 8)
        loads_or_is_refused(tmp_path / "m.onnx", bytes(damaged))


@pytest.mark.parametrize("data", [b"", b"hello, this is no model", b"\x80" * 100, b"PK\x03\x04", bytes(1000)])
def test_other_files_are_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(FormatError, match="take an undamaged copy"):
        load(tmp_path / "m.onnx")
