"""Which tensors need one scale: what is added up where weights are coarse, and what meets in one channel."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import count

import torch

from neutrams.evaluate.moves import moved
from neutrams.network import Network, ops
from neutrams.transform.facts import ACCUMULATORS, MOVES, head_of, tail_of


def tied_tensors(source: Network) -> dict[str, tuple[str, ...]]:
    """Return, for each tensor that a sum on the chip takes with factor 1 or -1, all that it is tied with, itself too.

    Tensors are followed through data movement to what computes them; ties of ties hold.
    """
    tail = tail_of(source)
    groups = _Groups()
    for node in source.nodes:
        plain = isinstance(node, ops.Add) and len(node.inputs) > 1 and bool((abs(node.coefficients) == 1).all())
        if not plain or node.name in tail:
            continue
        terms = [term for name in node.inputs for term in _computed(source, name)]
        groups.join(terms)
    return groups.members()


def _computed(source: Network, name: str) -> list[str]:
    node = source.by_name[name]
    if isinstance(node, MOVES):
        return [term for i in node.inputs for term in _computed(source, i)]
    return [name]


def meeting_tensors(source: Network) -> dict[str, tuple[str, ...]]:
    """Return, for each tensor of whose channels some meet in one channel of a unit's input, all that meet with it.

    Data movement may fold, transpose or join what units give so that values of several channels stand in one, which
    one weight serves: they need one scale.
    """
    tail, head = tail_of(source), head_of(source)
    numbers = count()
    owners: list[str] = []
    labels: dict[str, torch.Tensor] = {}
    groups = _Groups()
    for node in source.nodes:
        if node.name in tail:
            continue
        if isinstance(node, ACCUMULATORS):
            for name in node.inputs:
                groups.join(dict.fromkeys(owners[k] for k in _mixed(labels[name])))
        if isinstance(node, MOVES) and node.name not in head:
            labels[node.name] = _moved_labels(node, labels)
            continue
        shape = source.shapes[node.name]
        channels = 1 if node.name in head or isinstance(node, ops.Constant) or not shape else shape[0]
        own = [next(numbers) for _ in range(channels)]
        owners += [node.name] * channels
        across = (-1, *(1,) * (len(shape) - 1)) if shape else ()
        labels[node.name] = torch.tensor(own).reshape(across).expand(shape)
    return groups.members()


class _Groups:
    """Names that belong together; what belongs with one of a group belongs with all."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def join(self, names: Iterable[str]) -> None:
        """Let ``names`` belong together."""
        names = list(names)
        for name in names:
            self._above[self._top(name)] = self._top(names[0])

    def members(self) -> dict[str, tuple[str, ...]]:
        """Return all names of its group for each name."""
        found: dict[str, list[str]] = {}
        for name in list(self._above):
            found.setdefault(self._top(name), []).append(name)
        return {name: tuple(group) for group in found.values() for name in group}

    def _top(self, name: str) -> str:
        while self._above.setdefault(name, name) != name:
            name = self._above[name]
        return name


def _moved_labels(node: ops.Node, labels: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return what ``node`` makes of the labels of its inputs; its border bears -1."""
    given = [labels[name][None].contiguous() for name in node.inputs]
    found = moved(replace(node, value=-1.0) if isinstance(node, ops.Pad) else node, given, [x.shape[:1] for x in given])
    assert found is not None, f"{node.op} is no data movement"
    return found[0]


def _mixed(labels: torch.Tensor) -> list[int]:
    """Return the labels that stand in one channel with others."""
    rows = labels.reshape(len(labels), -1)
    if rows.shape[1] == 0:
        return []
    high = rows.amax(1, keepdim=True)
    mixed = ((rows != high) & (rows >= 0)).any(1)
    return [int(k) for k in torch.unique(rows[mixed]) if k >= 0]
