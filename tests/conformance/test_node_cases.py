"""The ONNX standard's own node tests, of every operator we claim, through importer and reference interpreter.

A case applies if its one operator is claimed and its tensors are of float32 or float64 (integers, where the operator
is made for them). Inputs that the importer wants constant are constant; operators of several inputs run once more with
all but the first constant. What does not run is listed, with the reason, in ``skipped.txt``.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx.backend.test.loader import load_model_tests
from onnx.numpy_helper import to_array

from conformance.lift import Case, lifted, model_of
from neutrams.base.arrays import AnyArray
from neutrams.base.errors import UnsupportedError
from neutrams.importers import load
from neutrams.importers.onnx import HANDLERS
from neutrams.network import Network
from neutrams.reference import run

SKIPPED = Path(__file__).parent / "skipped.txt"
INTEGER_INPUTS = frozenset(
    ("ConvInteger", "DequantizeLinear", "MatMulInteger", "OneHot", "Pad", "QLinearConv", "QLinearMatMul")
)
EXACT = (np.float32, np.float64)
FIRST_OUTPUT = frozenset(
    ("Dropout", "LayerNormalization", "MaxPool")
)  # the others, which may be left out, are not claimed
UNROUNDED = {"QuantizeLinear": 0.5, "QLinearConv": 0.5, "QLinearMatMul": 0.5}  # LSB: the importer drops the rounding
BATCH_AXES = {"RNN": (2, 1), "GRU": (2, 1), "LSTM": (2, 1, 1)}
"""Where the outputs of operators have their batch; in inputs it is the second axis."""
UNTESTED = frozenset(("GlobalLpPool",))  # the standard has no case; see tests/importers/test_import_operators.py


def cases() -> Iterator[tuple[str, Case]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the suite's own overflows
        found = load_model_tests(kind="node")
    for test in found:
        graph = test.model.graph
        versions = [o.version for o in test.model.opset_import if o.domain == ""]
        if len(graph.node) != 1 or graph.node[0].op_type not in HANDLERS or graph.node[0].domain or not versions:
            continue
        node, (inputs, outputs) = graph.node[0], test.data_sets[0]
        if node.op_type in FIRST_OUTPUT:
            del node.output[1:]
        given = iter(inputs)
        arrays = tuple(as_array(next(given)) if name else None for name in node.input)
        yield test.name, Case(node, arrays, tuple(as_array(y) for y in outputs[: len(node.output)]), versions[0])


def as_array(x: object) -> AnyArray:
    return to_array(x) if isinstance(x, onnx.TensorProto) else np.asarray(x)


def variants(case: Case) -> Iterator[frozenset[int]]:
    """Which inputs are constant: those the importer asks for, and once more all but the first."""
    asked = frozenset(HANDLERS[case.node.op_type].constants)
    rest = frozenset(range(1, len(case.inputs)))
    yield asked
    if not rest <= asked:
        yield rest


def unfit(case: Case, constants: frozenset[int]) -> str:
    """Why a case does not apply; nothing where it does."""
    signals = [x for i, x in enumerate(case.inputs) if x is not None and i not in constants]
    if not signals:
        return "no input"
    integers = "iu" if case.node.op_type in INTEGER_INPUTS else ""
    inexact = [x.dtype for x in signals if x.dtype not in EXACT and x.dtype.kind not in integers]
    odd = [*inexact, *(y.dtype for y in case.outputs if y.dtype not in EXACT and y.dtype.kind not in "iu")]
    if odd:
        return f"type {odd[0]}"
    if min(x.size for x in (*signals, *case.outputs)) == 0:
        return "empty tensor"
    if case.node.op_type == "MatMul" and len(signals) == 2 and min(x.ndim for x in signals) == 1:
        return "vector beside a matrix"
    return ""


def outcome(case: Case, constants: frozenset[int], path: Path) -> str:
    """Run a case: nothing where it passes, else why it is refused.

    Raises:
        AssertionError: The result is wrong.
    """
    recurrent = case.node.op_type in BATCH_AXES
    batched = case if recurrent else lifted(case, constants)
    constants |= {i for i, x in enumerate(batched.inputs) if i >= len(case.inputs) or case.inputs[i] is None}
    path.write_bytes(model_of(batched, constants).SerializeToString())
    try:
        network = load(path)
    except UnsupportedError as error:
        return error.what.partition("cannot be imported: ")[2].replace(" (node 'node')", "")
    compare(network, samples_first(case) if recurrent else batched)
    return ""


def samples_first(case: Case) -> Case:
    """Return a recurrent case with its batch axis, which the operator has elsewhere, as we give and take arrays."""
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in case.node.attribute}
    if attributes.get("layout", 0):
        return case
    axes = BATCH_AXES[case.node.op_type]
    inputs = tuple(np.moveaxis(x, 1, 0) if i in (0, 5, 6) and x is not None else x for i, x in enumerate(case.inputs))
    named = [axis for axis, name in zip(axes, case.node.output, strict=False) if name]
    outputs = tuple(np.moveaxis(y, axis, 0) for axis, y in zip(named, case.outputs, strict=True))
    return Case(case.node, inputs, outputs, case.opset)


def compare(network: Network, case: Case) -> None:
    given = dict(zip(case.node.input, case.inputs, strict=True))
    with np.errstate(all="ignore"):
        found = run(network, {node.name: np.asarray(given[node.name]) for node in network.inputs})
    assert len(found) == len(case.outputs)
    for y, wanted in zip(found.values(), case.outputs, strict=True):
        assert y.shape == wanted.shape, (y.shape, wanted.shape)
        slack = UNROUNDED.get(case.node.op_type, 0.0)
        np.testing.assert_allclose(y, wanted.astype(np.float64), rtol=1e-3 * (slack == 0), atol=1e-5 + slack)


def test_every_case_of_a_claimed_operator_passes_or_is_listed(tmp_path: Path) -> None:
    failures, skipped, passed = [], [], set()
    for name, case in cases():
        for constants in variants(case):
            asked = constants == frozenset(HANDLERS[case.node.op_type].constants)
            title = f"{case.node.op_type} {name}{'' if asked else ' constants'}"
            reason = unfit(case, constants)
            try:
                reason = reason or outcome(case, constants, tmp_path / "m.onnx")
            except Exception as error:
                failures.append(f"{title}: {type(error).__name__}: {str(error)[:300]}")
                continue
            if reason:
                skipped.append(f"{title}: {reason}")
            else:
                passed.add(case.node.op_type)
    assert not failures, "\n".join(failures)
    (tmp_path / "skipped.txt").write_text("\n".join(sorted(skipped)) + "\n")
    assert (tmp_path / "skipped.txt").read_text() == SKIPPED.read_text()
    assert sorted(HANDLERS.keys() - passed) == sorted(UNTESTED)
