"""An ONNX graph under construction, and the file it becomes."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, checker, helper, numpy_helper

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import UnsupportedError
from neutrams.base.files import write_atomically
from neutrams.network import Network
from neutrams.network.ops import Node
from neutrams.network.shapes import Shape

OPSET = 17
IR_VERSION = 8
LARGEST_BYTES = (1 << 31) - 1
BATCH = "N"


class Graph:
    """Collects ONNX nodes and initializers.

    Attributes:
        network: What is written; its nodes' names become tensor names.
        dtype: float32 or float64: the type all tensors have inside.
        tensors: The ONNX tensor of each network node.
    """

    def __init__(self, network: Network, dtype: type[np.float32] | type[np.float64]) -> None:
        self.network = network
        self.dtype = dtype
        self.onnx_type = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self.tensors = _names(network)
        self._taken = set(self.tensors.values()) | set(network.by_name)
        self._nodes: list[NodeProto] = []
        self._initializers: list[TensorProto] = []
        self._inputs: list[ValueInfoProto] = []

    def fresh(self, name: str) -> str:
        """Return and take a tensor name that nothing else bears."""
        candidates = (name if k == 0 else f"{name}.{k}" for k in count())
        found = next(candidate for candidate in candidates if candidate not in self._taken)
        self._taken.add(found)
        return found

    def add(self, op: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Append a node that gives the tensor ``name``; return that name."""
        self._nodes.append(helper.make_node(op, list(inputs), [name], name=f"{op}:{name}", **attributes))
        return name

    def inner(self, op: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Append a node between: its tensor is called ``name`` or, where that is taken, gets a number."""
        return self.add(op, inputs, self.fresh(name), **attributes)

    def constant(self, values: AnyArray | float, name: str, dtype: type[np.generic] | None = None) -> str:
        """Append an initializer, of the graph's type unless ``dtype`` says otherwise; return its tensor's name."""
        name = self.fresh(name)
        array = np.ascontiguousarray(np.asarray(values, dtype=dtype or self.dtype))
        self._initializers.append(numpy_helper.from_array(array.reshape(np.shape(values)), name))
        return name

    def per_channel(self, values: AnyArray, axes: int, name: str) -> str:
        """Append one number a channel ``[C]``, shaped to meet a tensor ``[N, C, ...]`` of ``axes`` more axes."""
        return self.constant(values.reshape(-1, *(1,) * axes), name)

    def whole(self, *numbers: int) -> str:
        """Append a vector of whole numbers: a shape, axes, widths."""
        return self.constant(np.array(numbers), "whole", np.int64)

    def aligned(self, node: Node, given: Sequence[str]) -> list[str]:
        """Append what gives the inputs of ``node`` one rank: new axes stand behind the batch axis."""
        shapes = [self.network.shapes[name] for name in node.inputs]
        rank = max(map(len, shapes))
        return [
            x if len(shape) == rank
            else self.inner("Reshape", [x, self.whole(-1, *(1,) * (rank - len(shape)), *shape)], f"{x}.aligned")
            for x, shape in zip(given, shapes, strict=True)
        ]  # fmt: skip

    def input(self, name: str, shape: Shape) -> None:
        """Declare a float32 input of the graph, batch axis first."""
        self._inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, *shape]))

    def save(self, path: Path) -> None:
        """Check the model against the ONNX specification and write it, whole or not at all.

        Raises:
            UnsupportedError: It is larger than an ONNX file can be.
        """
        model = self._model()
        if model.ByteSize() > LARGEST_BYTES:
            raise UnsupportedError(
                "the model is larger than the 2 GiB an ONNX file can hold",
                where=str(path),
                fix="export a smaller network",
            )
        checker.check_model(model, full_check=True)
        write_atomically(path, model.SerializeToString(deterministic=True))

    def _model(self) -> ModelProto:
        outputs = [
            helper.make_tensor_value_info(node.name, self.onnx_type, [BATCH, *self.network.shapes[node.name]])
            for node in self.network.outputs
        ]
        graph = helper.make_graph(self._nodes, "neutrams", self._inputs, outputs, self._initializers)
        return helper.make_model(
            graph, producer_name="neutrams", ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)]
        )


def _names(network: Network) -> dict[str, str]:
    """Return the tensor of each node; one that only an output reads bears the output's name at once."""
    names = {node.name: node.name for node in network.nodes}
    fixed = {node.name for node in (*network.inputs, *network.outputs)}
    for node in network.outputs:
        source = node.inputs[0]
        if source not in fixed and names[source] == source:
            names[source] = node.name
    return names
