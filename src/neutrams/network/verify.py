"""Checks of a network: names, order, finite values."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from neutrams.base.arrays import check_finite
from neutrams.base.errors import InputError
from neutrams.network import ops


def verify_structure(nodes: Sequence[ops.Node]) -> None:
    """Refuse doubled names, reads of unknown or later nodes, and networks without an input or output.

    Raises:
        InputError: One of these holds.
    """
    seen: set[str] = set()
    for node in nodes:
        missing = [name for name in node.inputs if name not in seen]
        if missing:
            raise InputError(
                f"it reads {missing[0]!r}, which no earlier node gives",
                where=f"node {node.name!r}",
                fix="give nodes in topological order, each input by the name of an earlier node",
            )
        if node.name in seen:
            raise InputError(
                "this name is given twice", where=f"node {node.name!r}", fix="give every node a name of its own"
            )
        seen.add(node.name)
    kinds = {type(node) for node in nodes}
    if not {ops.Input, ops.Output} <= kinds:
        raise InputError(
            "a network needs at least one Input and one Output", where="network", fix="add the missing end"
        )


def verify_values(nodes: Sequence[ops.Node]) -> None:
    """Refuse NaN and infinity in any array of any node.

    Raises:
        InputError: A value is not finite; names the node and field.
    """
    for node in nodes:
        for f in fields(node):
            value = getattr(node, f.name)
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                check_finite(value, f"{f.name} of node {node.name!r}")
