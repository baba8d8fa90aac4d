"""ATen operators with windows over images: convolutions, pools, resampling and borders."""

from collections.abc import Sequence
from dataclasses import replace

from neutrams.importers.builder import Value
from neutrams.importers.frames import framed, mirrored
from neutrams.importers.resize import Axis, Filter, cubic, linear, matrix, nearest
from neutrams.importers.torch_call import Call, operator
from neutrams.importers.windows import Window, convolution, pooled, same_padding, transposed_convolution
from neutrams.network.shapes import Shape

BORDERS = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _each(value: int | Sequence[int] | None, rank: int, absent: int = 0) -> tuple[int, ...]:
    """Return one length a spatial axis of what may be one for all."""
    given = [absent] if value is None or value == [] else [value] if isinstance(value, int) else list(value)
    return tuple(given * rank if len(given) == 1 else given)


def _window(call: Call, kernel: Shape, padding: int | Sequence[int]) -> Window:
    """Return the window that the arguments of an operator describe; pools step by their own length."""
    given, rank = call.arguments, len(kernel)
    border = _each(padding, rank)
    return Window(
        kernel=kernel,
        stride=_each(given["stride"], rank) if given["stride"] else kernel,
        dilation=_each(given.get("dilation"), rank, 1),
        before=border,
        after=border,
        groups=given.get("groups", 1),
    )


@operator("conv1d", "conv2d", "conv3d", constants=("weight", "bias"))
def conv(call: Call) -> Value:
    """Convolution."""
    x, weights, given = call.tensor("input"), call.floats("weight"), call.arguments
    padding = given["padding"]
    window = _window(call, weights.shape[2:], 0 if padding in ("same", "valid") else padding)
    if padding == "same":
        window.check(x, call.name)
        before, after = same_padding(x.shape[1:], window, upper=True)
        window = replace(window, before=before, after=after)
    return convolution(call.builder, call.name, x, weights, call.optional("bias"), window)


@operator("conv_transpose1d", "conv_transpose2d", "conv_transpose3d", constants=("weight", "bias"))
def conv_transpose(call: Call) -> Value:
    """Transposed convolution."""
    x, weights = call.tensor("input"), call.floats("weight")
    window = _window(call, weights.shape[2:], call.arguments["padding"])
    return transposed_convolution(call.builder, call.name, x, weights, call.optional("bias"), window, call.shape[2:])


@operator("max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "max_pool2d_with_indices")
def pool(call: Call) -> Value:
    """Largest or mean value of each window."""
    x, given = call.tensor(), call.arguments
    rank = len(x.shape) - 1
    window = _window(call, _each(given["kernel_size"], rank), given["padding"])
    if given.get("divisor_override") is not None:
        raise call.refuse("has a divisor of its own")
    kind = "max" if call.op.startswith("max") else "average"
    count = bool(given.get("count_include_pad", False))
    return pooled(call.builder, call.name, x, kind, window, bool(given["ceil_mode"]), count)


@operator("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d")
def adaptive_pool(call: Call) -> Value:
    """As many windows as asked for, where they are of one size."""
    x = call.tensor()
    target = _each(call.arguments["output_size"], len(x.shape) - 1)
    if any(n % places for n, places in zip(x.shape[1:], target, strict=True)):
        raise call.refuse(f"makes {target} places of {x.shape[1:]}, which it does not divide")
    kernel = tuple(n // places for n, places in zip(x.shape[1:], target, strict=True))
    ones, zeros = (1,) * len(kernel), (0,) * len(kernel)
    window = Window(kernel=kernel, stride=kernel, dilation=ones, before=zeros, after=zeros)
    return pooled(call.builder, call.name, x, "max" if "max" in call.op else "average", window)


@operator("upsample_nearest1d", "upsample_nearest2d", "upsample_linear1d", "upsample_bilinear2d", "upsample_bicubic2d")
def upsample(call: Call) -> Value:
    """Nearest, linear or cubic resampling."""
    x, given = call.tensor(), call.arguments
    scales = given.get("scale_factors") or [None] * (len(x.shape) - 1)
    corners = bool(given.get("align_corners", False))
    for axis, (n, target, scale) in enumerate(zip(x.shape[1:], call.shape[2:], scales, strict=True), 1):
        is_nearest = "nearest" in call.op
        transform = "asymmetric" if is_nearest else "align_corners" if corners else "pytorch_half_pixel"
        exact = target / n if corners or scale is None else scale
        along = Axis(size=n, target=target, scale=exact, transform=transform)
        name = call.name if axis == len(x.shape) - 1 else call.part("rows")
        if is_nearest:
            x = call.builder.take(name, x, axis, nearest(along, "floor"))
        elif "cubic" in call.op:
            x = call.builder.along(name, x, axis, matrix(along, Filter(reach=2, weight=cubic(-0.75))))
        else:
            x = call.builder.along(name, x, axis, matrix(along, Filter(reach=1, weight=linear)))
    return x


@operator("pad", "constant_pad_nd")
def pad(call: Call) -> Value:
    """A border; widths from the last axis backwards."""
    x, widths = call.tensor(), list(call.arguments["pad"])
    rank = len(x.shape)
    if len(widths) > 2 * rank:
        raise call.refuse("pads the batch axis")
    borders = [(0, 0)] * rank
    for i in range(len(widths) // 2):
        borders[rank - 1 - i] = (widths[2 * i], widths[2 * i + 1])
    mode = call.arguments.get("mode", "constant")
    if mode != "constant":
        return mirrored(call.builder, call.name, x, borders, BORDERS[mode])
    value = call.arguments.get("value")
    return framed(call.builder, call.name, x, borders, 0.0 if value is None else float(value))


@operator("pixel_shuffle", "pixel_unshuffle")
def pixel_shuffle(call: Call) -> Value:
    """Blocks of channels as squares of pixels, or the other way round."""
    x = call.tensor()
    depth, height, width = call.shape[1:]
    if call.op == "pixel_shuffle":
        block = call.arguments["upscale_factor"]
        apart, order = (depth, block, block, height // block, width // block), (0, 3, 1, 4, 2)
    else:
        block = call.arguments["downscale_factor"]
        apart, order = (x.shape[0], height, block, width, block), (0, 2, 4, 1, 3)
    split = call.builder.reshape(call.part("apart"), x, apart)
    mixed = call.builder.transpose(call.part("mixed"), split, order)
    return call.builder.reshape(call.name, mixed, call.shape[1:])
