"""An ONNX graph, node by node, as nodes of a network; what cannot be imported is noted and the rest goes on."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, helper, numpy_helper

from neutrams.base.errors import FormatError, NeutramsError
from neutrams.importers.builder import Builder, Tensor, Value, refusal
from neutrams.importers.onnx_call import HANDLERS, Call
from neutrams.importers.onnx_file import MAIN_DOMAINS
from neutrams.importers.onnx_fold import RANDOM, SHAPES, fold
from neutrams.importers.onnx_input import RECURRENT, GraphInput
from neutrams.network import Output

MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError, RuntimeError)
REASONS = {
    **dict.fromkeys(("Loop", "Scan"), "loops are not supported"),
}
MOSTLY_CONSTANT = frozenset((
    "And", "ConstantOfShape", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Mod", "NonZero", "Not",
    "Or", "Range", "ReduceProd",
))  # fmt: skip


MOVES_BATCH = frozenset(
    ("Concat", "GRU", "Gather", "LSTM", "RNN", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze")
)
ELEMENTWISE = frozenset((
    "Abs", "Add", "Cast", "Clip", "Div", "Dropout", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish",
    "Identity", "LeakyRelu", "Mul", "Neg", "Relu", "Selu", "Sigmoid", "Softplus", "Sqrt", "Sub", "Tanh",
))  # fmt: skip
"""Operators that read tensors of one shape, and single constants, and give that shape: axes mean nothing to them."""


class Unknown:
    """What stands for a tensor that depends on something that cannot be imported."""


UNKNOWN = Unknown()
Known = Value | Unknown


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a node cannot be imported.

    Attributes:
        error: What to tell the user.
        label: The node, or tensor, for people.
        kind: What ``label`` names: node, input, output or tensor.
    """

    error: NeutramsError
    label: str
    kind: str = "node"


@dataclass(slots=True)
class Conversion:
    """The work on one model: nodes so far, and what stood in the way.

    Attributes:
        version: Of the main operator set.
        outputs: Names of the graph's outputs: an inner node must not bear them.
        read: Names of all tensors that something reads.
        builder: Where nodes go.
        problems: In order of the graph.
    """

    version: int
    outputs: frozenset[str]
    read: frozenset[str]
    builder: Builder
    problems: list[Problem] = field(default_factory=list)

    def note(self, error: NeutramsError, label: str, kind: str = "node") -> None:
        """Add a problem."""
        self.problems.append(Problem(error, label, kind))

    def refuse(self, what: str, node: NodeProto) -> None:
        """Note that a node cannot be imported."""
        self.note(refusal(what, f"node {label(node)!r}"), label(node))

    def convert(self, nodes: Iterable[NodeProto], values: dict[str, Known]) -> None:
        """Add what ``nodes`` give to ``values``."""
        for node in nodes:
            try:
                results = self._results(node, values)
            except NeutramsError as error:
                self.note(error, label(node))
                results = []
            except MALFORMED as error:
                self.note(
                    FormatError(
                        f"its graph is malformed at {node.op_type} ({error})", where=f"node {label(node)!r}",
                        fix="take an undamaged copy, or export the model again",
                    ),
                    label(node),
                )  # fmt: skip
                results = []
            values.update({name: UNKNOWN for name in node.output if name})
            values.update({name: result for name, result in zip(node.output, results, strict=False) if name})

    def _results(self, node: NodeProto, values: dict[str, Known]) -> Sequence[Known]:
        given = [values[name] if name else None for name in node.input]
        if node.domain not in MAIN_DOMAINS:
            self.refuse(f"{node.domain}.{node.op_type}", node)
            return []
        if node.op_type == "If":
            return self._branch(node, given[0], values)
        known = [value for value in given if not isinstance(value, Unknown)]
        constant = not any(isinstance(value, Tensor) for value in known)
        if constant and node.op_type in RECURRENT and not _plain_cell(node):
            self.refuse(f"{node.op_type} of constants only, with clip, lengths or functions of its own", node)
            return []
        if len(known) == len(given) and (node.op_type in SHAPES or (constant and _foldable(node))):
            return fold(node, known, self.version, label(node))
        if node.op_type not in HANDLERS and node.op_type not in SHAPES:
            if constant and node.op_type in MOSTLY_CONSTANT:
                return []  # what it reads is unknown, and likely to be constant
            self.refuse(": ".join((node.op_type, *filter(None, [REASONS.get(node.op_type)]))), node)
            return []
        computed = [i for i in _parameters(node) if i < len(given) and isinstance(given[i], Tensor)]
        if computed:
            self.refuse(f"{node.op_type} with a computed parameter ({node.input[computed[0]]})", node)
        return [] if computed or len(known) < len(given) else self._converted(node, known)

    def _converted(self, node: NodeProto, given: Sequence[Value | None]) -> Sequence[Known]:
        first = next(filter(None, node.output))
        inner = first not in self.outputs and first not in self.builder.shapes
        outputs = [i for i, name in enumerate(node.output) if name in self.read]
        call = Call(
            op=node.op_type,
            name=first if inner else self.builder.fresh(_inner_name(node)),
            label=label(node),
            opset=self.version,
            names=tuple(node.input),
            inputs=tuple(given),
            outputs=max(outputs, default=0) + 1,
            attributes={a.name: helper.get_attribute_value(a) for a in node.attribute},
            builder=self.builder,
        )
        result = _batched(call)
        results = result if isinstance(result, list) else [result]
        if call.outputs > len(results):
            self.refuse(f"{node.op_type} with a second output", node)
        return results

    def _branch(self, node: NodeProto, condition: Known | None, values: dict[str, Known]) -> Sequence[Known]:
        """Take the branch that a constant condition chooses; of another condition look through both."""
        branches = {a.name: a.g for a in node.attribute}
        if condition is None or isinstance(condition, Tensor | Unknown):
            if isinstance(condition, Tensor):
                self.refuse("If with a computed condition", node)
            for graph in branches.values():
                self._inside(graph, values)
            return []
        return self._inside(branches["then_branch" if condition.item() else "else_branch"], values)

    def _inside(self, graph: GraphProto, values: dict[str, Known]) -> Sequence[Known]:
        inner = {**values, **constants(graph)}
        self.convert(graph.node, inner)
        return [inner[output.name] for output in graph.output]


