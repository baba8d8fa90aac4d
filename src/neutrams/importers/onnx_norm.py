"""ONNX operators that normalise: by stored statistics, or by those of the sample."""

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.importers.builder import Value
from neutrams.importers.onnx_call import Call, operator
from neutrams.importers.reductions import batch_normalized, group_normalized, standardized
from neutrams.network import Pool


@operator("BatchNormalization", constants=(1, 2, 3, 4))
def batch_normalization(call: Call) -> Value:
    """By stored statistics, one of each a channel; not in training mode."""
    if call.attributes.get("training_mode", 0) or call.attributes.get("spatial", 1) == 0:
        raise call.refuse("is in training mode or not per channel")
    parts = [call.floats(i) for i in range(1, 5)]
    return batch_normalized(call.builder, call.name, call.tensor(), parts, call.attributes.get("epsilon", 1e-5))


@operator("InstanceNormalization", constants=(1, 2))
def instance_normalization(call: Call) -> Value:
    """Each channel of a sample by its own mean and variance; constant scale and bias."""
    x = call.tensor()
    parts = (call.floats(1), call.floats(2))
    return group_normalized(call.builder, call.name, x, x.shape[0], parts, call.attributes.get("epsilon", 1e-5))


@operator("GroupNormalization", constants=(1, 2))
def group_normalization(call: Call) -> Value:
    """Each group of channels of a sample by its own mean and variance; constant scale and bias."""
    x, groups = call.tensor(), call.attributes["num_groups"]
    repeats = x.shape[0] // groups if call.opset < 21 else 1  # before opset 21 they are one a group
    parts = (np.repeat(call.floats(1), repeats), np.repeat(call.floats(2), repeats))
    return group_normalized(call.builder, call.name, x, groups, parts, call.attributes.get("epsilon", 1e-5))


@operator("LayerNormalization", "RMSNormalization", constants=(1, 2))
def layer_normalization(call: Call) -> Value:
    """The trailing axes of a sample by their mean and variance, or by their mean square; constant scale and bias."""
    x = call.tensor()
    if call.outputs > 1:
        raise call.refuse("gives mean and deviation, too")
    first = call.axis(call.attributes.get("axis", -1), len(x.shape))
    axes, centre = range(first, len(x.shape)), call.op == "LayerNormalization"
    gain: FloatArray = call.floats(1)
    shift = np.zeros(()) if call.given(2) is None else call.floats(2)
    plain = gain.size == 1 and gain.item() == 1 and not shift.any()
    name = call.name if plain else call.part("standard")
    standard = standardized(call.builder, name, x, axes, call.attributes.get("epsilon", 1e-5), centre)
    return standard if plain else call.builder.affine(call.name, standard, gain, shift)


@operator("LRN")
def local_response_normalization(call: Call) -> Value:
    """X / (bias + alpha mean(X^2 over neighbouring channels))^beta."""
    x, builder, size = call.tensor(), call.builder, call.attributes["size"]
    alpha, beta, bias = (call.attributes.get(k, v) for k, v in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0)))
    square = builder.activation(call.part("square"), x, "power", exponent=2.0)
    places = int(np.prod(x.shape[1:]))
    columns = builder.reshape(call.part("columns"), square, (1, x.shape[0], places))
    before = (size - 1) // 2
    pool = Pool(name=call.part("mean"), inputs=(columns.name,), kind="average", kernel=(size, 1), stride=(1, 1),
                dilation=(1, 1), before=(before, 0), after=(size - 1 - before, 0), count_padding=True)  # fmt: skip
    mean = builder.reshape(call.part("image"), builder.emit(pool), x.shape)
    base = builder.affine(call.part("base"), mean, alpha, bias)
    return builder.product(call.name, x, builder.activation(call.part("factor"), base, "power", exponent=-beta))
