"""The whole transformation: what is exact stays exact, what meets has one scale, odd networks end well."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core_strategies import plain_chip
from neutrams.base.arrays import FloatArray
from neutrams.base.errors import UnsupportedError
from neutrams.evaluate.run import node_values
from neutrams.hardware import Chip, load_chip
from neutrams.network import Network, ops
from neutrams.reference import run
from neutrams.transform.options import TransformOptions
from neutrams.transform.pipeline import transform
from neutrams.transform.tuning.ann_fitter import AnnFitter
from neutrams.transform.tuning.ties import meeting_tensors

CORE = {"axons": 32, "neurons": 32}
CHIP = plain_chip(core=CORE, neuron={"multiplier_bits": 16})


def network_of(shape: tuple[int, ...], *nodes: ops.Node) -> Network:
    return Network((ops.Input(name="x", shape=shape), *nodes, ops.Output(name="y", inputs=(nodes[-1].name,))))


def relu(name: str, source: str) -> ops.Activation:
    return ops.Activation(name=name, inputs=(source,), function="relu")


def conv(name: str, source: str, weights: FloatArray) -> ops.Conv:
    ones = (1,) * (weights.ndim - 2)
    return ops.Conv(
        name=name, inputs=(source,), weights=weights, bias=np.zeros(len(weights)), stride=ones, dilation=ones
    )


def core_of(network: Network, chip: Chip, x: FloatArray, **options: object) -> Network:
    return transform(network, chip, {"x": x}, TransformOptions(**options)).network  # type: ignore[arg-type]


@settings(max_examples=24)
@given(bits=st.integers(1, 8), seed=st.integers(0, 99), weight_bits=st.sampled_from([2, 4, 8]))
def test_a_largest_value_is_exact_in_integers_at_any_width(bits: int, seed: int, weight_bits: int) -> None:
    """Of a ReLU and a pool of 2 x 2 nothing is lost but what the ReLU's own integers lack."""
    chip = CHIP.with_values(core={"weight_bits": weight_bits}, signal={"input_bits": bits, "output_bits": bits})
    pool = ops.Pool(
        name="p", inputs=("r",), kind="max", kernel=(2, 2), stride=(2, 2), dilation=(1, 1), before=(0, 0), after=(0, 0)
    )
    network = network_of((2, 4, 4), relu("r", "x"), pool, conv("c", "p", np.eye(2)[:, :, None, None]), relu("z", "c"))
    x = np.random.default_rng(seed).integers(0, 1 << bits, (20, 2, 4, 4)).astype(np.float64)
    core = core_of(network, chip, x)
    names = {node.name: node for node in core.nodes if isinstance(node, ops.Neuron)}
    given_ = node_values(core, {"x": x}, chip)
    delivered, largest = given_["r"][0].numpy(), given_["p"][0].numpy()
    assert names["p"].scale.tolist() == names["r"].scale.tolist()
    np.testing.assert_array_equal(largest, delivered.reshape(20, 2, 2, 2, 2, 2).max(axis=(3, 5)))


@given(low=st.floats(-10, 0), high=st.floats(0, 10), bits=st.integers(1, 8))
def test_the_encoder_has_an_integer_for_0_and_spans_the_values(low: float, high: float, bits: int) -> None:
    chip = CHIP.with_values(signal={"input_bits": bits})
    node = AnnFitter(chip).encode("e", "x", torch.tensor([[low, high]]), joined=False)
    point = -node.zero / node.scale
    assert abs(point - round(point)) <= 1e-6
    assert 0 <= round(point) <= node.high
    if bits > 1 or low == 0 or high == 0:
        slack = node.scale / 2 + 1e-5
        assert node.zero - slack <= low
        assert high <= node.zero + node.scale * node.high + slack


def weights(*shape: int) -> FloatArray:
    drawn: FloatArray = np.random.default_rng(0).normal(size=shape)
    return drawn


