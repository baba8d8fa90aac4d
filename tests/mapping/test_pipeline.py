"""Mapping never changes a value, and its figures hold."""

import numpy as np
import pytest
from core_strategies import core_inputs, core_networks
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tick_oracle import run_program

from neutrams.base.errors import CapacityError
from neutrams.hardware import Chip
from neutrams.mapping import MappedResult, map_network
from neutrams.network import Network, ops
from neutrams.program.verify import violations
from neutrams.reference import run

slow_draws = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))


def mapped(network: Network, chip: Chip, **options: int) -> MappedResult:
    try:
        return map_network(network, chip, **options)
    except CapacityError:
        assume(False)
        raise


@slow_draws
@given(data=st.data(), case=core_networks())
def test_mapped_program_gives_what_the_network_gives(data: st.DataObject, case: tuple[Network, Chip]) -> None:
    network, chip = case
    inputs = data.draw(core_inputs(network))
    program = mapped(network, chip).program
    read = [node for node in network.nodes if isinstance(node, ops.Decode)]
    bare = Network(
        (
            *(node for node in network.nodes if not isinstance(node, ops.Output | ops.Host)),
            *(ops.Output(name=f"out {node.name}", inputs=(node.name,)) for node in read),
        ),
        network.steps,
    )
    wanted = run(bare, inputs, chip)
    found = run_program(program, inputs)
    assert sorted(found) == sorted(node.name for node in read)
    for name, values in found.items():
        np.testing.assert_array_equal(values, wanted[f"out {name}"])


@slow_draws
@given(case=core_networks())
def test_mapped_program_is_legal_and_placed_no_worse_than_in_order(case: tuple[Network, Chip]) -> None:
    result = mapped(*case)
    assert violations(result.program) == []
    assert result.stats.weighted_hops <= result.stats.sequential_weighted_hops
