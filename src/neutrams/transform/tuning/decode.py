"""The border off the chip: decoders, which add up the parts of what the host reads."""

from dataclasses import replace
from math import prod

import numpy as np
import torch

from neutrams.base.arrays import AnyArray
from neutrams.network import ops
from neutrams.network.shapes import Shape
from neutrams.transform.tuning.build import Build
from neutrams.transform.tuning.loss import mean_of_copies, record_layer
from neutrams.transform.tuning.unit import per_channel


def decode(build: Build, name: str, sources: tuple[str, ...], bias: AnyArray, target: torch.Tensor) -> None:
    """Append the decoder that gives tensor ``name`` from the neurons of ``sources``, which add up to it.

    Args:
        build: What is being built.
        name: Tensor of the source, ``[C, *size]``.
        sources: Core tensors ``[copies * C, *size]``, all of one scale a channel.
        bias: Added to their sum, ``[C]``.
        target: What the original gives, float32 ``[N, C, *size]``.
    """
    given = [build.signals[s] for s in sources]
    shape = build.source.shapes[name]
    channels, places = shape[0], prod(shape[1:])
    known = [pair for pair in (s.per_channel() for s in given) if pair is not None]
    scale = known[0][0][:channels]
    copies = len(known[0][0]) // channels
    assert all(len(s) == copies * channels and np.array_equal(s[:channels], scale) for s, _ in known)
    offset = bias + sum(zero[:channels] for _, zero in known)
    value = torch.stack([mean_of_copies(s.means, channels) for s in given]).sum(0)
    value = value * per_channel(scale, value) + per_channel(offset, value)
    gain, shift = build.fitter.decoded(value, target)
    element = np.tile(np.arange(channels * places), copies * len(sources))
    decoder = ops.Decode(
        name=f"{name} decoded" if name in build.signals else name, inputs=sources,
        coefficient=np.ones(len(element), dtype=np.int64), element=element,
        scale=np.repeat(gain * scale / copies / build.steps, places),
        offset=np.repeat(gain * offset + shift, places),
    )  # fmt: skip
    build.nodes += decoder_nodes(decoder, name, shape)
    build.renamed[name] = decoder.name
    record_layer(build, name, value * per_channel(gain, value) + per_channel(shift, value), target)


def decoder_nodes(decoder: ops.Decode, name: str, shape: Shape) -> list[ops.Node]:
    """Return the decoder, which reads and gives vectors, within the moves to and from tensors of ``shape``."""
    nodes: list[ops.Node] = []
    inputs = decoder.inputs
    if len(inputs) > 1:
        nodes.append(ops.Concat(name=f"{name} parts", inputs=inputs, axis=0))
        inputs = (f"{name} parts",)
    if len(shape) == 1:
        return [*nodes, replace(decoder, inputs=inputs)]
    row = ops.Reshape(name=f"{name} row", inputs=inputs, shape=decoder.element.shape)
    elements = replace(decoder, name=f"{name} elements", inputs=(row.name,))
    return [*nodes, row, elements, ops.Reshape(name=decoder.name, inputs=(elements.name,), shape=shape)]