FOLDED = network_of(
    (2, 6), conv("c", "x", weights(3, 2, 2)), relu("a", "c"), ops.Reshape(name="k", inputs=("a",), shape=(5, 3)),
    conv("d", "k", weights(4, 5, 2)), relu("e", "d"),
)  # fmt: skip
TURNED = network_of(
    (4, 5), conv("c", "x", weights(5, 4, 1)), ops.Transpose(name="t", inputs=("c",), axes=(1, 0)),
    conv("d", "t", weights(5, 5, 1)), relu("b", "d"),
)  # fmt: skip
GROWN = network_of(
    (5,), ops.Linear(name="f", inputs=("x",), weights=weights(18, 5), bias=np.zeros(18)), relu("a", "f"),
    ops.Reshape(name="k", inputs=("a",), shape=(2, 3, 3)), conv("d", "k", weights(3, 2, 2, 2)), relu("e", "d"),
)  # fmt: skip
STACKED = network_of(
    (2, 6), conv("c", "x", weights(3, 2, 2)), relu("a", "c"), conv("d", "x", 3 * weights(3, 2, 2)), relu("b", "d"),
    ops.Concat(name="k", inputs=("a", "b"), axis=1), conv("e", "k", weights(2, 3, 2)), relu("z", "e"),
)  # fmt: skip


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("mode", ["ann", "snn"])
@pytest.mark.parametrize("network", [FOLDED, TURNED, GROWN, STACKED], ids=["folded", "turned", "grown", "stacked"])
def test_channels_that_meet_in_one_have_one_scale(network: Network, mode: str, bits: int) -> None:
    chip = CHIP.with_values(signal={"output_bits": bits}, neuron={"models": ("requantize", "if_soft")})
    x = np.random.default_rng(0).uniform(-1, 1, (64, *network.inputs[0].shape))
    options: dict[str, object] = {"mode": mode, "steps": 1 if mode == "ann" else 64}
    if mode == "snn" and network is STACKED:
        with pytest.raises(UnsupportedError, match="one channel of which holds values of several scales"):
            core_of(network, chip, x, **options)
        return
    got, exact = run(core_of(network, chip, x, **options), {"x": x}, chip)["y"], run(network, {"x": x})["y"]
    assert np.sqrt(np.square(got - exact).mean()) <= 0.1 * exact.max()


def test_which_tensors_meet() -> None:
    assert set(meeting_tensors(FOLDED)) == {"a"}
    assert set(meeting_tensors(TURNED)) == {"c"}
    assert set(meeting_tensors(STACKED)["a"]) == {"a", "b"}
    plain = network_of((2, 6), conv("c", "x", weights(3, 2, 2)), relu("a", "c"), conv("d", "a", weights(3, 3, 2)))
    assert meeting_tensors(plain) == {}


@pytest.mark.parametrize("samples", [1, 9])
@pytest.mark.parametrize("bits", [3, 8])
def test_windows_of_three_axes_and_constant_outputs_come_through(samples: int, bits: int) -> None:
    chip = CHIP.with_values(core={"weight_bits": bits})
    kernel = np.abs(weights(2, 2, 2, 2, 2))
    kernel[1] = 0
    network = network_of((2, 3, 3, 3), conv("c", "x", kernel), relu("a", "c"), conv("d", "a", weights(2, 2, 1, 1, 1)))
    x = np.random.default_rng(0).uniform(0, 1, (samples, 2, 3, 3, 3))
    got, exact = run(core_of(network, chip, x), {"x": x}, chip)["y"], run(network, {"x": x})["y"]
    assert np.abs(got - exact).max() <= (0.05 if bits == 8 else 0.6) * np.abs(exact).max()


