"""The ledger by layer and limit: parts taken together, the worst found, said in one sentence."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neutrams.report.data import LedgerEntry
from neutrams.report.losses import SUMS, losses_of, verdict, worst_of

shares = st.floats(min_value=0.0, max_value=1.0)
rows = st.builds(
    LedgerEntry,
    layer=st.sampled_from(["conv1", "conv2"]),
    unit=st.sampled_from(["1/2", "2/2"]),
    constraint=st.sampled_from(["weight_bits", "fan_in", *SUMS]),
    relative_error=st.none() | shares,
    output_error=st.none() | shares,
    agreement=st.none() | shares,
    accuracy=st.none() | shares,
)


@given(ledger=st.lists(rows))
def test_each_layer_and_limit_comes_once_with_all_its_parts(ledger: list[LedgerEntry]) -> None:
    losses = losses_of(ledger)
    assert [(loss.layer, loss.constraint) for loss in losses] == list(
        dict.fromkeys((row.layer, row.constraint) for row in ledger)
    )
    assert sum(loss.parts for loss in losses) == len(ledger)
    squares = math.fsum((row.output_error or 0.0) ** 2 for row in ledger)
    assert math.fsum(loss.output_error**2 for loss in losses) == pytest.approx(squares)
    for loss in losses:
        parts = [row for row in ledger if (row.layer, row.constraint) == (loss.layer, loss.constraint)]
        assert all(loss.output_error >= (row.output_error or 0.0) * (1 - 1e-12) for row in parts)
        kept = [row.agreement for row in parts if row.agreement is not None]
        assert loss.agreement == min(kept, default=None)


@given(ledger=st.lists(rows))
def test_no_other_limit_costs_more_than_the_worst(ledger: list[LedgerEntry]) -> None:
    losses = losses_of(ledger)
    worst = worst_of(losses)
    limits = [loss.output_error for loss in losses if loss.constraint not in SUMS]
    assert (0.0 if worst is None else worst.output_error) == max(limits, default=0.0)
    assert worst is None or worst.constraint not in SUMS
    inherited = any(loss.output_error > 0 for loss in losses)
    assert (worst.layer if worst else "no layer adds" if inherited else "Nothing is lost") in verdict(losses)


def test_two_parts_that_lose_3_and_4_percent_lose_5_together(entry) -> None:
    ledger = (
        entry("all", 0.9), entry("inherited", 0.8), entry("fan_in", 0.045),
        entry("weight_bits", 0.03, unit="1/2"), entry("weight_bits", 0.04, unit="2/2"),
    )  # fmt: skip
    assert verdict(losses_of(ledger)) == (
        "Most is lost to weight_bits in layer fc1: it alone changes the outputs by 5.0 %; 99.90 % of the answers stay, "
        "98.10 % are right."
    )
    assert verdict(losses_of((entry("fan_in", 0.0), entry("all", None)))) == "Nothing is lost: every step is exact."
    assert "rounding" in verdict(losses_of((entry("inherited", 0.1), entry("weight_bits", 0.0))))
