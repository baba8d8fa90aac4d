"""Inspect: what a model holds, and what of it a chip runs and how."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

from neutrams.base.errors import UnsupportedError
from neutrams.hardware import Chip
from neutrams.importers import describe
from neutrams.network import Network, ops
from neutrams.transform.canonicalize import canonicalize
from neutrams.transform.cost import macs_of
from neutrams.transform.facts import head_of, tail_of
from neutrams.transform.how import COMPUTING, how_nodes_run
from neutrams.transform.lower import unsupported
from neutrams.transform.magnitudes import nodes_of_magnitudes
from neutrams.transform.room import inputs_of_a_core
from neutrams.transform.stepwise import stepwise
from neutrams.transform.tuning.spiking.models import spiking_model


def inspect_model(
    path: Path | str,
    chip: Chip | None = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    **options: object,
) -> dict[str, object]:
    """Return what the model file ``path`` holds, whether or not it can be imported; operators in the file's own words.

    Returns:
        As `inspect_network`; where the file cannot be imported, ``unsupported`` says why and all but ``operators`` is
        None.

    Raises:
        InputError: The file is missing or unreadable, or its suffix is unknown.
        FormatError: It is damaged, or not of the kind its suffix claims.
    """
    survey = describe(path, input_shapes, **options)
    keys = ("parameters", "macs", "layers", "placement")
    found: dict[str, object] = dict.fromkeys(keys) | {"unsupported": list(survey.unsupported)}
    if survey.network is not None:
        found = inspect_network(survey.network, chip)
    return {**found, "operators": dict(survey.operators)}


def inspect_network(network: Network, chip: Chip | None = None) -> dict[str, object]:
    """Return what ``network`` holds, and with ``chip`` how each operator gets there.

    Returns:
        ``operators`` (name → count), ``parameters``, ``macs`` (per sample), ``unsupported`` (operator and node names),
        ``layers`` (name, operator, shape, parameters and MACs of each node that computes), ``placement`` (node name →
        native, construction, table, approximator, host or unsupported, with the reason).
    """
    canonical = canonicalize(stepwise(canonicalize(network)))
    macs = macs_of(network)
    return {
        "operators": dict(sorted(Counter(_title(node) for node in network.nodes).items())),
        "parameters": sum(_parameters(node) for node in network.nodes),
        "macs": sum(macs.values()),
        "unsupported": unsupported(canonical),
        "layers": [_layer(network, node, macs.get(node.name, 0)) for node in _computing(network)],
        "placement": None if chip is None else _placement(network, canonical, chip),
    }


def _title(node: ops.Node) -> str:
    return f"{node.op}.{node.function}" if isinstance(node, ops.Activation | ops.Host) else node.op


def _computing(network: Network) -> list[ops.Node]:
    return [node for node in network.nodes if isinstance(node, (*COMPUTING, ops.Host))]


def _layer(network: Network, node: ops.Node, macs: int) -> dict[str, object]:
    return {
        "name": node.name,
        "operator": node.function if isinstance(node, ops.Activation | ops.Host) else node.op,
        "shape": list(network.shapes[node.name]),
        "parameters": _parameters(node),
        "macs": macs,
    }


def _parameters(node: ops.Node) -> int:
    """Count what a layer has learned; a gain of one and a bias of zero stand for none."""
    if isinstance(node, ops.Linear | ops.Conv):
        return int(node.weights.size + (node.bias.size if node.bias.any() else 0))
    if isinstance(node, ops.Add):
        scaled, shifted = bool((node.coefficients != 1).any()), bool(node.bias.any())
        return int(scaled * node.coefficients.size + shifted * node.bias.size)
    return int(node.values.size) if isinstance(node, ops.Constant) else 0


def _placement(network: Network, canonical: Network, chip: Chip) -> dict[str, str]:
    """Say of each computing node how it runs and why; what canonicalisation folds away runs with its neighbours."""
    refused = " ".join(unsupported(canonical))
    how = how_nodes_run(canonical, chip)
    lengths = nodes_of_magnitudes(canonical)
    found = {node.name: _spiking_placement(node, chip) for node in network.nodes if isinstance(node, ops.Spiking)}
    for node in _computing(network):
        twin = canonical.by_name.get(node.name)
        if f"'{node.name}'" in refused:
            found[node.name] = "unsupported"
        elif how.get(node.name) == "host":
            found[node.name] = f"host: {_why_on_host(canonical, canonical.by_name[node.name])}"
        elif node.name in lengths:
            found[node.name] = "approximator: a length of two elements, from projections"
        elif isinstance(node, ops.Linear | ops.Conv | ops.Pool):
            found[node.name] = _sum_placement(node, chip)
        elif twin is None or twin.op != node.op:
            found[node.name] = "native: folded into its neighbours"
        else:
            found[node.name] = _function_placement(node, how[node.name])
    return found


def _spiking_placement(node: ops.Spiking, chip: Chip) -> str:
    if node.model == "Delay":
        return "construction: from neurons that repeat spikes a step late"
    try:
        return f"native: {spiking_model([node], chip, remembers=False).name}"
    except UnsupportedError as error:
        return f"unsupported: {error.what}"


def _why_on_host(network: Network, node: ops.Node) -> str:
    if isinstance(node, ops.Host):
        return f"no core does {node.function}"
    if node.name in head_of(network):
        return "prepares inputs"
    tail = tail_of(network)
    above = [network.by_name[name] for name in node.inputs if name in tail]
    return f"follows {above[0].name!r}, which is there" if above else "only outputs need it"


def _sum_placement(node: ops.Node, chip: Chip) -> str:
    fan_in, reason = 0, ""
    if isinstance(node, ops.Linear | ops.Conv):
        fan_in = prod(node.weights.shape[1:])
    elif isinstance(node, ops.Pool):
        fan_in = prod(node.kernel) if node.kind == "average" else 0
        reason = "a convolution of equal weights" if fan_in else "from ReLU"
    free = inputs_of_a_core(chip)
    if fan_in > free:
        reason += f"{', ' if reason else ''}split, fan-in {fan_in:,} > {free:,}"
    return f"construction: {reason}" if reason else "native"


def _function_placement(node: ops.Node, how: str) -> str:
    name = node.function if isinstance(node, ops.Activation) else node.op
    product = isinstance(node, ops.Mul)
    reasons = {
        "construction": "from ReLU",
        "table": "the square" if product else f"{name} looked up by the neuron",
        "approximator": "a product, from squares" if product else f"no {name} on this chip",
    }
    return f"{how}: {reasons[how]}" if how in reasons else how