@pytest.mark.parametrize("bits", [2, 8])
def test_parts_that_the_host_adds_up_have_one_scale_also_where_none_is_negative(bits: int) -> None:
    fc = ops.Linear(name="fc", inputs=("x",), weights=np.linspace(0.1, 1, 40).reshape(2, 20), bias=np.zeros(2))
    network, x = network_of((20,), fc), np.random.default_rng(0).uniform(0, 1, (30, 20))
    chip = CHIP.with_values(core={"axons": 9, "weight_bits": bits})
    core = core_of(network, chip, x)
    scales = [set(node.scale.tolist()) for node in core.nodes if isinstance(node, ops.Neuron)]
    assert len(scales) == 3
    assert len(set.union(*scales)) == 1
    if bits == 8:
        assert np.abs(run(core, {"x": x}, chip)["y"] - run(network, {"x": x})["y"]).max() <= 0.2


@settings(max_examples=20)
@given(seed=st.integers(0, 99), bias=st.sampled_from(["register", "row"]))
def test_parts_of_one_sum_have_one_scale(seed: int, bias: str) -> None:
    rng = np.random.default_rng(seed)
    chip = CHIP.with_values(core={"axons": 9, "bias": bias, "weight_bits": int(rng.integers(1, 8))})
    network = network_of((4, 5), conv("c", "x", rng.normal(size=(3, 4, 3))), relu("a", "c"))
    core = core_of(network, chip, rng.uniform(0, 1, (20, 4, 5)))
    parts = [node for node in core.nodes if isinstance(node, ops.Neuron) and node.part]
    assert len(parts) >= 2
    scales = [part.scale[:3] for part in parts]
    assert all(np.array_equal(scale, scales[0]) for scale in scales)


def test_what_is_read_by_a_late_activation_is_kept_until_then() -> None:
    """The accumulator comes before another reader of its input, its activation after it."""
    weights = np.eye(2)[:, :, None, None]
    for first in ("x", "r"):
        sum_ = ops.Add(name="s", inputs=("b", "d"), coefficients=np.ones((2, 2)), bias=np.zeros(2))
        late = [conv("c", first, weights), conv("d", first, weights), relu("b", "c"), sum_, relu("z", "s")]
        network = network_of((2, 2, 2), *([relu("r", "x")] if first == "r" else []), *late)
        x = np.random.default_rng(0).uniform(0, 1, (20, 2, 2, 2))
        got = run(core_of(network, CHIP, x), {"x": x}, CHIP)["y"]
        np.testing.assert_allclose(got, 2 * x, atol=0.05)


def test_each_part_makes_up_for_what_all_before_it_lack_just_once() -> None:
    """Many partial sums of few-bit weights err no more than a few of them do."""
    rng = np.random.default_rng(0)
    x = np.maximum(rng.normal(size=(300, 20)) @ rng.normal(size=(20, 240)) / 4, 0)
    weights = rng.normal(size=(16, 240)) / 15
    layer = ops.Linear(name="l", inputs=("x",), weights=weights, bias=np.zeros(16))
    network = network_of((240,), layer, relu("a", "l"))
    chip = CHIP.with_values(core={"weight_bits": 4})
    wanted = np.maximum(x @ weights.T, 0)
    error = run(core_of(network, chip, x), {"x": x}, chip)["y"] - wanted
    assert np.sqrt(np.mean(error**2) / np.mean(wanted**2)) < 0.12


def test_indices_that_are_looked_up_have_no_slope_and_need_none() -> None:
    found = ops.Host(name="h", inputs=("x",), function="one_hot", parameters={"depth": 4.0})
    layer = ops.Linear(name="l", inputs=("f",), weights=np.eye(3, 8), bias=np.zeros(3))
    network = network_of((2,), found, ops.Reshape(name="f", inputs=("h",), shape=(8,)), layer)
    x = np.random.default_rng(0).integers(0, 4, (40, 2)).astype(np.float64)
    core = core_of(network, CHIP.with_values(core={"weight_bits": 4}), x, effort=2)
    np.testing.assert_allclose(run(core, {"x": x}, CHIP)["y"], run(network, {"x": x})["y"], atol=0.1)


