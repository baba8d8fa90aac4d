"""A network goes to a file and back unchanged; every damaged file is refused."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from core_strategies import core_networks
from neutrams.base.errors import FormatError, InputError
from neutrams.hardware import Chip
from neutrams.network import Input, Linear, Network, Output
from neutrams.network.store import load_network, network_from_parts, network_parts, save_network
from strategies import float_networks, image_networks

SMALL = Network(
    (
        Input(name="x", shape=(2,)),
        Linear(name="fc", inputs=("x",), weights=np.eye(2), bias=np.zeros(2)),
        Output(name="y", inputs=("fc",)),
    )
)


@given(network=float_networks() | image_networks())
@settings(max_examples=30)
def test_float_networks_round_trip(network: Network) -> None:
    with tempfile.TemporaryDirectory() as folder:
        save_network(network, Path(folder) / "n.nn")
        assert load_network(Path(folder) / "n.nn") == network


@given(case=core_networks())
@settings(max_examples=20)
def test_core_networks_round_trip_as_parts(case: tuple[Network, Chip]) -> None:
    network, _ = case
    assert network_from_parts(*network_parts(network)) == network


def test_same_network_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_network(SMALL, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_every_flipped_bit_is_refused(tmp_path: Path) -> None:
    save_network(SMALL, tmp_path / "n")
    data = (tmp_path / "n").read_bytes()
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 1 << (position % 8)
        (tmp_path / "n").write_bytes(damaged)
        with pytest.raises(FormatError):
            load_network(tmp_path / "n")


def test_every_truncated_file_is_refused(tmp_path: Path) -> None:
    save_network(SMALL, tmp_path / "n")
    data = (tmp_path / "n").read_bytes()
    for length in range(0, len(data), 7):
        (tmp_path / "n").write_bytes(data[:length])
        with pytest.raises(FormatError):
            load_network(tmp_path / "n")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone.*cannot read this network file"):
        load_network(tmp_path / "gone")
