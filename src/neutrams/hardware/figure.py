"""A number with its unit and where it is from."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["published", "derived", "assumed", "peer", "tool", "user"]

SUFFIX_UNITS = {"_j": "J", "_s": "s", "_w": "W", "_mm2": "mm2", "_bits": "bit", "_ohm": "ohm", "_v": "V"}


class Figure(BaseModel):
    """One number of a chip file.

    Attributes:
        value: The number, in ``unit``.
        unit: SI unit, ``count``, ``bit`` or ``1``.
        kind: published (primary paper), derived (arithmetic on published), assumed (field knowledge), peer (an open
            tool's configuration), tool (a run of an open model), user (set by the user).
        source: Paper, tool or reasoning; one sentence.
        low: Lower end of the band of sources; the value itself where there is no band.
        high: Upper end of it.
        node_nm: Technology node the value holds for [nm].
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    value: int | float
    unit: str
    kind: Kind
    source: Annotated[str, Field(min_length=1)]
    low: float | None = None
    high: float | None = None
    node_nm: float | None = None

    @property
    def band(self) -> tuple[float, float, float]:
        """(low, nominal, high)."""
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        return float(low), float(self.value), float(high)

    @model_validator(mode="after")
    def _ordered(self) -> "Figure":
        low, value, high = self.band
        if not low <= value <= high:
            raise ValueError(f"the band {low} … {high} does not hold the value {value}")
        return self


def unit_of(key: str) -> str:
    """Return the unit a chip key is in: its suffix says it, and ``count`` where there is none."""
    return next((unit for suffix, unit in SUFFIX_UNITS.items() if key.endswith(suffix)), "count")


def absent(key: str) -> Figure:
    """Return what stands for a figure that a chip does not have and that then counts nothing."""
    return Figure(value=0, unit=unit_of(key), kind="assumed", source="not given; then it counts nothing")


def user_entry(key: str, value: object) -> dict[str, object]:
    """Return what stands for a figure, before validation, whose number comes from the user and not from a source."""
    return {"value": value, "unit": unit_of(key), "kind": "user", "source": "set by the user"}