def test_a_number_a_sample_that_nothing_reads_does_no_harm() -> None:
    layer = ops.Linear(name="l", inputs=("x",), weights=np.eye(2, 4), bias=np.zeros(2))
    network = network_of((4,), layer)
    network = Network((ops.Input(name="rate", shape=()), *network.nodes))
    inputs = {"x": np.random.default_rng(0).random((20, 4)), "rate": np.full(20, 16000)}
    core = transform(network, CHIP, inputs, TransformOptions()).network
    np.testing.assert_allclose(run(core, inputs, CHIP)["y"], inputs["x"][:, :2], atol=0.02)


def test_halves_of_a_signed_value_are_not_booked_under_fan_in() -> None:
    """Six inputs fit any core; under hard reset the signed sum that a curved function reads travels as two halves."""
    fc = ops.Linear(name="fc", inputs=("x",), weights=np.eye(6), bias=np.zeros(6))
    curved = ops.Activation(name="f", inputs=("fc",), function="sigmoid")
    last = ops.Linear(name="last", inputs=("f",), weights=np.ones((2, 6)), bias=np.zeros(2))
    chip = CHIP.with_values(neuron={"models": ("if_hard",), "functions": ()})
    x = np.random.default_rng(0).normal(size=(40, 6))
    found = transform(network_of((6,), fc, curved, last), chip, {"x": x}, TransformOptions(mode="snn", steps=8))
    halves = [row for row in found.ledger if row.unit in ("fc [+]", "fc [-]")]
    assert {row.constraint for row in halves} == {"inherited", "weight_bits", "spikes"}


@pytest.mark.parametrize("bits", [1, 8])
def test_the_rounding_of_inputs_has_a_row_of_its_own(bits: int) -> None:
    """Inputs of whole steps are exact; of a third of a step each is off by so much, the outputs likewise."""
    fc = ops.Linear(name="fc", inputs=("x",), weights=np.eye(4), bias=np.zeros(4))
    chip, high = CHIP.with_values(signal={"input_bits": bits}), (1 << bits) - 1
    exact = np.array([[0.0, 0.0, high, high], [high, 0.0, high, 0.0]])
    third = np.abs(exact - 1 / 3)
    third[0, 0], third[1, 0] = 0.0, high  # so that the range stays
    for x, error in ((exact, 0.0), (third, np.sqrt(np.square(np.rint(third) - third).sum() / np.square(third).sum()))):
        found = transform(network_of((4,), fc, relu("r", "fc")), chip, {"x": x}, TransformOptions()).ledger
        (row,) = (row for row in found if row.constraint == "input_bits")
        assert (row.layer, row.unit) == ("x", "x")
        assert row.relative_error == pytest.approx(error, abs=1e-6)
        assert row.output_error == pytest.approx(error, abs=1e-6)


def test_a_channel_that_hardly_speaks_does_not_coarsen_a_core_that_shares_one_shift() -> None:
    """One of 8 channels gives at most 0.005, the others up to 7: on PRIME, one shift a core, 6 bits are kept."""
    rng = np.random.default_rng(0)
    x, first, last = rng.uniform(0, 1, (512, 20)), rng.normal(size=(8, 20)), rng.normal(size=(4, 8))
    bias = np.zeros(8)
    bias[3] = 0.005 - (x @ first[3]).max()
    network = Network((
        ops.Input(name="x", shape=(20,)), ops.Linear(name="fc", inputs=("x",), weights=first, bias=bias),
        ops.Activation(name="relu", inputs=("fc",), function="relu"),
        ops.Linear(name="last", inputs=("relu",), weights=last, bias=np.zeros(4)),
        ops.Output(name="y", inputs=("last",)),
    ))  # fmt: skip
    chip, wanted = load_chip("prime"), run(network, {"x": x})["y"]
    got = run(transform(network, chip, {"x": x}, TransformOptions()).network, {"x": x}, chip)["y"]
    assert np.sqrt(np.mean((got - wanted) ** 2)) < 0.03 * wanted.std()
