"""ONNX operators with a kernel of weights: convolutions and transposed convolutions."""

from dataclasses import replace

from neutrams.base.arrays import FloatArray
from neutrams.importers.builder import Tensor, Value
from neutrams.importers.onnx_call import Call, operator
from neutrams.importers.windows import Window, convolution, same_padding, transposed_convolution
from neutrams.network.shapes import Shape


def window_of(call: Call, x: Tensor, kernel: Shape) -> Window:
    """Return the window that the attributes of an ONNX operator describe."""
    rank = len(kernel)
    ones, pads = [1] * rank, call.attributes.get("pads", [0] * 2 * rank)
    window = Window(
        kernel=kernel,
        stride=tuple(call.attributes.get("strides", ones)),
        dilation=tuple(call.attributes.get("dilations", ones)),
        before=tuple(pads[:rank]),
        after=tuple(pads[rank:]),
        groups=call.attributes.get("group", 1),
    )
    mode = call.text("auto_pad", "NOTSET")
    if mode == "NOTSET":
        return window
    plain = replace(window, before=(0,) * rank, after=(0,) * rank)
    plain.check(x, call.label)
    if mode == "VALID":
        return plain
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise call.refuse(f"has the padding {mode!r}")
    before, after = same_padding(x.shape[1:], plain, upper=mode == "SAME_UPPER")
    return replace(plain, before=before, after=after)


def bias_of(call: Call) -> FloatArray | None:
    """Return the bias, input 2, where there is one."""
    return None if call.given(2) is None else call.floats(2)


@operator("Conv", constants=(1, 2))
def conv(call: Call) -> Value:
    """Convolution of one or more dimensions; any stride, padding, dilation and groups; constant weights."""
    x, weights = call.tensor(), call.floats(1)
    return convolution(call.builder, call.name, x, weights, bias_of(call), window_of(call, x, weights.shape[2:]))


@operator("ConvTranspose", constants=(1, 2))
def conv_transpose(call: Call) -> Value:
    """Transposed convolution, as a sub-pixel convolution (dilated: with zeros between); constant weights."""
    x, weights = call.tensor(), call.floats(1)
    kernel = weights.shape[2:]
    explicit = {key: value for key, value in call.attributes.items() if key != "auto_pad"}
    window = window_of(replace(call, attributes=explicit), x, kernel)
    window.check(x, call.label)
    extra = call.attributes.get("output_padding", [0] * len(kernel))
    axes = zip(x.shape[1:], window.stride, window.dilation, kernel, extra, strict=True)
    whole = tuple((n - 1) * s + d * (k - 1) + 1 + e for n, s, d, k, e in axes)
    size = _asked_size(call, x, window)
    if size is None:
        size = tuple(n - b - a for n, b, a in zip(whole, window.before, window.after, strict=True))
        before = window.before
    else:
        cut = [n - p for n, p in zip(whole, size, strict=True)]
        upper = call.text("auto_pad", "NOTSET") == "SAME_UPPER"
        before = tuple(c // 2 if upper else c - c // 2 for c in cut)
    placed = replace(window, before=before)
    return transposed_convolution(call.builder, call.name, x, weights, bias_of(call), placed, size)


def _asked_size(call: Call, x: Tensor, window: Window) -> Shape | None:
    """Return the size that output_shape or auto_pad asks for."""
    asked = call.attributes.get("output_shape")
    if asked:
        return tuple(asked[-len(window.kernel) :])
    if call.text("auto_pad", "NOTSET") in ("SAME_UPPER", "SAME_LOWER"):
        return tuple(n * s for n, s in zip(x.shape[1:], window.stride, strict=True))
    return None
