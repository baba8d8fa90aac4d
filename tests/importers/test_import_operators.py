"""Convolutional and other wide operators, in the forms exporters write them, give what ONNX Runtime gives."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import FormatError, InputError, NeutramsError, UnsupportedError
from neutrams.importers import describe, load, parse_input_shapes
from neutrams.network import Activation, Add, Conv, Gather, Transpose
from neutrams.reference import run
from onnx_models import RNG, check, f32, i64, model, node, saved

IMAGE = ("N", 4, 8, 6)
K = f32(6, 4, 3, 3)
DEPTHWISE = f32(4, 1, 3, 3)
UINT8 = np.uint8(128)


def constant(name: str, value: AnyArray) -> onnx.NodeProto:
    return node("Constant", "", name, value=numpy_helper.from_array(np.asarray(value)))


def form(
    *nodes: onnx.NodeProto, shape: tuple[int | str, ...] = IMAGE, opset: int = 17, **weights: Any
) -> dict[str, Any]:
    held = {name: np.asarray(value) for name, value in weights.items()}
    return {"nodes": list(nodes), "shape": shape, "weights": held, "opset": opset}


def quantized(*middle: onnx.NodeProto, last: str) -> list[onnx.NodeProto]:
    """Nodes between a quantised x, called d, and a quantised result."""
    return [
        node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "d"), *middle,
        node("QuantizeLinear", f"{last} s z", "r"), node("DequantizeLinear", "r s z"),
    ]  # fmt: skip


FORMS: dict[str, dict[str, Any]] = {
    "conv": form(node("Conv", "x w b", pads=[1, 0, 2, 1], strides=[2, 1]), w=K, b=f32(6)),
    "conv depthwise dilated": form(node("Conv", "x w", group=4, dilations=[2, 1]), w=DEPTHWISE),
    "conv same upper": form(node("Conv", "x w", auto_pad="SAME_UPPER", strides=[2, 2]), w=f32(2, 4, 2, 3)),
    "conv same lower": form(node("Conv", "x w", auto_pad="SAME_LOWER", strides=[3, 2]), w=f32(2, 4, 2, 4)),
    "conv valid": form(node("Conv", "x w", auto_pad="VALID"), w=K),
    "conv 1d": form(node("Conv", "x w", pads=[2, 0]), shape=("N", 4, 9), w=f32(3, 4, 3)),
    "conv 3d": form(node("Conv", "x w"), shape=("N", 2, 3, 4, 5), w=f32(3, 2, 2, 2, 2)),
    "conv of Constant weights": form(constant("w", K), node("Conv", "x w")),
    "conv of listed initializer": form(node("Conv", "x w"), w=K),
    "transposed": form(
        node("ConvTranspose", "x w b", strides=[2, 3], pads=[1, 0, 0, 2], output_padding=[1, 0]), w=f32(4, 5, 3, 2),
            b=f32(5)
    ),
    "transposed groups": form(node("ConvTranspose", "x w", strides=[2, 2], group=2), w=f32(4, 3, 4, 4)),
    "transposed dilated": form(
        node("ConvTranspose", "x w", strides=[2, 1], dilations=[2, 3], group=2, pads=[1, 1, 1, 1]), w=f32(4, 3, 2, 3)
    ),
    "transposed to a size": form(
        node("ConvTranspose", "x w", strides=[2, 2], output_shape=[17, 13], auto_pad="SAME_UPPER"), w=f32(4, 2, 3, 3)
    ),
    "transposed same": form(node("ConvTranspose", "x w", strides=[3, 2], auto_pad="SAME_LOWER"), w=f32(4, 2, 4, 3)),
    "transposed stride 1": form(node("ConvTranspose", "x w", pads=[1, 1, 1, 1]), w=f32(4, 2, 3, 3)),
    "transposed 1d": form(node("ConvTranspose", "x w", strides=[4]), shape=("N", 4, 5), w=f32(4, 2, 3)),
    "max pool": form(node("MaxPool", "x", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1], ceil_mode=1),
        opset=12),
    "max pool 8": form(node("MaxPool", "x", kernel_shape=[2, 2], auto_pad="SAME_LOWER"), opset=8),
    "average pool 7": form(
        node("AveragePool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1), opset=7
    ),
    "average pool 19": form(
        node("AveragePool", "x", kernel_shape=[3, 2], dilations=[2, 1], pads=[0, 1, 1, 0]), opset=19
    ),
    "norm pool": form(node("LpPool", "x", kernel_shape=[2, 3], p=3)),
    "global norm": form(node("GlobalLpPool", "x", p=2)),
    "global norm 1": form(node("GlobalLpPool", "x", p=1)),
    "batch norm 9": form(
        node("BatchNormalization", "x s b m v"), opset=9, s=f32(4), b=f32(4), m=f32(4), v=np.abs(f32(4))
    ),
    "instance norm": form(node("InstanceNormalization", "x s b"), s=f32(4), b=f32(4)),
    "layer norm": form(node("LayerNormalization", "x s b", axis=2), s=f32(8, 6), b=f32(8, 6)),
    "layer norm of parts": form(
        node("ReduceMean", "x", "m", axes=[-1]), node("Sub", "x m", "d"), node("Pow", "d two", "p"),
        node("ReduceMean", "p", "v", axes=[-1]), node("Add", "v e", "u"), node("Sqrt", "u", "r"), node("Div", "d r",
            "n"),
        node("Mul", "n s", "k"), node("Add", "k b"), two=np.float32(2), e=np.float32(1e-5), s=f32(6), b=f32(6),
    ),
    "lrn": form(node("LRN", "x", size=3, alpha=0.1)),
    "gelu of erf": form(
        node("Div", "x r", "d"), node("Erf", "d", "e"), node("Add", "e one", "a"), node("Mul", "x a", "m"),
        node("Mul", "m half"), r=np.float32(2**0.5), one=np.float32(1), half=np.float32(0.5),
    ),
    "silu": form(node("Sigmoid", "x", "s"), node("Mul", "x s")),
    "hard swish of parts": form(
        node("Add", "x three", "a"), node("Clip", "a low high", "c"), node("Mul", "x c", "m"), node("Div", "m high"),
        three=np.float32(3), low=np.float32(0), high=np.float32(6),
    ),
    "prelu channels": form(node("PRelu", "x s"), s=f32(4, 1, 1)),
    "squeeze and excite": form(
        node("GlobalAveragePool", "x", "g"), node("Conv", "g w", "c"), node("HardSigmoid", "c", "h"), node("Mul",
            "h x"),
        w=f32(4, 4, 1, 1),
    ),
    "gate of a vector": form(
        node("ReduceMean", "x", "m", axes=[2, 3], keepdims=0), node("MatMul", "m w", "l"), node("Sigmoid", "l", "g"),
        node("Reshape", "g t", "r"), node("Mul", "x r"), w=f32(4, 4), t=i64(0, 4, 1, 1),
    ),
    "broadcast tensors": form(node("ReduceMax", "x", "m", axes=[1, 3]), node("Sub", "x m", "d"), node("Max", "d m x")),
    "constant widens a tensor": form(node("ReduceMax", "x", "m", axes=[1]), node("Add", "m c"), c=f32(4, 1, 1)),
    "means a channel": form(node("ReduceMean", "x", "m", axes=[1, 2, 3], keepdims=0), node("Mul", "m c"),
        c=np.float32(3)),
    "weights on the left": form(node("MatMul", "w x"), w=f32(5, 8)),
    "weights on the left of a vector": form(node("MatMul", "w x"), shape=("N", 6, 1), w=f32(5, 6)),
    "weights for each channel": form(node("MatMul", "x w"), w=f32(4, 6, 3)),
    "attention": form(
        node("Transpose", "x", "k", perm=[0, 1, 3, 2]), node("MatMul", "x k", "a"), node("Softmax", "a", "s", axis=3),
        node("MatMul", "s x"),
    ),
    "softmax of channels": form(node("Softmax", "x", axis=1)),
    "softmax 11 of an image": form(node("Softmax", "x", axis=2), opset=11),
    "log softmax": form(node("LogSoftmax", "x", axis=-2)),
    "argmax of channels": form(node("ArgMax", "x", axis=1, keepdims=0)),
    "argmax last of equals": form(
        node("Relu", "x", "r"), node("ArgMax", "r", axis=2, select_last_index=1), opset=13
    ),
    "concat channels": form(node("Relu", "x", "r"), node("Concat", "x r x", axis=1)),
    "concat a constant": form(node("Concat", "x c", axis=2), shape=("N", 2, 3), c=f32(1, 2, 2)),
    "slices": form(
        node("Slice", "x s e a t"), s=i64(-1, 1, 0), e=i64(-(2**40), 3, 2**40), a=i64(3, 1, 2), t=i64(-2, 1, 3),
            opset=13
    ),
    "split": form(node("Split", "x", "a b", axis=1), node("Mul", "b a"), opset=11),
    "split 18": form(node("Split", "x", "a b c", axis=3, num_outputs=3), node("Concat", "c a b", axis=-1), opset=18),
    "gather": form(node("Gather", "x i", axis=2), i=np.array([[1, -1], [0, 1]])),
    "gather one": form(node("Gather", "x i", axis=-1), i=np.array(2)),
    "pad 7": form(node("Pad", "x", pads=[0, 0, 1, 2, 0, 0, 0, 1], value=0.5), opset=7),
    "pad 18": form(node("Pad", "x p v a"), opset=18, p=i64(1, -1, 0, 2), v=np.float32(-1), a=i64(2, -1)),
    "pad reflect": form(node("Pad", "x p", mode="reflect"), p=i64(0, 0, 2, 1, 0, 0, 3, 2)),
    "tile": form(node("Tile", "x r"), r=i64(1, 2, 1, 3)),
    "expand": form(node("ReduceMax", "x", "m", axes=[3]), node("Expand", "m t"), t=i64(1, 4, 8, 5)),
    "expand by a shape": form(node("ReduceMax", "x", "m", axes=[1]), node("Shape", "x", "s"), node("Expand", "m s")),
    "upsample 9": form(node("Upsample", "x s"), opset=9, s=np.float32([1, 1, 2, 3])),
    "upsample 7": form(node("Upsample", "x", scales=[1.0, 1.0, 2.0, 2.0], mode="linear"), opset=7),
    "resize 10": form(node("Resize", "x s"), opset=10, s=np.float32([1, 1, 0.5, 2])),
    "resize 11": form(node("Resize", "x r s"), opset=11, r=f32(0), s=np.float32([1, 1, 2, 2])),
    "resize to a size": form(
        node("Resize", "x - - t", mode="linear", coordinate_transformation_mode="align_corners"), t=i64(1, 4, 5, 9)
    ),
    "resize cubic": form(
        node("Resize", "x - s", mode="cubic", cubic_coeff_a=-0.5), s=np.float32([1, 1, 2, 1.5])
    ),
    "depth to space": form(node("DepthToSpace", "x", blocksize=2, mode="CRD"), opset=13),
    "space to depth": form(node("SpaceToDepth", "x", blocksize=2)),
    "cumulative sum": form(node("CumSum", "x a", reverse=1), a=np.array(1)),
    "where": form(node("Where", "c x v"), c=np.array([True, False] * 3), v=np.float32(0.5)),
    "powers of two": form(node("Clip", "x l h", "c"), node("Pow", "b c"), b=np.float32(2), l=np.float32(-3),
        h=np.float32(3)),
    "computed divisor": form(node("Abs", "x", "a"), node("Add", "a e", "b"), node("Div", "x b"), e=np.float32(1)),
    "condition on a shape": form(
        node("Shape", "x", "s"), node("Size", "s", "n"), node("Equal", "n four", "c"),
        helper.make_node(
            "If", ["c"], ["y"],
            then_branch=helper.make_graph([node("Relu", "x", "t")], "then", [], [onnx.ValueInfoProto(name="t")]),
            else_branch=helper.make_graph([node("Sin", "x", "e")], "else", [], [onnx.ValueInfoProto(name="e")]),
        ), four=np.array(4),
    ),
    "dead ends do not matter": form(node("Sin", "x", "s"), node("Relu", "x")),
    "two branches of unequal depth": form(
        node("Conv", "x w", "a", pads=[1, 1, 1, 1]), node("Relu", "a", "r"), node("Add", "r x"), w=f32(4, 4, 3, 3)
    ),
}  # fmt: skip

OF_ONE_SAMPLE = ("concat a constant", "resize to a size")  # these files hold the length of the batch


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_what_the_runtime_gives(name: str, tmp_path: Path) -> None:
    made = model(**FORMS[name])
    if name == "conv of listed initializer":
        made.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, K.shape))
    check(made, tmp_path, n=1 if name in OF_ONE_SAMPLE else 3)


def test_quantised_nodes_are_a_clip(tmp_path: Path) -> None:
    scale = np.float32(0.05)
    nodes = quantized(node("MaxPool", "d", "m", kernel_shape=[2, 2]), last="m")
    path = saved(model(nodes, IMAGE, {"s": scale, "z": UINT8}), tmp_path)
    network = load(path)
    assert not any(isinstance(n, Add) for n in network.nodes)
    clips = [n for n in network.nodes if isinstance(n, Activation)]
    assert [dict(n.parameters) for n in clips] == [pytest.approx({"low": -128 * 0.05, "high": 127 * 0.05})] * 2
    x = (5 * RNG.normal(size=(2, 4, 8, 6))).astype(np.float32)
    wanted = ort.InferenceSession(path).run(["y"], {"x": x})[0]
    assert np.abs(run(network, {"x": x})["y"] - wanted).max() <= 0.5 * scale * (1 + 1e-5)


def test_quantised_weights_are_those_the_integers_stand_for(tmp_path: Path) -> None:
    weights = RNG.integers(-127, 128, size=(2, 4, 3, 3)).astype(np.int8)
    nodes = quantized(node("DequantizeLinear", "w t", "v", axis=0), node("Conv", "d v", "c"), last="c")
    held = {"s": np.float32(0.05), "z": UINT8, "w": weights, "t": np.float32([0.01, 0.02])}
    network = load(saved(model(nodes, IMAGE, held), tmp_path))
    conv = next(n for n in network.nodes if isinstance(n, Conv))
    steps = np.float32([0.01, 0.02]).astype(np.float64).reshape(2, 1, 1, 1)
    np.testing.assert_allclose(conv.weights, weights * steps, rtol=1e-6)


def test_moves_between_quantised_nodes_keep_their_meaning(tmp_path: Path) -> None:
    nodes = [
        node("QuantizeLinear", "x s z", "q"), node("Reshape", "q t", "r"), node("DequantizeLinear", "r s z"),
    ]  # fmt: skip
    path = saved(model(nodes, ("N", 2, 3), {"s": np.float32(0.1), "z": UINT8, "t": i64(0, 6)}), tmp_path)
    x = RNG.normal(size=(3, 2, 3)).astype(np.float32)
    wanted = ort.InferenceSession(path).run(["y"], {"x": x})[0]
    np.testing.assert_allclose(run(load(path), {"x": x})["y"], wanted, atol=0.0501)


def test_nearest_upsampling_is_movement_only(tmp_path: Path) -> None:
    network = check(model(**FORMS["resize 11"]), tmp_path)
    assert {type(n) for n in network.nodes[1:-1]} == {Gather}


def test_a_transposed_convolution_is_one_convolution_and_movement(tmp_path: Path) -> None:
    network = check(model(**FORMS["transposed groups"]), tmp_path)
    assert sum(isinstance(n, Conv) for n in network.nodes) == 1
    assert any(isinstance(n, Transpose) for n in network.nodes)


def test_tokens_choose_rows_of_a_table(tmp_path: Path) -> None:
    nodes = [node("Gather", "table x", "e"), node("ReduceMean", "e", "m", axes=[1], keepdims=0), node("MatMul", "m w")]
    made = model(nodes, ("N", 5), {"table": f32(7, 3), "w": f32(3, 2)}, kind=TensorProto.INT64)
    path = saved(made, tmp_path)
    tokens = RNG.integers(0, 7, size=(4, 5))
    wanted = ort.InferenceSession(path).run(["y"], {"x": tokens})[0]
    np.testing.assert_allclose(run(load(path), {"x": tokens})["y"], wanted, atol=1e-5)


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    nodes = [node("Add", "a b", "s"), node("Split", "s", "low high", axis=1), node("Relu", "s", "r")]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("N", 4)) for name in ("a", "b")]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ("N", n))
        for name, n in (("high", 2), ("low", 2), ("r", 4), ("s", 4))
    ]
    made = helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs), opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    )
    path = saved(made, tmp_path)
    given = {name: f32(3, 4) for name in ("a", "b")}
    wanted = dict(zip(("high", "low", "r", "s"), ort.InferenceSession(path).run(None, given), strict=True))
    found = run(load(path), given)
    assert found.keys() == wanted.keys()
    for name, y in wanted.items():
        np.testing.assert_allclose(found[name], y, atol=1e-6)


def test_functions_of_the_file_are_opened(tmp_path: Path) -> None:
    made = model([helper.make_node("Twice", ["x"], ["y"], domain="mine")], ("N", 3))
    body = helper.make_function("mine", "Twice", ["a"], ["b"], [node("Add", "a a", "b")], [helper.make_opsetid("", 17)])
    made.functions.append(body)
    made.opset_import.append(helper.make_opsetid("mine", 1))
    made.graph.output[0].type.CopyFrom(helper.make_tensor_type_proto(TensorProto.FLOAT, ("N", 3)))
    check(made, tmp_path)


OPEN = ("N", 3, "h", "w")


def test_open_axes_are_fixed_by_the_user(tmp_path: Path) -> None:
    path = saved(model([node("GlobalAveragePool", "x")], OPEN), tmp_path)
    with pytest.raises(
        InputError, match=r"\['\?', 3, '\?', '\?'\]; fix the open sizes by --input-shape x=1,3,SIZE,SIZE"
    ):
        load(path)
    assert load(path, {"x": (1, 3, 8, 6)}).inputs[0].shape == (3, 8, 6)
    assert load(path, {"x": (9, 3, 8, 6)}).inputs[0].shape == (3, 8, 6)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"z": (1, 3, 8, 6)}, "there is no input 'z', the inputs are 'x'"),
        ({"x": (1, 4, 8, 6)}, r"\[1, 4, 8, 6\] does not suit the model, which has \['\?', 3, '\?', '\?'\]"),
        ({"x": (1, 3, 8)}, "does not suit"),
        ({"x": (1, 3, 8, 0)}, "does not suit"),
    ],
)
def test_shapes_that_do_not_suit_are_refused(shapes: dict[str, tuple[int, ...]], message: str, tmp_path: Path) -> None:
    path = saved(model([node("GlobalAveragePool", "x")], OPEN), tmp_path)
    with pytest.raises(InputError, match=message):
        load(path, shapes)
    with pytest.raises(InputError, match=message):
        describe(path, shapes)


def test_shapes_are_written_as_names_and_sizes() -> None:
    assert parse_input_shapes(["x=1,3,48,192", "a=b=2"]) == {"x": (1, 3, 48, 192), "a=b": (2,)}
    assert parse_input_shapes([]) == {}


@pytest.mark.parametrize("text", ["x", "=1,2", "x=", "x=1,,2", "x=1,-2", "x=1,0", "x=1.5", "x=a"])
def test_other_texts_are_no_shapes(text: str) -> None:
    with pytest.raises(InputError, match="NAME=1,3,48,192"):
        parse_input_shapes([text])
    with pytest.raises(InputError, match="given twice"):
        parse_input_shapes(["x=1", "x=1"])


def test_a_description_names_everything_and_what_is_in_the_way(tmp_path: Path) -> None:
    nodes = [node("Relu", "x", "r"), node("Sin", "r", "s"), node("Conv", "s w", "c"), node("Sin", "c", "d"),
             node("Transpose", "x", "t", perm=[1, 0, 2, 3]), node("Loop", "- - d", body=helper.make_graph([], "b",
                 [], []))]  # fmt: skip
    path = saved(model(nodes, IMAGE, {"w": K}), tmp_path)
    made = onnx.load(path)
    made.graph.output[0].type.CopyFrom(helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    survey = describe(saved(made, tmp_path))
    assert survey.operators == (("Conv", 1), ("Loop", 1), ("Relu", 1), ("Sin", 2), ("Transpose", 1))
    assert survey.network is None
    assert survey.unsupported


def test_a_description_of_a_sound_model_holds_its_network(tmp_path: Path) -> None:
    path = saved(model(**FORMS["conv"]), tmp_path)
    survey = describe(path)
    assert survey.operators == (("Conv", 1),)
    assert survey.unsupported == ()
    assert survey.network == load(path)


REFUSED: dict[str, tuple[dict[str, Any], type[NeutramsError], str]] = {
    "computed weights": (form(node("Conv", "x x")), UnsupportedError, r"Conv with a computed parameter \(x\)"),
    "weights of another image": (form(node("Conv", "x w"), w=f32(2, 3, 3, 3)), InputError, "takes one tensor of 3"),
    "kernel too large": (form(node("Conv", "x w"), w=f32(2, 4, 9, 9)), InputError, "no smaller than its kernel"),
    "batch transposed": (
        form(node("Transpose", "x", "t", perm=[1, 0, 2, 3]), node("GlobalMaxPool", "t")),
        UnsupportedError, "GlobalMaxPool reads a tensor whose batch is axis 1 instead of the first",
    ),
    "batch cut": (form(node("Slice", "x", starts=[0], ends=[1], axes=[0]), opset=9), UnsupportedError, "batch axis"),
    "batch joined": (form(node("Concat", "x x", axis=0)), UnsupportedError, r"batch axis \(axis 0\)"),
    "all reduced": (form(node("ReduceSum", "x")), UnsupportedError, "over all axes mixes samples"),
    "batch padded": (form(node("Pad", "x p"), p=i64(1, 0, 0, 0, 0, 0, 0, 0)), UnsupportedError, "batch axis"),
    "batch tiled": (form(node("Tile", "x r"), r=i64(2, 1, 1, 1)), UnsupportedError, "batch axis"),
    "indices of a pool": (
        form(node("MaxPool", "x", "m i", kernel_shape=[2, 2]), node("Cast", "i", to=1)), UnsupportedError, "indices",
    ),
    "computed condition": (
        form(
            node("ReduceMax", "x", "m", axes=[1, 2, 3], keepdims=0), node("Greater", "m zero", "c"),
            helper.make_node(
                "If", ["c"], ["y"],
                then_branch=helper.make_graph([node("LSTM", "x w r", "t")], "then", [],
                    [onnx.ValueInfoProto(name="t")]),
                else_branch=helper.make_graph([node("Relu", "x", "e")], "else", [], [onnx.ValueInfoProto(name="e")]),
            ), zero=np.float32(0), w=f32(1, 4, 2), r=f32(1, 4, 1),
        ), UnsupportedError, "Greater.*LSTM wants its batch axis behind the steps",
    ),
    "powers of elements": (form(node("Pow", "x p"), p=f32(6)), UnsupportedError, "different powers"),
    "crop and resize": (
        form(node("Resize", "x r s", coordinate_transformation_mode="tf_crop_and_resize"), r=f32(8), s=np.float32([1,
            1, 2, 2])),
        UnsupportedError, "tf_crop_and_resize",
    ),
    "resized batch": (form(node("Resize", "x - s"), s=np.float32([2, 1, 1, 1])), UnsupportedError, "batch axis"),
    "zero scale": (form(node("QuantizeLinear", "x s z"), s=np.float32(0), z=UINT8), UnsupportedError, "not positive"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_imported_is_refused_with_a_reason(case: str, tmp_path: Path) -> None:
    parts, error, message = REFUSED[case]
    made = model([node("Relu", "x")], **{k: v for k, v in parts.items() if k != "nodes"})
    del made.graph.node[:]
    made.graph.node.extend(parts["nodes"])
    with pytest.raises(error, match=message):
        load(saved(made, tmp_path))


def test_damaged_files_load_or_are_refused_and_described(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    names = ["conv", "transposed", "max pool", "resize cubic", "split", "pad 18", "condition on a shape", "layer norm"]
    for name in names:
        data = saved(model(**FORMS[name]), tmp_path).read_bytes()
        for position in range(0, len(data), 23):
            damaged = bytearray(data)
            damaged[position] ^= 1 << (position % 8)
            path.write_bytes(bytes(damaged))
            with suppress(NeutramsError):
                assert load(path).outputs
            with suppress(FormatError):  # it does not parse
                survey = describe(path)
                assert (survey.network is None) == bool(survey.unsupported)
