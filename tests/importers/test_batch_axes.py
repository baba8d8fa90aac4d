"""A reshape where the batch is not the first axis keeps it apart, or is refused."""

from math import prod
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neutrams.base.errors import UnsupportedError
from neutrams.importers import load
from onnx_models import check, i64, model, node, saved

FORMS = [(6,), (2, 3), (3, 1, 2), (1, 6), (6, 1, 1), (2, 1, 3)]
"""Shapes of six elements."""


def moved(first: list[int], at: int, target: list[int], back: int | None, size: int | str = "N") -> onnx.ModelProto:
    """x [N, *first]; its batch moves to axis ``at``, a reshape to ``target``; axis ``back`` of that comes first."""
    rank = len(first) + 1
    order = [*range(1, at + 1), 0, *range(at + 1, rank)]
    nodes = [node("Transpose", "x", "t", perm=order), node("Reshape", "t s", "r" if back is not None else "y")]
    if back is not None:
        perm = [back, *(axis for axis in range(len(target)) if axis != back)]
        nodes.append(node("Transpose", "r", "y", perm=perm))
    return model(nodes, (size, *first), {"s": i64(*target)})


@given(
    front=st.tuples(*[st.sampled_from([*FORMS[:2], (1, 6), (2, 1, 3)])] * 2),
    behind=st.tuples(*[st.sampled_from([*FORMS, (1,)])] * 2).filter(lambda pair: prod(pair[0]) == prod(pair[1])),
)
def test_what_stands_in_front_of_the_batch_and_behind_it_is_reshaped_apart(
    front: tuple[tuple[int, ...], ...], behind: tuple[tuple[int, ...], ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    target = [*front[1], -1, *behind[1]]
    made = moved([*front[0], *behind[0]], len(front[0]), target, len(front[1]))
    check(made, tmp_path_factory.mktemp("m"))


def shape_of(tmp_path: Path, first: list[int], at: int, target: list[int], size: int | str = "N") -> tuple[int, ...]:
    network = load(saved(moved(first, at, target, None, size), tmp_path))
    return network.shapes[network.outputs[0].name]


@pytest.mark.parametrize(
    ("first", "at", "target", "size", "shape"),
    [
        ([5, 1, 4], 2, [5, -1, 4], "N", (5, 4)),  # hidden states without their directions
        ([5, 1, 4], 2, [5, 1, 4], 1, (5, 4)),
        ([1, 4], 1, [-1, 4], "N", (4,)),
        ([1, 4], 1, [1, 4], 1, (4,)),
        ([5, 4], 1, [5, 3, 2, 2], 3, (5, 2, 2)),  # the batch as long as the file has it
        ([5, 4], 1, [0, 0, 2, -1], "N", (5, 2, 2)),
    ],
)
def test_axes_of_length_one_go(
    first: list[int], at: int, target: list[int], size: int | str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    assert shape_of(tmp_path, first, at, target, size) == shape


def test_a_zero_keeps_the_batch_where_it_is(tmp_path: Path) -> None:
    """[3, N, 1] to [3, N, 1], although the -1 alone could be the batch."""
    check(moved([3, 1], 1, [0, 0, -1], 1), tmp_path)


@pytest.mark.parametrize("target", [[-1], [20], [5, 4], [-1, 4], [20, 1], [4, 1, 5], [1, 5, 4], [5, -1, 3]])
def test_a_reshape_that_mixes_samples_or_drops_the_batch_is_refused(target: list[int], tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="does not keep the batch apart"):
        shape_of(tmp_path, [5, 1, 4], 2, target)


def test_the_last_states_of_both_directions_side_by_side_mix_samples(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="does not keep the batch apart"):
        shape_of(tmp_path, [2, 4], 1, [-1, 8])
    assert np.prod(shape_of(tmp_path, [2, 4], 1, [2, -1, 4])) == 8
