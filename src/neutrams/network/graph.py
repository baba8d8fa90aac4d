"""A network: nodes in an order in which every node comes after those it reads."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from neutrams.network.loops import Loop, in_order
from neutrams.network.ops import Input, Node, Output, Update
from neutrams.network.shapes import Shape, infer_shapes
from neutrams.network.verify import verify_structure


@dataclass(frozen=True)
class Network:
    """An immutable dataflow graph.

    Attributes:
        nodes: Every node once, topologically ordered.
        steps: T, how many steps a sample takes on a chip; 1 for a float or ANN-mode network.

    Raises:
        InputError: A name is doubled or unknown, the order is wrong, or shapes do not fit.
    """

    nodes: tuple[Node, ...]
    steps: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        verify_structure(self.nodes)
        _ = self.shapes, self.order

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """Each node under its name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Per-sample shape of the tensor each node gives."""
        return infer_shapes(self.nodes)

    @cached_property
    def consumers(self) -> dict[str, tuple[Node, ...]]:
        """The nodes that read each node, in order."""
        readers: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                readers[name].append(node)
        return {name: tuple(found) for name, found in readers.items()}

    @cached_property
    def order(self) -> tuple[Node | Loop, ...]:
        """The nodes in an order in which they can be computed, those of a loop together."""
        return in_order(self.nodes, self.shapes)

    @cached_property
    def loop_steps(self) -> dict[str, int]:
        """How many steps each node of a loop has, by its name; the others are in none."""
        return {node.name: item.steps for item in self.order if isinstance(item, Loop) for node in item.nodes}

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The input nodes, in order."""
        return tuple(node for node in self.nodes if isinstance(node, Input))

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The output nodes, in order."""
        return tuple(node for node in self.nodes if isinstance(node, Output))

    def map(self, change: Callable[[Node], Node | Iterable[Node]]) -> "Network":
        """Return the network with each node replaced by what ``change`` gives for it (none, one or several)."""
        nodes: list[Node] = []
        for node in self.nodes:
            changed = change(node)
            nodes.extend([changed] if isinstance(changed, Node) else changed)
        return Network(tuple(nodes), self.steps)

    def pruned(self) -> "Network":
        """Return the network without the nodes no output depends on; inputs stay."""
        needed: set[str] = set()
        found = -1
        while found < len(needed):  # what updates a state may need another state
            found = len(needed)
            for node in reversed(self.nodes):
                wanted = isinstance(node, Output | Input) or (isinstance(node, Update) and node.state in needed)
                if wanted or node.name in needed:
                    needed.update((node.name, *node.inputs))
        return Network(tuple(n for n in self.nodes if n.name in needed), self.steps)
