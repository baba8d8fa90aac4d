"""What the checker of programs says about one broken constraint."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from neutrams.base.arrays import AnyArray

MOST = 1000
"""Places named for one constraint; a damaged table can break it in every row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One violated constraint.

    Attributes:
        constraint: Its name, the same for every place it is violated at.
        tile: Where; None where it is not about a tile.
        neuron: Where; None where it is not about a neuron.
        value: What the program has.
        limit: What is allowed.
        message: All of it in a sentence.
    """

    constraint: str
    tile: int | None = None
    neuron: int | None = None
    value: str | int
    limit: str | int
    message: str


Found = Iterator[Violation]


def places(mask: AnyArray) -> Iterator[int]:
    """The first `MOST` indices at which ``mask`` holds."""
    return (int(i) for i in islice(np.flatnonzero(mask), MOST))


def span(low: int, high: int) -> str:
    """How limits are written."""
    return f"{low} to {high}"
