"""Import a PyTorch module, traced by `torch.export`, as a float network."""

import warnings
from typing import Any, cast

import numpy as np
import torch
from torch.export import ExportedProgram, export
from torch.fx import Node as FxNode
from torch.fx.node import map_arg

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import InputError, UnsupportedError
from neutrams.importers import torch_functions, torch_moves, torch_ops, torch_recurrent, torch_windows
from neutrams.importers.builder import Builder, Tensor, Value, refusal
from neutrams.importers.torch_call import HANDLERS, Call
from neutrams.network import Input, Network, Output

WHERE = "from_torch"
GETITEM = "getitem"  # takes one result out of several
IGNORED = frozenset({"_assert_tensor_metadata", "_assert_scalar", "_assert_async"})
# importing them fills the table of handlers
HANDLER_MODULES = (torch_functions, torch_moves, torch_ops, torch_recurrent, torch_windows)
Values = dict[FxNode, Value | list[Value]]


def from_torch(module: torch.nn.Module, example: torch.Tensor | tuple[torch.Tensor, ...]) -> Network:
    """Return the network that ``module`` computes in evaluation mode; the module itself is not changed.

    Inputs bear the names of ``forward``'s arguments, nodes those of the submodules they come from. The first axis of
    every tensor is the batch axis and is dropped. Weights become float64.

    Args:
        module: Any module that `torch.export` can trace.
        example: Its input, or a tuple of its inputs, batch axis first; only shapes and types matter.

    Raises:
        InputError: A weight is not finite, or the example has no batch axis.
        UnsupportedError: Operators cannot be imported; the message lists all of them.
    """
    inputs = example if isinstance(example, tuple) else (example,)
    if any(x.ndim < 1 for x in inputs):
        raise InputError("an input has no batch axis", where=WHERE, fix="give an example of shape [N, ...]")
    program = _traced(module, inputs)
    constants = _constants(program)
    _survey(program, set(constants))
    return _converted(program, constants, {1, inputs[0].shape[0]})


def _converted(program: ExportedProgram, constants: dict[FxNode, AnyArray], batches: set[int]) -> Network:
    values: Values = {**constants}
    inputs = [node for node in program.graph.nodes if node.op == "placeholder" and node not in constants]
    results = [
        node for name in program.graph_signature.user_outputs for node in program.graph.nodes if node.name == name
    ]
    builder = Builder((node.name for node in inputs), batches)
    names = [builder.fresh("output" if len(results) == 1 else f"output_{i}") for i in range(len(results))]
    for node in inputs:
        example = node.meta["val"]
        shape, integer = tuple(example.shape[1:]), not example.dtype.is_floating_point
        values[node] = builder.emit(Input(name=node.name, shape=shape), integer)
    for node in program.graph.nodes:
        if node.op == "call_function" and _operator(node) not in IGNORED:
            values[node] = _value(node, values, builder)
    for name, node in zip(names, results, strict=True):
        value = values[node]
        assert not isinstance(value, list)
        tensor = builder.tensor(value, f"{name}.value")
        builder.emit(Output(name=name, inputs=(tensor.name,)))
    return builder.network()


