"""How the parts a pass makes of a tensor are named: ``fc1`` → ``fc1 [2/4]`` → ``fc1 [2/4 +]``."""

from dataclasses import replace

from neutrams.network import Network, ops


def plain_names(network: Network) -> Network:
    """Return the network without blanks in the names of inner nodes: names that passes make have them, so none meet."""
    names: dict[str, str] = {}
    for node in network.nodes:
        plain = node.name if isinstance(node, ops.Input | ops.Output) else "_".join(node.name.split())
        while plain in names.values():
            plain += "_"
        names[node.name] = plain
    nodes = [replace(n, name=names[n.name], inputs=tuple(names[i] for i in n.inputs)) for n in network.nodes]
    nodes = [replace(n, state=names[n.state]) if isinstance(n, ops.Update) else n for n in nodes]
    return Network(tuple(nodes), network.steps)


def part_name(name: str, part: str) -> str:
    """Name part ``part`` of the tensor ``name``; a part of a part joins the labels."""
    origin, given = origin_of(name)
    return f"{origin} [{f'{given} {part}' if given else part}]"


def origin_of(name: str) -> tuple[str, str]:
    """Return (tensor of the source network, part), undoing :func:`part_name`."""
    if name.endswith("]") and " [" in name:
        origin, _, part = name[:-1].rpartition(" [")
        return origin, part
    return name, ""
