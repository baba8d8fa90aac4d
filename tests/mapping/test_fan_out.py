"""Copies or relays, whichever takes fewer cores; never more axons on a neuron than it can drive."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core_strategies import core_networks, dense, plain_chip
from neutrams.hardware import Chip
from neutrams.mapping import map_network
from neutrams.mapping.fan_out import plan_copies, wire
from neutrams.mapping.partition import Tile, cut_units
from neutrams.mapping.relay import relay_tiles
from neutrams.mapping.schedule import unit_levels
from neutrams.mapping.units import read_units
from neutrams.network import Network
from neutrams.network.ops import Neuron
from neutrams.neurons import find_model, models
from tick_oracle import run_program


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(case=core_networks(), fan_out=st.integers(1, 3))
def test_every_axon_gets_its_signal_within_the_fan_out(case: tuple[Network, Chip], fan_out: int) -> None:
    network, chip = case
    chip = chip.with_values(core={"fan_out": fan_out}, board={"chips": 1 << 20})
    units = read_units(network, chip)
    wiring = wire(plan_copies(cut_units(units, unit_levels(units), chip), units, chip), units)
    inner = wiring.feed_tile >= 0
    for tile, column, signal in zip(
        wiring.feed_tile[inner], wiring.feed_column[inner], wiring.signal[inner], strict=True
    ):
        assert wiring.tiles[tile].signals[column] == signal
    assert ((wiring.signal < units.channels) == ~inner).all()
    _, driven = np.unique(np.stack([wiring.feed_tile, wiring.feed_column])[:, inner], axis=1, return_counts=True)
    assert (driven <= fan_out).all()


def test_relays_where_copies_would_double_their_sources() -> None:
    """fc2 feeds 3 tiles: 2 more of fc2, fc1 and fc0 each are 6; relays, 2 x 3 columns a tile of 8, are 4 tiles."""
    network = dense([8, 8, 8, 8, 24])
    chip = plain_chip(core={"fan_out": 1})
    stats = map_network(network, chip).stats
    assert (stats.tiles, stats.relay_neurons, stats.copied_neurons) == (1 + 1 + 1 + 4 + 3, 24, 0)


def test_copies_where_they_cost_no_more() -> None:
    """fc0 reads channels, which have no limit: two copies more beat three relay tiles."""
    stats = map_network(dense([8, 8, 24]), plain_chip(core={"fan_out": 1})).stats
    assert (stats.tiles, stats.relay_neurons, stats.copied_neurons) == (3 + 3, 0, 16)


def test_copies_where_the_chip_has_no_exact_relay() -> None:
    """A weight of 1 and powers of two cannot give (2 x + 1) >> 1."""
    chip = plain_chip(core={"fan_out": 1, "weight_bits": 1}, neuron={"multiplier_bits": 1})
    stats = map_network(dense([8, 8, 8, 24]), chip).stats
    assert (stats.tiles, stats.relay_neurons) == (3 + 3 + 3, 0)


def test_a_relay_repeats_every_value() -> None:
    network = dense([8, 8, 8, 8, 24])
    for multiplier_bits in (1, 8):
        chip = plain_chip(core={"fan_out": 1}, neuron={"multiplier_bits": multiplier_bits})
        program = map_network(network, chip).program
        assert "fc2 [relay]" in program.origins
        x = np.eye(8)[:4] * np.array([[1], [2], [254], [255]])
        expected = x.sum(axis=1).astype(np.int64) + 1 >> 1
        for _ in range(3):
            expected = np.minimum(8 * expected + 1 >> 1, 255)
        np.testing.assert_array_equal(run_program(program, {"x": x})["d"], np.repeat(expected[:, None], 24, axis=1))


def test_no_relay_where_its_accumulator_would_clamp() -> None:
    """Outputs up to 255 do not pass an accumulator of 8 bits."""
    chip = plain_chip(core={"fan_out": 1, "accumulator_bits": 8})
    assert map_network(dense([8, 8, 8, 8, 24]), chip).stats.relay_neurons == 0
    assert map_network(dense([8, 8, 8, 8, 24], high=127), chip).stats.relay_neurons == 24


@pytest.mark.parametrize("multiplier_bits", [1, 8])
def test_a_model_is_mapped_by_its_mode_not_its_name(monkeypatch: pytest.MonkeyPatch, multiplier_bits: int) -> None:
    """The same rule under another name gives the same program, relays included."""
    known = find_model("requantize", "test")
    monkeypatch.setitem(models(), "other", replace(known, name="other"))
    network = dense([8, 8, 8, 8, 24])
    renamed = network.map(lambda node: replace(node, model="other") if isinstance(node, Neuron) else node)
    chip = plain_chip(
        core={"fan_out": 1, "accumulator_bits": 9},
        neuron={"models": ("requantize", "other"), "multiplier_bits": multiplier_bits},
    )
    program, other = map_network(network, chip).program, map_network(renamed, chip).program
    assert (other.model, other.mode) == ("other", "ann")
    assert other.origins == program.origins
    assert ("fc2 [relay]" in program.origins) == (multiplier_bits > 1)
    for name, values in program.neurons.parameters.items():
        np.testing.assert_array_equal(other.neurons.parameters[name], values)


@pytest.mark.parametrize(("synapses", "rows"), [("crossbar", [2, 2, 1]), ("list", [5])])
def test_relays_keep_to_the_synapse_memory(synapses: str, rows: list[int]) -> None:
    """12 weights of 8 bits hold a crossbar of 2 signals with 2 relays each, or 10 single synapses."""
    core = {"axons": 9, "neurons": 16, "synapses": synapses, "synapse_memory_bits": 12 * 8}
    one = np.zeros(1, dtype=np.int64)
    like = Tile(sources=one, weights=np.ones((1, 1)), signals=one, units=(0,), level=1)
    tiles = relay_tiles(np.arange(5), np.full(5, 2), like, 3, plain_chip(core=core))
    assert tiles is not None
    assert [len(tile.sources) for tile in tiles] == rows
    assert relay_tiles(np.arange(1), np.full(1, 13), like, 3, plain_chip(core=core)) is None