def _traced(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> ExportedProgram:
    modes = {part: part.training for part in module.modules()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program: ExportedProgram = export(module.eval(), inputs, strict=False).run_decompositions({})
            return program
    except Exception as error:  # whatever the user's own forward() raises, too
        raise UnsupportedError(
            f"torch.export cannot trace this module ({type(error).__name__}: {str(error).strip()[:300]})",
            where=f"{WHERE}, {type(module).__name__}",
            fix="check that module(example) runs, and that forward() does not branch on values",
        ) from error
    finally:
        for part, training in modes.items():
            part.training = training


def _constants(program: ExportedProgram) -> dict[FxNode, AnyArray]:
    """Return the values of parameters, buffers and lifted constants, each under its placeholder."""
    signature = program.graph_signature
    names = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    stored = {**program.constants, **program.state_dict}
    placeholders = [node for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    return {node: _array(stored[names[node.name]]) for node in placeholders}


def _array(tensor: torch.Tensor) -> AnyArray:
    array: AnyArray = (tensor.double() if tensor.is_floating_point() else tensor).detach().cpu().numpy()
    return array


def _survey(program: ExportedProgram, constant: set[FxNode]) -> None:
    """Refuse a program with operators that cannot be imported, all in one message."""
    found: dict[str, list[str]] = {}
    for node in program.graph.nodes:
        if node.op != "call_function" or _operator(node) in IGNORED | {GETITEM}:
            continue
        if _foldable(node, constant):
            constant.add(node)
        elif _operator(node) not in HANDLERS:
            found.setdefault(_operator(node), []).append(_label(node))
        elif any(_depends(_arguments(node).get(key), constant) for key in HANDLERS[_operator(node)].constants):
            found.setdefault(f"{_operator(node)} with a computed parameter", []).append(_label(node))
    if found:
        listed = "; ".join(f"{op} (at {', '.join(map(repr, names))})" for op, names in sorted(found.items()))
        raise UnsupportedError(
            f"{len(found)} operator(s) cannot be imported: {listed}",
            where=WHERE,
            fix="rebuild these parts of the module from layers that can be imported",
        )


def _operator(node: FxNode) -> str:
    """Return the name of a node's operator without its namespace and overload."""
    if isinstance(node.target, torch._ops.OpOverload):
        return node.target._schema.name.removeprefix("aten::")
    return getattr(node.target, "__name__", str(node.target))


def _label(node: FxNode) -> str:
    """Return the submodule a node comes from, or the trace's own name for it."""
    path = [path for path, _ in node.meta.get("nn_module_stack", {}).values()]
    return str(path[-1]) if path and path[-1] else node.name


def _foldable(node: FxNode, constant: set[FxNode]) -> bool:
    """Whether a node gives one tensor, reads constants only, and gives the same every time."""
    random = torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
    single = isinstance(node.meta.get("val"), torch.Tensor)
    return single and not random and constant.issuperset(node.all_input_nodes)


def _depends(argument: object, constant: set[FxNode]) -> bool:
    return isinstance(argument, FxNode) and argument not in constant


def _arguments(node: FxNode) -> dict[str, Any]:
    """Return the arguments of a node by name, defaults included."""
    if not isinstance(node.target, torch._ops.OpOverload):
        return {}
    schema = node.target._schema.arguments
    given = {a.name: a.default_value for a in schema if a.has_default_value()}
    return {**given, **{a.name: value for a, value in zip(schema, node.args, strict=False)}, **node.kwargs}


def _value(node: FxNode, values: Values, builder: Builder) -> Value | list[Value]:
    """Return what a node gives: a folded constant, or the tensors of new network nodes."""
    if _operator(node) == GETITEM and isinstance(node.args[0], FxNode):
        return _chosen(values[node.args[0]], node)
    if all(isinstance(values[given], np.ndarray) for given in node.all_input_nodes):
        tensors = {given: torch.from_numpy(np.array(values[given])) for given in node.all_input_nodes}
        args, kwargs = map_arg((node.args, node.kwargs), tensors.__getitem__)
        assert callable(node.target)
        folded = node.target(*args, **kwargs)
        return [_array(x) for x in folded] if isinstance(folded, tuple | list) else _array(folded)
    arguments = map_arg(_arguments(node), cast(Any, values.__getitem__))
    name = builder.fresh(_label(node), node.name)
    result = node.meta["val"]
    shape = tuple((result[0] if isinstance(result, tuple | list) else result).shape)
    call = Call(op=_operator(node), name=name, arguments=arguments, shape=shape, builder=builder)
    flat = [x for value in arguments.values() for x in (value if isinstance(value, list | tuple) else [value])]
    moved = [x for x in flat if isinstance(x, Tensor) and x.batch]
    if moved and call.op != "select":
        raise call.refuse("reads final states of all layers; pick one of them first, as states[-1] does")
    return HANDLERS[call.op].convert(call)


def _chosen(results: Value | list[Value], node: FxNode) -> Value:
    """Return one of several results."""
    several = results if isinstance(results, list) else [results]
    at = node.args[1]
    if not isinstance(at, int) or at >= len(several):
        raise refusal(f"its result {at} cannot be imported", f"node {_label(node)!r}")
    return several[at]
