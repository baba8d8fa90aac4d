"""The border off the chip: decoders, which add up the parts of what the host reads, and the ledger's row for it."""

import numpy as np
import torch

from neutrams.base.arrays import AnyArray
from neutrams.evaluate import float_values
from neutrams.network import ops
from neutrams.transform.facts import ACCUMULATORS
from neutrams.transform.names import origin_of
from neutrams.transform.tuning.build import Build
from neutrams.transform.tuning.loss import layer_row


def decodes_parts(build: Build, node: ops.Node, tail: frozenset[str]) -> bool:
    """Whether the decoder itself adds up the partial sums that ``node`` would."""
    return (
        isinstance(node, ops.Add)
        and all(r.name in tail for r in build.source.consumers[node.name])
        and bool((node.coefficients == 1).all())
        and all(origin_of(name)[1] != "" and build.source.consumers[name] == (node,) for name in node.inputs)
        and all(isinstance(build.source.by_name[name], ACCUMULATORS) for name in node.inputs)
    )


def decode(build: Build, name: str, sources: tuple[str, ...], bias: AnyArray) -> None:
    """Append the decoder that gives tensor ``name`` from the neurons of ``sources``, which add up to it."""
    given = [build.signals[s] for s in sources]
    n = len(bias)
    copies = len(given[0].scale) // n
    full = given[0].scale[:n]
    assert all(len(s.scale) == copies * n and np.array_equal(s.scale[:n], full) for s in given)
    offset = bias + sum(s.zero[:n] for s in given)
    total = torch.stack([s.means.reshape(-1, copies, n).mean(1) for s in given]).sum(0)
    value = total * torch.from_numpy(full).float() + torch.from_numpy(offset).float()
    gain, shift = build.fitter.decoded(value, build.values[name])
    inputs = sources
    if len(sources) > 1:
        build.nodes.append(ops.Concat(name=f"{name} parts", inputs=sources))
        inputs = (f"{name} parts",)
    node_name = f"{name} decoded" if name in build.signals else name
    element = np.tile(np.arange(n), copies * len(sources))
    build.nodes.append(
        ops.Decode(
            name=node_name, inputs=inputs, coefficient=np.ones(len(element), dtype=np.int64), element=element,
            scale=gain * full / copies / build.steps, offset=gain * offset + shift,
        )
    )  # fmt: skip
    build.renamed[name] = node_name
    record_layer(build, name, value * torch.from_numpy(gain).float() + torch.from_numpy(shift).float())


def record_layer(build: Build, name: str, value: torch.Tensor) -> None:
    """Write the ledger's row for a finished layer: what the network would give with the rest of it in float."""
    outputs = [node.name for node in build.source.outputs]
    continued = float_values(build.source, build.inputs, {name: value})
    now, was = continued[outputs[0]], build.values[outputs[0]]
    node = build.source.by_name[name]
    layer = node.inputs[0] if isinstance(node, ops.Activation) else name
    build.ledger.append(layer_row(layer, name, value, build.values[name], (now, was, build.labels)))
