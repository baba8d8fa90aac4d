"""Export a float network as an ordinary ONNX model in float32."""

from pathlib import Path

import numpy as np

from neutrams.exporters.onnx_graph import Graph
from neutrams.exporters.onnx_nodes import SHARED, write
from neutrams.network import Network


def export_float_onnx(network: Network, path: Path) -> None:
    """Write the float network ``network`` as an ONNX file: Gemm, Relu and so on, batch axis free.

    Weights are rounded to float32; inputs and outputs keep their names.

    Raises:
        UnsupportedError: The network holds operators of a chip.
        InputError: The folder does not exist or cannot be written.
    """
    graph = Graph(network, np.float32)
    write(graph, SHARED, str(path))
    graph.save(path)
