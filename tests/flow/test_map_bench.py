"""map-bench: every method's figures, by their names."""

import json

import numpy as np
import pytest

from neutrams.base.errors import SpecError
from neutrams.cli import main
from neutrams.flow import map_bench as bench
from neutrams.mapping.clusters import Limits, Nets, violations
from neutrams.mapping.workloads import conv

SMALL = {"effort": 0, "seed": 0, "scale": 0.01, "opponents": False, "network_seed": None}


def rows_of(names: list[str], **options: object) -> list[bench.MapRow]:
    return list(bench.map_bench(names, **{**SMALL, **options}, tell=lambda *_: None))  # type: ignore[arg-type]


def test_ours_is_legal_and_no_worse_than_sequential_order() -> None:
    rows = rows_of(list(bench.CASES), effort=1, scale=0.02)
    assert [row.workload for row in rows] == [name for name in bench.CASES for _ in range(2)]
    for sequential, ours in zip(rows[::2], rows[1::2], strict=True):
        assert (sequential.method, ours.method) == ("sequential", "ours")
        assert ours.legal
        assert ours.fewest_cores <= ours.cores
        assert ours.connectivity <= sequential.connectivity
        if not ours.cores == sequential.cores == 1 and "/" in ours.workload:
            assert ours.cores <= sequential.cores


def test_sequential_order_keeps_the_limits() -> None:
    nets, limits = conv(10, channels=4, layers=3), Limits(neurons=32, axons=60)
    part = bench._in_sequence(nets, limits)
    assert violations(nets, limits, part) == []
    assert (np.diff(part) >= 0).all()


def test_sequential_order_by_hand() -> None:
    """Two neurons a core, two axons a core: 0 and 1 read the same, 2 reads two others, 3 nothing."""
    nets = Nets(
        neurons=4,
        source=np.arange(4),
        start=np.array([0, 2, 4, 5, 6]),
        target=np.array([0, 1, 0, 1, 2, 2]),
        weight=np.ones(4),
    )
    assert bench._in_sequence(nets, Limits(neurons=2, axons=2)).tolist() == [0, 0, 1, 1]
    assert bench._in_sequence(nets, Limits(neurons=4, axons=2)).tolist() == [0, 0, 1, 1]


def test_seeds_and_sizes_are_options() -> None:
    one, other = (rows_of(["rand100k"], network_seed=seed, scale=0.05)[0] for seed in (1, 2))
    assert one.connectivity != other.connectivity
    assert rows_of(["rand100k"], scale=0.02)[0].neurons == 2000


def test_an_unknown_workload_is_refused() -> None:
    with pytest.raises(SpecError, match="sheet1"):
        bench.check_names(["sheet1"])


def test_the_command_prints_rows_and_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["map-bench", "--workloads", "rand100k", "--scale", "0.01", "--effort", "0", "--no-opponents"]
    with pytest.raises(SystemExit) as ended:
        main([*asked, "--json"])
    assert ended.value.code == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["method"] for row in rows] == ["sequential", "ours"]
    assert set(rows[0]) == set(bench.MapRow.__slots__)
    with pytest.raises(SystemExit):
        main(asked)
    assert "ours" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main([*asked, "--scale", "0"])
    assert ended.value.code == 2
