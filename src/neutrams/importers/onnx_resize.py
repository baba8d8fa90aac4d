"""ONNX operators that resample images: Resize and the older Upsample."""

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.importers.builder import Tensor, Value
from neutrams.importers.onnx_call import Call, operator
from neutrams.importers.resize import ROUNDING, TRANSFORMS, Axis, Filter, cubic, linear, matrix, nearest


@operator("Resize", constants=(1, 2, 3))
def resize(call: Call) -> Value:
    """Nearest (any rounding), linear or cubic, any coordinate transformation but tf_crop_and_resize; constant sizes."""
    old = call.opset < 11
    transform = "asymmetric" if old else call.text("coordinate_transformation_mode", "half_pixel")
    if transform not in TRANSFORMS:
        raise call.refuse(f"with the coordinate transformation {transform!r}")
    scales = call.array(1 if old else 2)
    sizes = None if old or call.given(3) is None else call.integers(3, "sizes")
    scales = None if scales is None or not scales.size else scales.astype(np.float64)
    return _resampled(call, call.tensor(), _axes(call, scales, sizes, transform))


@operator("Upsample", constants=(1,))
def upsample(call: Call) -> Value:
    """Nearest or linear, constant scales."""
    scales = call.array(1) if call.opset >= 9 else np.array(call.attributes["scales"])
    if scales is None:
        raise call.refuse("lacks its scales")
    return _resampled(call, call.tensor(), _axes(call, scales.astype(np.float64), None, "asymmetric"))


def _axes(call: Call, scales: FloatArray | None, sizes: list[int] | None, transform: str) -> dict[int, Axis]:
    """Return how each axis of a sample is resampled; those that stay as they are left out."""
    x = call.tensor()
    rank = len(x.shape)
    named = call.attributes.get("axes", list(range(rank + 1)))
    given = sizes if sizes else scales
    if given is None or len(given) != len(named):
        raise call.refuse(f"has no size for each of its {len(named)} axes")
    if sizes:
        scales = _policy(call, x, sizes, named)
    assert scales is not None
    axes: dict[int, Axis] = {}
    for i, (axis, scale) in enumerate(zip(named, scales.tolist(), strict=True)):
        if axis % (rank + 1) == 0:
            if scale != 1 and not (sizes and sizes[i] in call.builder.batches):
                raise call.refuse("resamples the batch axis")
            continue
        inner = call.axis(axis, rank)
        size = x.shape[inner]
        kept = not sizes or call.text("keep_aspect_ratio_policy", "stretch") == "stretch"
        target = sizes[i] if sizes and kept else int(np.floor(size * scale + (0.5 if sizes else 1e-6)))
        if target < 1 or scale <= 0:
            raise call.refuse(f"leaves {target} elements of an axis")
        if (target, scale) != (size, 1.0):
            axes[inner] = Axis(size=size, target=target, scale=scale, transform=transform)
    return axes


def _policy(call: Call, x: Tensor, sizes: list[int], named: list[int]) -> FloatArray:
    """Return the scales that sizes mean: one for all axes where the aspect ratio is kept."""
    whole = (1, *x.shape)
    scales = np.array([n / whole[axis] if axis % len(whole) else 1.0 for n, axis in zip(sizes, named, strict=True)])
    policy = call.text("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return scales
    return np.full(len(scales), scales.min() if policy == "not_larger" else scales.max())


def _resampled(call: Call, x: Tensor, axes: dict[int, Axis]) -> Tensor:
    mode = call.text("mode", "nearest")
    if mode == "nearest":
        rounding = call.text(
            "nearest_mode", "round_prefer_floor" if call.op == "Resize" and call.opset >= 11 else "floor"
        )
        if rounding not in ROUNDING:
            raise call.refuse(f"with the rounding {rounding!r}")
        for axis, along in axes.items():
            name = call.name if len(axes) == 1 else call.part("nearest")
            x = call.builder.take(name, x, axis, nearest(along, rounding))
        return x
    if mode not in ("linear", "bilinear", "cubic"):
        raise call.refuse(f"in mode {mode!r}")
    a = float(call.attributes.get("cubic_coeff_a", -0.75))
    kernel = Filter(
        reach=2 if mode == "cubic" else 1,
        weight=cubic(a) if mode == "cubic" else linear,
        exclude_outside=bool(call.attributes.get("exclude_outside", 0)),
        antialias=bool(call.attributes.get("antialias", 0)),
    )
    for axis, along in axes.items():
        x = call.builder.along(call.name if len(axes) == 1 else call.part("resampled"), x, axis, matrix(along, kernel))
    return x
