"""How much the network's answer depends on each sum: what errors of few-bit weights are weighed by."""

from collections.abc import Mapping
from math import prod

import torch

from neutrams.base.arrays import AnyArray
from neutrams.evaluate import float_values, stream_values
from neutrams.network import Network, ops
from neutrams.transform.facts import tail_of
from neutrams.transform.tuning.steps import steps_of

DRAWS = 4
"""Answers drawn for each sample."""

CHUNK = 256
"""Samples differentiated at once."""

MOST_VALUES = 1 << 28
"""Networks with more sums than this, over all samples, are not looked at."""


def sensitivities(source: Network, inputs: Mapping[str, AnyArray], seed: int) -> dict[str, torch.Tensor]:
    """Return the mean square of d log p(y) / d z for each sum z of a Linear or Conv, float32 ``[N, C, *size]``.

    The answer y is drawn from the network's own softmax, so no labels are used: this is the diagonal of the Fisher
    information. Empty for networks with loops, whose first output is no vector of classes, or that are too large.

    References:
        Theis et al. (2018), Fisher information for compression. arXiv:1801.05787
    """
    tail = tail_of(source)
    sums = [n.name for n in source.nodes if isinstance(n, ops.Linear | ops.Conv) and n.name not in tail]
    output = _answer(source)
    n = len(next(iter(inputs.values())))
    wanted = n * sum(prod(source.shapes[name]) for name in sums)
    shape = source.shapes[output]
    if steps_of(source):
        return {}
    if prod(shape) < 2 or max(shape) < prod(shape) or wanted > MOST_VALUES or output in tail:
        return {}
    draw = torch.Generator().manual_seed(seed)
    parts: dict[str, list[torch.Tensor]] = {name: [] for name in sums}
    for start in range(0, n, CHUNK):
        piece = {name: array[start : start + CHUNK] for name, array in inputs.items()}
        for name, squared in _squared(source, piece, (sums, output), draw).items():
            parts[name].append(squared)
    return {name: torch.cat(found) for name, found in parts.items()}


def _answer(source: Network) -> str:
    """Return the tensor of logits: what the first output is a softmax, the largest entry or another shape of."""
    node = source.by_name[source.outputs[0].inputs[0]]
    while isinstance(node, ops.Reshape) or (isinstance(node, ops.Host) and node.function in ("softmax", "argmax")):
        node = source.by_name[node.inputs[0]]
    return node.name


def _squared(
    source: Network, inputs: Mapping[str, AnyArray], names: tuple[list[str], str], draw: torch.Generator
) -> dict[str, torch.Tensor]:
    sums, output = names
    values = float_values(source, inputs, _leaves(source, inputs))
    logits = values[output].flatten(1)
    sums = [name for name in sums if values[name].requires_grad]
    found = {name: torch.zeros_like(values[name]) for name in names[0]}
    for k in range(DRAWS if sums and logits.requires_grad else 0):
        chosen = torch.multinomial(torch.softmax(logits.detach(), -1), 1, generator=draw)
        likelihood = torch.log_softmax(logits, -1).gather(1, chosen).sum()
        slopes = torch.autograd.grad(
            likelihood, [values[name] for name in sums], retain_graph=k < DRAWS - 1, allow_unused=True
        )
        for name, slope in zip(sums, slopes, strict=True):
            if slope is not None:
                found[name] += slope.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).square() / DRAWS
    return {name: x.detach() for name, x in found.items()}


def _leaves(source: Network, inputs: Mapping[str, AnyArray]) -> dict[str, torch.Tensor]:
    """Return the tensors from which slopes are followed: inputs, and what they look up, which has no slope by them."""
    found: dict[str, torch.Tensor] = {}
    starts = [n for n in source.nodes if isinstance(n, ops.Input) or getattr(n, "function", "") == "one_hot"]
    for node, value in stream_values(source, inputs):
        if node in starts:
            found[node.name] = value.requires_grad_()
        if len(found) == len(starts):
            break
    return found
