"""Which tensors are added up: where weights are coarse they need one scale, or their sum would distort them."""

from neutrams.network import Network, ops
from neutrams.transform.facts import MOVES, tail_of


def tied_tensors(source: Network) -> dict[str, tuple[str, ...]]:
    """Return, for each tensor that a sum on the chip takes with factor 1 or -1, all that it is tied with, itself too.

    Tensors are followed through data movement to what computes them; ties of ties hold.
    """
    tail = tail_of(source)
    group: dict[str, str] = {}

    def root(name: str) -> str:
        while group.setdefault(name, name) != name:
            name = group[name]
        return name

    for node in source.nodes:
        plain = isinstance(node, ops.Add) and len(node.inputs) > 1 and bool((abs(node.coefficients) == 1).all())
        if not plain or node.name in tail:
            continue
        terms = [term for name in node.inputs for term in _computed(source, name)]
        for term in terms[1:]:
            group[root(term)] = root(terms[0])
    members: dict[str, list[str]] = {}
    for name in list(group):
        members.setdefault(root(name), []).append(name)
    return {name: tuple(found) for found in members.values() for name in found}


def _computed(source: Network, name: str) -> list[str]:
    node = source.by_name[name]
    if isinstance(node, MOVES):
        return [term for i in node.inputs for term in _computed(source, i)]
    return [name]
