"""Cycles of a graph: which edges carry what was one step before, so that the rest has an order."""

from collections.abc import Callable, Mapping, Sequence

from neutrams.base.errors import SpecError

Edge = tuple[str, str]


def delayed_edges(
    edges: Sequence[Edge],
    starts: Sequence[str],
    given: Sequence[Edge],
    delays: Callable[[str], bool],
    passes: Callable[[str], bool] | None,
) -> tuple[Edge, ...]:
    """Return the edges to delay by a step.

    Those that are given; all edges into a node of a cycle that delays by itself; then, of the cycles left, the edges
    back to a node that a walk in depth from ``starts`` along ``edges`` is coming from. These move against the flow over
    nodes that only pass on what comes from cycles.

    Args:
        edges: From, to; their order settles what else is open.
        starts: Nodes to start from, in order.
        given: Edges that the user wants delayed.
        delays: Whether a node's output does not depend on its input of the same step.
        passes: Whether a delayed edge may move to the inputs of this node; None where edges stay where they are.

    Raises:
        SpecError: A given edge is not there.
    """
    missing = [edge for edge in given if edge not in edges]
    if missing:
        raise SpecError(
            f"there is no edge {missing[0][0]!r} -> {missing[0][1]!r}", where="NIR import, delayed", fix="name an edge"
        )
    found = dict.fromkeys(given)
    rest = [edge for edge in edges if edge not in found]
    waiting = {b for _, b in in_cycles(rest) if delays(b)}
    found |= dict.fromkeys(edge for edge in rest if edge[1] in waiting)
    rest = [edge for edge in rest if edge not in found]
    cyclic = in_cycles(rest)
    for edge in _back(rest, starts):
        found |= dict.fromkeys([edge] if passes is None else _earlier(edge, rest, cyclic, passes))
    return tuple(edge for edge in edges if edge in found)


def in_cycles(edges: Sequence[Edge]) -> set[Edge]:
    """Return the edges that lie on a cycle: both ends are in one strongly connected component (Kosaraju)."""
    ahead, behind = _neighbours(edges), _neighbours([(b, a) for a, b in edges])
    done: list[str] = []
    seen: set[str] = set()
    for name in dict.fromkeys(end for edge in edges for end in edge):
        done += [node for node, _ in _walk(name, ahead, seen)]
    component: dict[str, str] = {}
    seen = set()
    for name in reversed(done):
        component |= dict.fromkeys((node for node, _ in _walk(name, behind, seen)), name)
    return {(a, b) for a, b in edges if component[a] == component[b]}


def _neighbours(edges: Sequence[Edge]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for a, b in edges:
        found.setdefault(a, []).append(b)
    return found


def _walk(start: str, ahead: Mapping[str, list[str]], seen: set[str]) -> list[tuple[str, list[Edge]]]:
    """Return the nodes that a walk in depth finds, in the order it leaves them, with their edges back."""
    if start in seen:
        return []
    left: list[tuple[str, list[Edge]]] = []
    seen.add(start)
    path = {start: iter(ahead.get(start, ()))}
    back: dict[str, list[Edge]] = {start: []}
    while path:
        name = next(reversed(path))
        reached = next(path[name], None)
        if reached is None:
            left.append((name, back[name]))
            del path[name]
        elif reached in path:
            back[name].append((name, reached))
        elif reached not in seen:
            seen.add(reached)
            path[reached] = iter(ahead.get(reached, ()))
            back[reached] = []
    return left


def _back(edges: Sequence[Edge], starts: Sequence[str]) -> list[Edge]:
    ahead, seen = _neighbours(edges), set[str]()
    names = dict.fromkeys([*starts, *(end for edge in edges for end in edge)])
    return [edge for name in names for _, back in _walk(name, ahead, seen) for edge in back]


def _earlier(edge: Edge, edges: Sequence[Edge], cyclic: set[Edge], passes: Callable[[str], bool]) -> list[Edge]:
    """Return the edges to delay in place of ``edge``: moved to the inputs of nodes that only pass on, step by step."""
    moving, found, seen = [edge], list[Edge](), set[Edge]()
    while moving:
        at = moving.pop()
        if at in seen:
            continue
        seen.add(at)
        inputs = [e for e in edges if e[1] == at[0]]
        only = sum(e[0] == at[0] for e in edges) == 1
        if only and passes(at[0]) and inputs and all(e in cyclic for e in inputs) and edge not in inputs:
            moving += inputs
        else:
            found.append(at)
    return found or [edge]