def _batched(call: Call) -> Value | list[Value]:
    """Convert a node. Of tensors whose batch is not the first axis only some operators are read."""
    batches = {x.batch for x in call.inputs if isinstance(x, Tensor)}
    if batches <= {0} or call.op in MOVES_BATCH:
        return HANDLERS[call.op].convert(call)
    shapes = {x.shape if isinstance(x, Tensor) else x.shape[: x.size != 1] for x in call.inputs if x is not None}
    alike = len(batches) == 1 and len(shapes - {()}) == 1
    if not alike or call.op not in ELEMENTWISE:
        raise call.refuse(f"reads a tensor whose batch is axis {max(batches)} instead of the first")
    result = HANDLERS[call.op].convert(call)
    assert isinstance(result, Tensor)
    return result.with_batch(max(batches))


def converted(model: ModelProto, version: int, inputs: Sequence[GraphInput]) -> Conversion:
    """Convert the whole graph; its inputs and outputs bear their own names."""
    graph = model.graph
    values: dict[str, Known] = {**constants(graph)}
    nodes = _needed(graph)
    outputs = frozenset(info.name for info in graph.output)
    read = frozenset(name for node in nodes for name in _read(node)) | outputs
    taken = [
        *values,
        *(given.name for given in inputs),
        *outputs,
        *(name for node in graph.node for name in node.output),
    ]
    work = Conversion(version, outputs, read, Builder(taken, {1, *(given.batch for given in inputs)}))
    if graph.sparse_initializer:
        name = graph.sparse_initializer[0].values.name
        work.note(refusal("sparse initializers", f"tensor {name!r}"), name, "tensor")
    for given in inputs:
        values[given.name] = UNKNOWN
        if isinstance(given.node, NeutramsError):
            if given.name in read:
                work.note(given.node, given.name, "input")
        else:
            values[given.name] = work.builder.emit(given.node, given.integer).with_batch(given.axis)
    work.convert(nodes, values)
    for info in graph.output:
        _give_out(work, info.name, values[info.name])
    return work


def _give_out(work: Conversion, name: str, value: Known) -> None:
    if isinstance(value, Unknown):
        return
    try:
        tensor = work.builder.tensor(value, f"{name}.value")
    except NeutramsError as error:
        work.note(error, name, "output")
        return
    free = name not in work.builder.shapes
    work.builder.emit(Output(name=name if free else work.builder.fresh(f"{name}.out"), inputs=(tensor.name,)))


def constants(graph: GraphProto) -> dict[str, Value]:
    """Return the initializers by name."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def label(node: NodeProto) -> str:
    """Return the name of an ONNX node, or that of its first output where it has none."""
    return node.name or next(iter(node.output), "?")


def nodes_of(graph: GraphProto) -> Iterator[NodeProto]:
    """Yield every node of a graph and of the graphs inside it."""
    for node in graph.node:
        yield node
        for inner in _graphs(node):
            yield from nodes_of(inner)


def _graphs(node: NodeProto) -> list[GraphProto]:
    found = [a.g for a in node.attribute if a.type == AttributeProto.GRAPH]
    return found + [g for a in node.attribute if a.type == AttributeProto.GRAPHS for g in a.graphs]


def _read(node: NodeProto) -> Iterator[str]:
    """Yield the names a node reads; a graph inside it may read names from outside."""
    yield from node.input
    for graph in _graphs(node):
        yield from (name for inner in nodes_of(graph) for name in inner.input)
        yield from (output.name for inner in (graph, *_inner(graph)) for output in inner.output)


def _inner(graph: GraphProto) -> Iterator[GraphProto]:
    for node in graph.node:
        for inner in _graphs(node):
            yield inner
            yield from _inner(inner)


def _needed(graph: GraphProto) -> list[NodeProto]:
    """Return the nodes an output depends on, in order."""
    names = {output.name for output in graph.output}
    found = []
    for node in reversed(graph.node):
        if names.intersection(filter(None, node.output)):
            found.append(node)
            names.update(_read(node))
    return found[::-1]


def _parameters(node: NodeProto) -> tuple[int, ...]:
    """Return the inputs that must be constant."""
    return HANDLERS[node.op_type].constants if node.op_type in HANDLERS else ()


def _foldable(node: NodeProto) -> bool:
    """Whether a node of constants gives the same constants every time."""
    return node.op_type not in RANDOM and not _graphs(node)


def _plain_cell(node: NodeProto) -> bool:
    """Whether a recurrent operator is one that onnx's own evaluator, which folds constants, computes as it should."""
    plain = {"hidden_size", "direction", "linear_before_reset", "layout"}
    return not any(node.input[4:5]) and all(attribute.name in plain for attribute in node.attribute)


def _inner_name(node: NodeProto) -> str:
    """Return a name for the node behind a graph output: that name is the Output's."""
    return node.name if node.name and node.name != node.output[0] else f"{node.output[0]}.pre"
