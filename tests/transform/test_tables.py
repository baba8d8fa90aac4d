"""Look-up tables: they hold the function, one neuron an element is enough, and the ledger knows the cost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neutrams.base.arrays import AnyArray
from neutrams.evaluate import run as evaluate
from neutrams.flow import CompileOptions, compile_model, run_compiled
from neutrams.hardware import Chip, load_chip
from neutrams.network import Network, ops
from neutrams.program.verify import violations
from neutrams.reference import run as reference
from neutrams.reference.functions import apply_function
from neutrams.transform.ledger import LedgerRow
from neutrams.transform.options import TransformOptions
from neutrams.transform.pipeline import transform
from neutrams.transform.transformed import Transformed
from neutrams.transform.tuning.ranges import OutputRange
from neutrams.transform.tuning.tables import entries, index_range

CURVED: dict[str, dict[str, float]] = {
    "sigmoid": {}, "tanh": {}, "elu": {"alpha": 1.0}, "silu": {}, "gelu": {}, "softplus": {}, "exp": {}, "log": {},
    "reciprocal": {}, "sqrt": {}, "power": {"exponent": 2.0},
}  # fmt: skip


def act(function: str, name: str = "f", source: str = "z") -> ops.Activation:
    return ops.Activation(name=name, inputs=(source,), function=function, parameters=CURVED[function])


def tianji(bits: int, **keys: str) -> Chip:
    return load_chip("tianji", {"neuron.table_bits": str(bits), **{k.replace("_", ".", 1): v for k, v in keys.items()}})


def dense(function: str, width: int = 12) -> Network:
    """Two layers of one function, then a linear one."""
    rng = np.random.default_rng(3)
    nodes: list[ops.Node] = [ops.Input(name="x", shape=(width,))]
    for k in (1, 2):
        weights = rng.normal(0, 1.5 / np.sqrt(width), (width, width))
        nodes.append(
            ops.Linear(name=f"z{k}", inputs=(nodes[-1].name,), weights=weights, bias=rng.normal(0, 0.3, width))
        )
        nodes.append(act(function, f"f{k}", f"z{k}"))
    last = ops.Linear(name="fc", inputs=("f2",), weights=rng.normal(size=(3, width)), bias=np.zeros(3))
    return Network((*nodes, last, ops.Output(name="y", inputs=("fc",))))


X = np.random.default_rng(0).uniform(-1, 1, (300, 12)).astype(np.float32)


def transformed(network: Network, chip: Chip, mode: str = "ann", x: AnyArray = X) -> Transformed:
    options = TransformOptions(mode=mode, steps=1 if mode == "ann" else 8)
    return transform(network, chip, {"x": x}, options)


def error(network: Network, chip: Chip, x: AnyArray = X) -> float:
    wanted = reference(network, {"x": x})["y"]
    given = evaluate(transformed(network, chip, x=x).network, {"x": x}, chip)["y"]
    return float(np.sqrt(np.mean((given - wanted) ** 2) / np.mean(wanted**2)))


@given(
    function=st.sampled_from(sorted(CURVED)),
    bits=st.integers(1, 12),
    middle=st.sampled_from([-50.0, -1.0, 0.0, 1.0, 50.0]),
    spread=st.sampled_from([0.0, 1e-6, 0.1, 3.0, 40.0]),
)
def test_a_table_holds_its_function_to_half_a_step(function: str, bits: int, middle: float, spread: float) -> None:
    z = np.clip(middle + spread * np.linspace(-1, 1, 500), -60, 60)
    z = z[np.isfinite(apply_function(function, z, CURVED[function]))]
    index = index_range(act(function), z, bits, channels=3)
    assert index.high - index.low == (1 << bits) - 1
    assert -(1 << bits) < index.low <= 0
    assert (index.scale == index.scale[0]).all()
    assert index.scale[0] > 0
    output = OutputRange(scale=np.full(3, 0.01), zero=np.full(3, -0.5), low=0, high=255)
    table = entries(act(function), index, output)
    assert table.shape == (1 << bits,)
    assert table.min() >= 0
    assert table.max() <= 255
    at = index.zero[0] + np.arange(index.low, index.high + 1) * index.scale[0]
    exact = apply_function(function, at, CURVED[function])
    inside = np.isfinite(exact) & (exact >= -0.5) & (exact <= 2.05)
    assert (np.abs(-0.5 + 0.01 * table - exact)[inside] <= 0.005 * (1 + 1e-9)).all()


def test_an_index_is_not_wasted_where_a_function_is_flat() -> None:
    z = np.linspace(-30, 30, 4001)
    index = index_range(act("sigmoid"), z, 8, channels=1)
    assert index.scale[0] * 255 < 20
    assert index_range(act("power"), z, 8, channels=1).scale[0] * 255 > 58


@pytest.mark.parametrize("function", ["sigmoid", "tanh", "silu", "softplus"])
def test_a_longer_table_is_better_and_takes_no_more_neurons(function: str) -> None:
    network = dense(function)
    coarse, fine = error(network, tianji(5)), error(network, tianji(10))
    assert fine < 0.6 * coarse
    assert fine < 0.03


@pytest.mark.parametrize("sums", ["none", "signed"])
@pytest.mark.parametrize("function", ["sigmoid", "tanh", "silu"])
def test_a_table_replaces_an_approximator(function: str, sums: str) -> None:
    chip = tianji(8, signal_partial_sums=sums)
    compiled, plain = (
        compile_model(dense(function), c, {"x": X}, CompileOptions())
        for c in (chip, tianji(0, signal_partial_sums=sums))
    )
    assert violations(compiled.program) == []
    assert len(compiled.program.neurons) < len(plain.program.neurons) / 2
    assert compiled.program.tables.shape == (2, 256)
    assert (plain.program.tables.size, plain.program.neurons.table.size) == (0, 0)
    wanted = reference(compiled.network, {"x": X}, chip)["y"]
    np.testing.assert_array_equal(run_compiled(compiled, {"x": X}).outputs["y"], wanted)


def test_the_order_of_calibration_samples_does_not_matter_to_an_approximator() -> None:
    rng = np.random.default_rng(1)
    rising = rng.uniform(-1, 1, (2048, 12)) * np.linspace(0, 2, 2048)[:, None]
    ordered, mixed = (error(dense("sigmoid"), tianji(0), x) for x in (rising, rng.permutation(rising)))
    assert ordered < 1.2 * mixed


def activation_rows(network: Network, chip: Chip, mode: str = "ann") -> list[LedgerRow]:
    return [row for row in transformed(network, chip, mode).ledger if row.constraint == "activation"]


@pytest.mark.parametrize("mode", ["ann", "snn"])
def test_the_ledger_books_what_a_function_costs_by_table_or_by_approximator(mode: str) -> None:
    network = dense("tanh")
    for chip in (tianji(0), tianji(8)):
        rows = activation_rows(network, chip, mode)
        assert [row.unit for row in rows] == ["f1", "f2"]
        assert all(0 < row.relative_error < 0.02 and 0 < row.output_error < 0.05 for row in rows)
        assert all(row.agreement > 0.9 for row in rows)


def test_no_spiking_neuron_looks_anything_up() -> None:
    core = transformed(dense("tanh"), tianji(8), "snn").network
    neurons = [node for node in core.nodes if isinstance(node, ops.Neuron)]
    assert neurons
    assert not any(node.table.size for node in neurons)


def test_without_table_bits_a_named_function_has_a_table_of_its_own() -> None:
    def tables(function: str) -> list[int]:
        core = transformed(dense(function), load_chip("prime")).network
        return [node.table.size for node in core.nodes if isinstance(node, ops.Neuron) and node.table.size]

    assert tables("sigmoid") == [64, 64]
    assert tables("tanh") == []
    assert load_chip("prime").index_bits("sigmoid") == 6


def test_a_product_of_signals_looks_squares_up() -> None:
    rng = np.random.default_rng(0)
    fc = [
        ops.Linear(name=n, inputs=("x",), weights=rng.normal(size=(5, 12)), bias=rng.normal(size=5)) for n in ("a", "b")
    ]
    product = ops.Mul(name="m", inputs=("a", "b"))
    end = ops.Linear(name="fc", inputs=("m",), weights=rng.normal(size=(2, 5)), bias=np.zeros(2))
    network = Network((ops.Input(name="x", shape=(12,)), *fc, product, end, ops.Output(name="y", inputs=("fc",))))
    core = transformed(network, tianji(8)).network
    looked_up = [node.name for node in core.nodes if isinstance(node, ops.Neuron) and node.table.size]
    assert looked_up == ["m sum squared", "m difference squared"]
    assert error(network, tianji(8)) < 0.05


@pytest.mark.parametrize("sums", ["none", "signed"])
@pytest.mark.parametrize("function", ["sigmoid", "tanh", "silu"])
def test_a_border_around_what_was_looked_up_is_zero(function: str, sums: str) -> None:
    rng = np.random.default_rng(0)
    ones = (1, 1)
    nodes = (
        ops.Input(name="x", shape=(12,)),
        ops.Reshape(name="image", inputs=("x",), shape=(1, 3, 4)),
        ops.Conv(name="z", inputs=("image",), weights=rng.normal(size=(2, 1, 2, 2)), bias=np.zeros(2), stride=ones,
                 dilation=ones),
        act(function),
        ops.Pad(name="pad", inputs=("f",), before=(0, 1, 1), after=(0, 1, 1)),
        ops.Conv(name="c", inputs=("pad",), weights=rng.normal(size=(2, 2, 3, 3)), bias=np.zeros(2), stride=ones,
                 dilation=ones),
        ops.Output(name="y", inputs=("c",)),
    )  # fmt: skip
    assert error(Network(nodes), tianji(8, signal_partial_sums=sums)) < 0.03
